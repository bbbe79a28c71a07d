"""What the tests of web pages and client services share: DNS answers and observations made by hand, without a tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from tr03108.evaluate.lookup import Lookup, Status
from tr03108.model import Failure, Handshake, HttpExchange, Observation, Reason
from unit.evaluate.conftest import NOW

V4, V4_OTHER, V6 = "192.0.2.1", "192.0.2.2", "2001:db8::1"
TIMEOUT = Failure(Reason.TIMEOUT, "no answer to SYN", (), "connect")


def lookup(name: str, rdtype: str, *records: str, status: str = "secure", kind: str | None = "") -> Lookup:
    """A judged answer. `kind` follows from `records` where it is not given."""
    found = "answer" if records else "nodata"
    rdatas = tuple(
        dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), text, relativize=False)
        for text in records
    )
    return Lookup(
        name=name,
        rdtype=rdtype,
        status=Status(status),
        kind=found if kind == "" else kind,
        owner=name,
        aliases=(),
        records=rdatas,
        ttl=None,
        cause=None,
        place=None,
        detail=f"{status} by hand" if status in ("bogus", "indeterminate") else None,
        zones=(),
        signatures=(),
        failure=None,
    )


def unseen(name: str, rdtype: str) -> Lookup:
    return lookup(name, rdtype, status="indeterminate", kind=None)


@dataclass
class Dns:
    """Answers from a table; all that is not in it is denied, securely."""

    answers: dict[tuple[str, str], Lookup] = field(default_factory=dict)

    def __call__(self, name: str, rdtype: str) -> Lookup:
        return self.answers.get((name, rdtype)) or lookup(name, rdtype)

    def put(self, name: str, rdtype: str, *records: str, status: str = "secure") -> Dns:
        self.answers[name, rdtype] = lookup(name, rdtype, *records, status=status)
        return self

    def host(self, name: str, *addresses: str) -> Dns:
        for rdtype, sign in (("A", "."), ("AAAA", ":")):
            if own := [address for address in addresses if sign in address]:
                self.put(name, rdtype, *own)
        return self

    def hide(self, name: str, rdtype: str) -> Dns:
        self.answers[name, rdtype] = unseen(name, rdtype)
        return self


def handshake(ended: str = "completed", chain: tuple[bytes, ...] = (), received: bytes = b"\x16") -> Handshake:
    return Handshake("web", {}, b"", received, ended, None, None, None, chain, None, None, 0.1)


def exchange(
    url: str = "https://web.example/",
    status: int | None = 200,
    body: bytes = b"",
    ended: str = "answered",
    tls: Handshake | None = None,
    truncated: bool = False,
    **headers: str,
) -> HttpExchange:
    """One answer; over https with a handshake that was completed, unless another one is given."""
    if tls is None and url.startswith("https:") and ended != "refused":
        tls = handshake()
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpExchange(url, "127.0.0.1:1", True, tls, ended, status, fields, body, truncated)


def refused(url: str = "https://web.example/") -> HttpExchange:
    return exchange(url, None, ended="refused")


def observed(key: str, value: object, time: datetime = NOW) -> Observation[Any]:
    failed = isinstance(value, Failure)
    return Observation(key, time, None if failed else value, value if isinstance(value, Failure) else None)


def seen(values: Mapping[str, object]) -> dict[str, Observation[Any]]:
    return {key: observed(key, value) for key, value in values.items()}
