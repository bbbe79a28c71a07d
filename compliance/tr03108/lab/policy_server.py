"""An HTTPS server for MTA-STS policies (RFC 8461 section 3.3): each policy host well or in one named wrong way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from OpenSSL import SSL

from tr03108.lab.service import PATIENCE
from tr03108.lab.web_server import BEFORE_HTTP, Page, WebFault, WebServer, WebSite

PATH = "/.well-known/mta-sts.txt"
OVERSIZED = 256 * 1024  # octets; RFC 8461 section 3.3 advises clients to stop at 64 KiB


class PolicyFault(StrEnum):
    """How a policy server misbehaves."""

    REFUSED = "refused"  # nothing listens
    RESET_ON_CONNECT = "reset-on-connect"
    SILENT = "silent"  # accepts and says nothing
    NO_TLS = "no-tls"  # answers in clear
    STATUS_404 = "status-404"
    STATUS_500 = "status-500"
    RECOVERS = "recovers"  # 503 to the first request, then the policy
    REDIRECT = "redirect"  # 301 to another URL; RFC 8461 forbids following it
    OVERSIZED = "oversized"
    SLOW = "slow"  # one octet at a time
    CLOSE = "close"  # after the request, without an answer
    TRUNCATED = "truncated"  # less body than Content-Length says
    ENDLESS = "endless"  # a body without end, in chunks
    HEADERS_ENDLESS = "headers-endless"
    GZIP_BOMB = "gzip-bomb"  # encoded, though nobody asked for it


@dataclass(frozen=True, slots=True)
class PolicyBehaviour:
    """What is served. `text` has its line ends already; `raw` is a whole HTTP response, sent as it stands instead."""

    text: str
    content_type: str = "text/plain"
    fault: PolicyFault | None = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: str = ""


class PolicyServer(WebServer):
    """One or several policy hosts on one port."""

    def __init__(self, hosts: Mapping[str, PolicyBehaviour], context: SSL.Context, patience: float = PATIENCE) -> None:
        super().__init__({host: _site(behaviour) for host, behaviour in hosts.items()}, context, patience)


def _site(behaviour: PolicyBehaviour) -> WebSite:
    body = behaviour.text.encode("utf-8", "surrogateescape")
    page = Page(body, behaviour.content_type, headers=behaviour.headers, raw=behaviour.raw.encode("latin-1"))
    match behaviour.fault:
        case None:
            return WebSite({PATH: page})
        case PolicyFault.REDIRECT:
            return WebSite({PATH: replace(page, status=301, location="https://elsewhere.example/mta-sts.txt")})
        case PolicyFault.RECOVERS:
            busy = replace(page, status=503, headers=(("Retry-After", "1"),))
            return WebSite({PATH: replace(page, before=(busy,))})
        case PolicyFault.OVERSIZED:  # still a policy
            return WebSite({PATH: replace(page, body=page.body + b"comment: padding\r\n" * (OVERSIZED // 18))})
    fault = WebFault(behaviour.fault.value)
    return WebSite(fault=fault) if fault in BEFORE_HTTP else WebSite({PATH: replace(page, fault=fault)})
