"""A network of its own in which a provider's public addresses are a round-trip time away, and everything is counted.

The process gets a network namespace of its own, whose loopback interface has all public addresses, and a mount
namespace of its own, whose resolv.conf names a resolver there. So every tool is called with the names and the standard
ports that its users would use, and nothing of it leaves the machine or changes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from delaying_proxy import Proxy

RESOLVER = "192.0.2.253"
GLUE = ("192.0.2.250", "192.0.2.251", "192.0.2.252")  # the name servers: root, top level, domains
DNS = 53
_MARK = "TR03108_BENCHMARK_NAMESPACE"  # says that this process is in it
_ANSWER_SECONDS = 10

Address = tuple[str, int]
Tally = Counter[Address]  # connections by port of a public address; at port 53 datagrams as well


def isolate() -> None:
    """Come back in namespaces of our own: the process is replaced by itself, so nothing may be open yet. Needs root."""
    if os.environ.get(_MARK) is None:
        command = ["unshare", "--net", "--mount", sys.executable, *sys.argv]
        os.execvpe(command[0], command, os.environ | {_MARK: "1"})
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    if len(links) != 1:
        raise SystemExit(f"{_MARK} is set, but this is not the benchmark's namespace: {links}")


def arrange(addresses: Sequence[str], folder: Path) -> None:
    """Give the namespaces' loopback interface these addresses, and the resolver a file of its own in `folder`."""
    for command in (["link", "set", "lo", "up"], *(["addr", "add", f"{each}/32", "dev", "lo"] for each in addresses)):
        subprocess.run(["ip", *command], check=True)
    own = folder / "resolv.conf"
    own.write_text(f"nameserver {RESOLVER}\noptions edns0 trust-ad\n")
    subprocess.run(["mount", "--bind", own, Path("/etc/resolv.conf").resolve()], check=True)


@contextmanager
def far_away(routes: Mapping[Address, Address], rtt: float) -> Iterator[Counting]:
    """Public addresses and ports that lead to servers `rtt` seconds away; those at port 53 for datagrams as well."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(dict(routes), rtt, there))
    process.start()
    there.close()
    try:
        here.recv()
        yield Counting(here)
    finally:
        here.send("enough")
        process.join()


class Counting:
    """`tally()` is what came since its last call."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def tally(self) -> Tally:
        self._pipe.send("tally")
        counted: Tally = self._pipe.recv()
        return counted


class _Datagrams(asyncio.DatagramProtocol):
    """Hands questions on, each from a port of its own, and gives the answers back a round-trip time later."""

    transport: asyncio.DatagramTransport

    def __init__(self, target: Address, rtt: float) -> None:
        self.count = 0
        self._target, self._rtt = target, rtt
        self._asking: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # CPython's own does not derive from DatagramTransport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.count += 1
        task = asyncio.get_running_loop().create_task(self._ask(data, addr))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, data: bytes, client: Address) -> None:
        loop = asyncio.get_running_loop()
        upstream, answer = await loop.create_datagram_endpoint(_Answer, remote_addr=self._target)
        try:
            upstream.sendto(data)
            async with asyncio.timeout(_ANSWER_SECONDS):
                found = await answer.found
        except TimeoutError:
            return  # as lost datagrams are: the client asks again
        finally:
            upstream.close()
        await asyncio.sleep(self._rtt)
        self.transport.sendto(found, client)


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.found.done():
            self.found.set_result(data)


def _serve(routes: Mapping[Address, Address], rtt: float, pipe: Connection) -> None:
    """A process: says that it listens, then its tally whenever the pipe asks, until the pipe says that it is enough."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        streams = {public: Proxy(target, rtt) for public, target in routes.items()}
        datagrams: dict[Address, _Datagrams] = {}
        for public, target in routes.items():
            await asyncio.start_server(streams[public].handle, *public, backlog=128)
            if public[1] == DNS:
                datagrams[public] = _Datagrams(target, rtt)
                await loop.create_datagram_endpoint(partial(datagrams.__getitem__, public), local_addr=public)
        pipe.send("ready")
        while await asyncio.to_thread(pipe.recv) == "tally":
            counted: Tally = Counter({public: proxy.tally().connections for public, proxy in streams.items()})
            for public, own in datagrams.items():
                counted[public] += own.count
                own.count = 0
            pipe.send(+counted)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
