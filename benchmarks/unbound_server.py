"""Unbound as a validating forwarder in front of the lab's name server, and a client that spends little itself."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode

_START_SECONDS = 20
_ANSWER_SECONDS = 20
_NANOSECOND = 1e-9


class Unbound:
    """`async with Unbound(folder, anchors, upstream) as server:` with an empty cache; `server.port` is UDP.

    One thread; forwards all names to port `upstream` of 127.0.0.1. Its own processor time is read from Linux's /proc.
    """

    def __init__(self, folder: Path, anchors: Iterable[str], upstream: int) -> None:
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            self.port = int(chosen.getsockname()[1])
        self._process: asyncio.subprocess.Process | None = None
        self._config = folder / "unbound.conf"
        self._config.write_text(f"""server:
  interface: 127.0.0.1@{self.port}
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: "{folder / "unbound.log"}"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "validator iterator"
  msg-cache-size: 64m
  rrset-cache-size: 128m
  key-cache-size: 64m
  outgoing-range: 900
  num-queries-per-thread: 512
{"".join(f'  trust-anchor: "{line}"{chr(10)}' for line in anchors)}remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{upstream}
""")

    async def __aenter__(self) -> Self:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
        environment = os.environ | {"PATH": path}
        self._process = await asyncio.create_subprocess_exec(
            "/usr/bin/env", "unbound", "-d", "-c", str(self._config), env=environment
        )
        async with asyncio.timeout(_START_SECONDS):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    return self
                except OSError:
                    await asyncio.sleep(0.05)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        assert self._process is not None
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) * _NANOSECOND


async def ask_all(port: int, questions: Iterable[tuple[str, str]], in_flight: int) -> None:
    """Asks each question once; raises SystemExit for an answer that Unbound did not authenticate."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(_Client, remote_addr=("127.0.0.1", port))
    waiting = iter(list(enumerate(questions)))

    async def worker() -> None:
        for number, (name, rdtype) in waiting:
            query = dns.message.make_query(name, rdtype, want_dnssec=True, id=number % 65536)
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await client.ask(query.to_wire())
            if not answer[3] & dns.flags.AD or answer[3] & 0xF != dns.rcode.NOERROR:
                raise SystemExit(f"Unbound does not authenticate {name} {rdtype}")

    try:
        await asyncio.gather(*(worker() for _ in range(in_flight)))
    finally:
        transport.close()


class _Client(asyncio.DatagramProtocol):
    """All questions over one socket, told apart by their identifiers."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self._open: dict[bytes, asyncio.Future[bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # CPython's own does not derive from DatagramTransport

    async def ask(self, wire: bytes) -> bytes:
        self._open[wire[:2]] = asyncio.get_running_loop().create_future()
        self.transport.sendto(wire)
        return await self._open[wire[:2]]

    def datagram_received(self, data: bytes, addr: object) -> None:
        waiting = self._open.pop(data[:2], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(data)
