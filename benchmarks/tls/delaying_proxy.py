"""A TCP proxy on loopback that answers as late as a server some round trips away, and counts connections.

The model, for a round-trip time R and a client that connects at time 0:

* The server accepts at 1.5 R (SYN, SYN-ACK, ACK), so its banner is at the client at 2 R. What a client sends first is
  at the server at 1.5 R as well, and the answer to it at the client at 2 R.
* Each piece read, and each end of a stream, is delivered half an R after it was read, in order.

Its errors. In the client's favour: connect() itself returns at once, so a connection that is only opened and closed
costs nothing; resets travel at once; no bandwidth, no loss, no slow start (a handshake stays below the ten segments
that may be sent at once). Against it: timers wake up to about 1 ms late, and the proxy has work of its own, which is
all that remains with R = 0. run.py measures what these come to and prints it.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

HOST = "127.0.0.1"
_Line = asyncio.Queue[tuple[float, bytes]]  # when it is due, and what; no octets: the end of the stream
_PIECE = 65536
_IN_FLIGHT = 1024  # pieces on their way, in one direction of one connection


@dataclass(frozen=True)
class Tally:
    """Connections accepted, and the most that were open at the same time: until the client's end of stream was read, so
    that one which a quick client has just closed may still count."""

    connections: int
    most_at_once: int


class Proxy:
    """Lives in the process of its own."""

    def __init__(self, target: tuple[str, int], rtt: float) -> None:
        self._target = target
        self._rtt = rtt
        self._accepted = self._open = self._most = 0
        self._handling: set[object] = set()  # asyncio alone forgets a task whose client has gone

    def tally(self) -> Tally:
        """Since the last call."""
        counted = Tally(self._accepted, self._most)
        self._accepted, self._most = 0, self._open
        return counted

    async def handle(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._accepted += 1
        self._open += 1
        self._most = max(self._most, self._open)
        accepted_at = asyncio.get_running_loop().time() + 1.5 * self._rtt
        writers = [to_client]
        this = asyncio.current_task()
        self._handling.add(this)
        try:
            async with asyncio.TaskGroup() as tasks:
                up: _Line = asyncio.Queue(_IN_FLIGHT)
                tasks.create_task(self._take(client, up, accepted_at, of_client=True))
                await _sleep_until(accepted_at)
                server, to_server = await asyncio.open_connection(*self._target)
                writers.append(to_server)
                down: _Line = asyncio.Queue(_IN_FLIGHT)
                tasks.create_task(self._take(server, down, accepted_at, of_client=False))
                tasks.create_task(_give(up, to_server))
                tasks.create_task(_give(down, to_client))
        except* OSError:  # a reset, or the client went before the last octets: both ends are closed below
            pass
        finally:
            for writer in writers:
                writer.close()
            self._handling.discard(this)

    async def _take(
        self,
        reader: asyncio.StreamReader,
        line: _Line,
        earliest: float,
        *,
        of_client: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        data = b"-"
        try:
            while data:
                data = await reader.read(_PIECE)
                await line.put((max(earliest, loop.time() + self._rtt / 2), data))
        finally:
            if of_client:
                self._open -= 1


async def _give(line: _Line, writer: asyncio.StreamWriter) -> None:
    while True:
        due, data = await line.get()
        await _sleep_until(due)
        if not data:
            writer.write_eof()
            return
        writer.write(data)
        await writer.drain()


async def _sleep_until(due: float) -> None:
    wait = due - asyncio.get_running_loop().time()
    if wait > 0:
        await asyncio.sleep(wait)


def _serve(target: tuple[str, int], rtt: float, pipe: Connection) -> None:
    """A process: says its port, then its tally whenever the pipe asks, until the pipe says that it is enough."""

    async def run() -> None:
        proxy = Proxy(target, rtt)
        async with await asyncio.start_server(proxy.handle, HOST, 0, backlog=128) as server:
            pipe.send(server.sockets[0].getsockname()[1])
            while await asyncio.to_thread(pipe.recv) == "tally":
                pipe.send(proxy.tally())

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


class DelayingProxy:
    """`port`, and what was counted since the last `tally()`."""

    def __init__(self, port: int, pipe: Connection) -> None:
        self.port = port
        self._pipe = pipe

    def tally(self) -> Tally:
        self._pipe.send("tally")
        counted: Tally = self._pipe.recv()
        return counted


@contextmanager
def delaying_proxy(target: int, rtt: float, host: str = HOST) -> Iterator[DelayingProxy]:
    """A proxy in front of a port of a loopback address, `rtt` seconds away, in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=((host, target), rtt, there))
    process.start()
    there.close()
    try:
        yield DelayingProxy(here.recv(), here)
    finally:
        here.send("enough")
        process.join()
