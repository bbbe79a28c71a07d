"""The only module that opens sockets: connections and DNS queries under deadlines, budgets and limits per address."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import Protocol, Self

from ..model import ProbePlan, Reason, Vantage
from ..wire.dns_message import read_message
from .pace import Pace
from .reachability import is_global
from .redirects import Endpoint, Redirects, parse_endpoint
from .store import Store
from .system import system_resolvers

OPEN_AT_ONCE = 100  # connections of the whole run: half of the smallest usual limit of open files (256, macOS)
QUERIES_AT_ONCE = 64  # DNS queries in flight: far below what fills a resolver's per-client limit
MESSAGES_KEPT = 2 * QUERIES_AT_ONCE  # DNS messages read lately: who validates next, or another domain, wants the same
BUFFER = 65536  # octets received but not yet read, per connection
DNS_PORT = 53
_OURS = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.EPERM, errno.EACCES)


class NotSeen(Exception):
    """We could not see: reason and detail of a Failure, and the ADDRESS:PORT that was tried, where one was."""

    def __init__(self, reason: Reason, detail: str, connected_to: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.connected_to = connected_to


class Refused(Exception):
    """The port answered the SYN with a reset: a fact about the target."""

    def __init__(self, connected_to: str, redirected: bool) -> None:
        super().__init__(f"{connected_to} refused the connection")
        self.connected_to = connected_to
        self.redirected = redirected


class PortRefused(NotSeen):
    """Nobody listens at the DNS server's port. With a resolver our blindness, with a target's server a fact."""


class Channel(Protocol):
    """Bytes in both directions. `receive` gives b"" at the end and, like `send`, raises ConnectionError on a break."""

    async def receive(self) -> bytes: ...

    async def send(self, data: bytes) -> None: ...


class Stream:
    """One TCP connection. Reads and writes have no time limit of their own: put them under `asyncio.timeout`."""

    def __init__(self, pipe: _Pipe, connected_to: str, redirected: bool) -> None:
        self._pipe = pipe
        self._opened = asyncio.get_running_loop().time()
        self.connected_to = connected_to
        self.redirected = redirected
        self.local_address = str(pipe.transport.get_extra_info("sockname")[0]).partition("%")[0]

    @property
    def seconds(self) -> float:
        """Seconds since the connection was there."""
        return asyncio.get_running_loop().time() - self._opened

    async def receive(self) -> bytes:
        """What has arrived, at least one octet; b"" at the end of the stream."""
        return await self._pipe.receive()

    async def send(self, data: bytes) -> None:
        """Returns when everything was handed to the system."""
        await self._pipe.send(data)

    async def close(self) -> None:
        """Closes; what could not be written yet is given up."""
        await self._pipe.close()


class _Pipe(asyncio.Protocol):
    """Buffers one connection. Unlike StreamReader it gives out what came before a reset."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._lost = asyncio.Event()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= BUFFER:
            self.transport.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        self._ended = True
        self._news.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        for event in (self._news, self._lost, self._writable):
            event.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def receive(self) -> bytes:
        while not self._received and not self._ended:
            self._news.clear()
            await self._news.wait()
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            if not self._lost.is_set():
                self.transport.resume_reading()
            return data
        self._raise_if_broken()
        return b""

    async def send(self, data: bytes) -> None:
        if self._lost.is_set():
            self._raise_if_broken()
            raise ConnectionResetError("the connection is closed")
        self.transport.write(data)
        await self._writable.wait()
        self._raise_if_broken()

    async def close(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
        await self._lost.wait()

    def _raise_if_broken(self) -> None:
        if self._error is not None:
            raise ConnectionResetError(str(self._error) or type(self._error).__name__) from self._error


class Network:
    """The network of one run, an async context manager. Raises UsageError for malformed redirections or resolvers."""

    def __init__(self, plan: ProbePlan) -> None:
        self.plan = plan
        self.redirects = Redirects.parse(plan.connect)
        self.resolvers = tuple(parse_endpoint(text, DNS_PORT) for text in plan.resolvers or system_resolvers())
        self.store = Store()
        self.read_message = lru_cache(MESSAGES_KEPT)(read_message)
        self.paces: dict[str, Pace] = {}  # by address
        self.kept: dict[tuple[str, str, int], dict[str, int]] = {}  # Certificate messages, by service address
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._spent: Counter[tuple[str, int]] = Counter()
        self._open = asyncio.Semaphore(OPEN_AT_ONCE)
        self._queries = asyncio.Semaphore(QUERIES_AT_ONCE)
        self._families: dict[int, bool] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.store.close()

    @property
    def vantage(self) -> Vantage:
        """From where we look, as far as seen by now."""
        return Vantage(tuple(r.text for r in self.resolvers), self._families.get(4), self._families.get(6))

    @asynccontextmanager
    async def connect(self, host: str, address: str, port: int) -> AsyncIterator[Stream]:
        """A connection to a service address, redirected where the plan says so, closed at the end.

        Raises Refused when the port is closed, and NotSeen when we may not, cannot or could not connect.
        """
        redirection = self.redirects.resolve(host, address, port)
        if redirection is None and not self.plan.allow_private and not is_global(address):
            raise NotSeen(Reason.NOT_GLOBAL, f"{address} is not globally reachable and was not contacted")
        slot = self._slots.setdefault(address, asyncio.Semaphore(self.plan.max_connections))
        async with slot, self._open:
            self.spend(address, port)
            stream = await self._dial(redirection or Endpoint(address, port), redirection is not None)
            try:
                yield stream
            finally:
                await stream.close()

    def spend(self, address: str, port: int) -> None:
        """Takes one connection from the budget of a service address. Raises NotSeen where nothing is left."""
        if self._spent[address, port] >= self.plan.budget:
            raise NotSeen(Reason.BUDGET, f"all {self.plan.budget} connections to this service address are used up")
        self._spent[address, port] += 1

    async def _dial(self, to: Endpoint, redirected: bool) -> Stream:
        loop = asyncio.get_running_loop()
        family = ipaddress.ip_address(to.address).version
        try:
            async with asyncio.timeout(self.plan.timeout):
                _, pipe = await loop.create_connection(_Pipe, to.address, to.port)
        except TimeoutError as error:
            detail = f"{to.text} did not answer within {self.plan.timeout:g} s"
            raise NotSeen(Reason.TIMEOUT, detail, to.text) from error
        except ConnectionRefusedError as error:
            self._families[family] = True
            raise Refused(to.text, redirected) from error
        except OSError as error:
            text = f"{to.text}: {error.strerror or error}"
            if not _has_route(to.address):
                if not redirected:
                    self._families.setdefault(family, False)
                text = f"{text} (this machine has no IPv{family} route to it)"
                raise NotSeen(Reason.VANTAGE, text, to.text) from error
            if error.errno in _OURS:
                raise NotSeen(Reason.VANTAGE, text, to.text) from error
            reset = isinstance(error, ConnectionError)
            raise NotSeen(Reason.ABORTED if reset else Reason.UNREACHABLE, text, to.text) from error
        self._families[family] = True
        return Stream(pipe, to.text, redirected)

    @asynccontextmanager
    async def name_server(self, host: str, address: str) -> AsyncIterator[Endpoint]:
        """Where an authoritative server is to be asked, redirected where the plan says so; one of few at a time.

        Raises NotSeen where we may not or cannot ask it.
        """
        redirection = self.redirects.resolve(host, address, DNS_PORT)
        if redirection is None and not self.plan.allow_private and not is_global(address):
            raise NotSeen(Reason.NOT_GLOBAL, f"{address} is not globally reachable and was not contacted")
        to = redirection or Endpoint(address, DNS_PORT)
        if not _has_route(to.address):
            version = ipaddress.ip_address(to.address).version
            raise NotSeen(Reason.VANTAGE, f"{to.text}: this machine has no IPv{version} route to it", to.text)
        async with self._slots.setdefault(address, asyncio.Semaphore(self.plan.max_connections)):
            yield to

    async def query_udp(self, server: Endpoint, wire: bytes, accept: Callable[[bytes], bool], seconds: float) -> bytes:
        """The first datagram from `server` that `accept` takes as the answer to `wire`; others are ignored.

        A socket of its own for each query (a new source port). Raises NotSeen.
        """
        async with self._queries:
            try:
                async with asyncio.timeout(seconds):
                    loop = asyncio.get_running_loop()
                    transport, waiting = await loop.create_datagram_endpoint(
                        lambda: _Datagrams(accept), remote_addr=(server.address, server.port)
                    )
                    try:
                        transport.sendto(wire)
                        return await waiting.answer
                    finally:
                        transport.close()
            except TimeoutError as error:
                raise NotSeen(Reason.TIMEOUT, f"no answer from {server.text} within {seconds:g} s") from error
            except ConnectionRefusedError as error:
                raise PortRefused(Reason.UNREACHABLE, f"{server.text} refused the port") from error
            except OSError as error:
                raise NotSeen(Reason.UNREACHABLE, f"{server.text}: {error.strerror or error}") from error

    async def query_tcp(self, server: Endpoint, wire: bytes, seconds: float) -> bytes:
        """The first message from `server` over TCP (RFC 7766). Raises NotSeen."""
        async with self._queries:
            try:
                async with asyncio.timeout(seconds):
                    _, pipe = await asyncio.get_running_loop().create_connection(_Pipe, server.address, server.port)
                    try:
                        await pipe.send(len(wire).to_bytes(2, "big") + wire)
                        return await _framed(pipe)
                    finally:
                        await pipe.close()
            except TimeoutError as error:
                raise NotSeen(Reason.TIMEOUT, f"no answer from {server.text} over TCP in {seconds:g} s") from error
            except ConnectionRefusedError as error:
                raise PortRefused(Reason.UNREACHABLE, f"{server.text} refused the port over TCP") from error
            except OSError as error:
                raise NotSeen(Reason.UNREACHABLE, f"{server.text} over TCP: {error.strerror or error}") from error


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, accept: Callable[[bytes], bool]) -> None:
        self._accept = accept
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.answer.done() and self._accept(data):
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _framed(pipe: _Pipe) -> bytes:
    """One message with a length of two octets before it."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        more = await pipe.receive()
        if not more:
            raise ConnectionResetError("closed before the answer was complete")
        data += more
    return data[2 : 2 + int.from_bytes(data[:2], "big")]


def _has_route(address: str) -> bool:
    """Whether the system would know where to send a packet for `address`. Sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, DNS_PORT))
    except OSError:
        return False
    return True
