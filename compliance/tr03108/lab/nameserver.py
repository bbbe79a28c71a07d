"""The lab's name server: a `Tree` on UDP and TCP, on one port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from types import TracebackType
from typing import Self, cast

from tr03108.lab.authorities import Answering

HOST = "127.0.0.1"
PORT_ATTEMPTS = 50
MAX_CONNECTIONS = 100  # at the same time; more are closed at once
MAX_QUERIES = 1000  # on one connection
IDLE_SECONDS = 10.0


class NameServer:
    """`async with NameServer(tree) as server:` serves until the end of the block; `server.port` is UDP and TCP alike.

    `port` 0 takes any port that is free for both; without `tcp` nobody listens there on TCP. Raises OSError where no
    port can be had.
    """

    def __init__(self, tree: Answering, port: int = 0, *, tcp: bool = True) -> None:
        self.port = port
        self._tcp = tcp
        self._tree = tree
        self._datagrams: _Datagrams | None = None
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._closing = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        attempts = 1 if self.port else PORT_ATTEMPTS
        for attempt in range(1, attempts + 1):
            _, datagrams = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self._tree), local_addr=(HOST, self.port)
            )
            port = datagrams.port
            try:
                self._listener = await asyncio.start_server(self._connected, HOST, port)
                if not self._tcp:
                    await self._refuse()
            except OSError as error:
                await datagrams.close()
                if error.errno != errno.EADDRINUSE or attempt == attempts:
                    raise
            else:
                self.port, self._datagrams = port, datagrams
                break
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing = True
        if self._listener is not None:
            self._listener.close()
        while connections := list(self._connections):
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)
        if self._listener is not None:
            await self._listener.wait_closed()
        if self._datagrams is not None:
            await self._datagrams.close()

    async def _refuse(self) -> None:
        """Gives the TCP port up again: that it could be had shows that nobody else listens there."""
        assert self._listener is not None
        self._listener.close()
        await self._listener.wait_closed()
        self._listener = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= MAX_CONNECTIONS and not self._closing:
                await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client left, or said nothing for too long
        except asyncio.CancelledError:
            pass  # only __aexit__ cancels: the end of this task is all that is wanted
        finally:
            self._connections.discard(task)
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(MAX_QUERIES):
            async with asyncio.timeout(IDLE_SECONDS):
                size = int.from_bytes(await reader.readexactly(2), "big")
                answer = self._tree.answer(await reader.readexactly(size), udp=False)
                if answer is not None:
                    writer.write(len(answer).to_bytes(2, "big") + answer)
                    await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram by one datagram at most."""

    def __init__(self, tree: Answering) -> None:
        self._tree = tree
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()

    @property
    def port(self) -> int:
        assert self._transport is not None
        port = self._transport.get_extra_info("sockname")[1]
        assert isinstance(port, int)
        return port

    async def close(self) -> None:
        assert self._transport is not None
        self._transport.close()
        await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # CPython's own datagram transport does not derive from DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._tree.answer(data, udp=True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set_result(None)
