"""An HTTPS server for MTA-STS policies (RFC 8461 section 3.3): each policy host well or in one named wrong way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import h11
from OpenSSL import SSL

from tr03108.lab.service import PATIENCE, Service, reset, until_client_leaves
from tr03108.lab.tls import PlainStream, TlsStream

PATH = b"/.well-known/mta-sts.txt"
MAX_REQUEST = 8192
OVERSIZED = 256 * 1024  # octets; RFC 8461 section 3.3 advises clients to stop at 64 KiB
DRIP_PAUSE = 0.2  # seconds between the octets of a slow body


class PolicyFault(StrEnum):
    """How a policy server misbehaves."""

    REFUSED = "refused"  # nothing listens
    RESET_ON_CONNECT = "reset-on-connect"
    SILENT = "silent"  # accepts and says nothing
    NO_TLS = "no-tls"  # answers in clear
    STATUS_404 = "status-404"
    STATUS_500 = "status-500"
    REDIRECT = "redirect"  # 301 to another URL; RFC 8461 forbids following it
    OVERSIZED = "oversized"
    SLOW = "slow"  # one octet at a time
    CLOSE = "close"  # after the request, without an answer
    TRUNCATED = "truncated"  # less body than Content-Length says


@dataclass(frozen=True, slots=True)
class PolicyBehaviour:
    """What is served. `text` has its line ends already."""

    text: str
    content_type: str = "text/plain"
    fault: PolicyFault | None = None


@dataclass(slots=True)
class PolicyRecord:
    """What one client asked for."""

    server_name: str | None = None
    requests: list[str] = field(default_factory=list)  # "GET /path host"


class PolicyServer(Service):
    """One or several policy hosts on one port. Which one is meant is said by the server name (SNI), as at hosters.

    A single host also answers to clients that name another or none; only a single host can misbehave before TLS.
    """

    def __init__(self, hosts: Mapping[str, PolicyBehaviour], context: SSL.Context, patience: float = PATIENCE) -> None:
        super().__init__(patience)
        self.hosts = dict(hosts)
        self.context = context
        self.records: list[PolicyRecord] = []
        self._single = next(iter(self.hosts.values())) if len(self.hosts) == 1 else None

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = PolicyRecord()
        self.records.append(record)
        match self._single.fault if self._single else None:
            case PolicyFault.RESET_ON_CONNECT:
                reset(writer)
                return
            case PolicyFault.SILENT:
                await until_client_leaves(reader)
                return
            case PolicyFault.NO_TLS:
                await PlainStream(reader, writer).read()
                await PlainStream(reader, writer).write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                return
                return
        channel = TlsStream(PlainStream(reader, writer), self.context)
        await channel.handshake()
        record.server_name = channel.server_name
        behaviour = self.hosts.get((record.server_name or "").lower(), self._single)
        if behaviour is not None:
            await self._serve(channel, record, behaviour)
        await channel.close()

    async def _serve(self, channel: TlsStream, record: PolicyRecord, behaviour: PolicyBehaviour) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST)
        try:
            request = await self._request(http, channel)
        except h11.RemoteProtocolError:
            return
        if request is None:
            return
        host = dict(request.headers).get(b"host", b"").decode("ascii", "replace")
        target = request.target.decode("ascii", "replace")
        record.requests.append(f"{request.method.decode('ascii', 'replace')} {target} {host}")
        if behaviour.fault is PolicyFault.CLOSE:
            return
        status, headers, body = _answer(behaviour, request.target)
        announced = len(body) + (100 if behaviour.fault is PolicyFault.TRUNCATED else 0)
        headers += [("Content-Length", str(announced)), ("Connection", "close")]
        await channel.write(http.send(h11.Response(status_code=status, headers=headers)))
        step = 1 if behaviour.fault is PolicyFault.SLOW else len(body) or 1
        for start in range(0, len(body), step):
            await channel.write(http.send(h11.Data(data=body[start : start + step])))
            if behaviour.fault is PolicyFault.SLOW:
                await asyncio.sleep(DRIP_PAUSE)

    @staticmethod
    async def _request(http: h11.Connection, channel: TlsStream) -> h11.Request | None:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await channel.read())
        return event if isinstance(event, h11.Request) else None


def _answer(behaviour: PolicyBehaviour, target: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [("Content-Type", behaviour.content_type)]
    if target != PATH or behaviour.fault is PolicyFault.STATUS_404:
        return 404, headers, b"not found\n"
    if behaviour.fault is PolicyFault.STATUS_500:
        return 500, headers, b"internal error\n"
    if behaviour.fault is PolicyFault.REDIRECT:
        return 301, [*headers, ("Location", "https://elsewhere.example/mta-sts.txt")], b""
    body = behaviour.text.encode("utf-8")
    if behaviour.fault is PolicyFault.OVERSIZED:
        body += b"comment: padding\r\n" * (OVERSIZED // 18)
    return 200, headers, body
