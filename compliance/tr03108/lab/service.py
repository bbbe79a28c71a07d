"""What the lab's servers have in common: a port on 127.0.0.1, connections with a deadline, a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from OpenSSL import SSL

LOOPBACK = "127.0.0.1"  # the only loopback address that macOS has without root: services differ by port
PATIENCE = 30.0  # seconds that a connection may last

LAST_WORDS = 1.0  # seconds to deliver what was written before the end


class Service(ABC):
    """A server on a free loopback port. Leaving the context ends every connection and waits for it."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @abstractmethod
    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from accept to the end. What the client breaks may be raised."""

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            with contextlib.suppress(TimeoutError, ConnectionError, SSL.Error, asyncio.CancelledError):
                async with asyncio.timeout(self._patience):
                    await self.converse(reader, writer)
        finally:
            await _close(writer)
            if task is not None:
                self._tasks.discard(task)


class RefusedPort:
    """A port where nothing listens: bound, so that nobody else gets it, but connections are refused."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind((LOOPBACK, 0))
        self.port = self._socket.getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(LAST_WORDS):
                await writer.wait_closed()
    except (TimeoutError, asyncio.CancelledError):  # a client that does not read what is still to be sent
        writer.transport.abort()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST instead of FIN."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def until_client_leaves(reader: asyncio.StreamReader) -> None:
    """Says nothing more, and reads until the client closes."""
    while await reader.read(4096):
        pass
