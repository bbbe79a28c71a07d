"""The services of a mail provider: where each is found, what is spoken there, and how TLS begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """`name` is that of keys and of --service; `port` the registered one; `language` what is spoken (wire.languages),
    "" for HTTP.

    `implicit`: TLS from the first octet on; else the server is asked for it. `srv` is the label of its SRV records,
    "" where it has none; `farewell` what is said inside TLS before leaving. `family` is what both ways to begin TLS
    have in common: "submission", "imap", "pop3"; for all others it is the name.
    """

    name: str
    port: int
    language: str
    implicit: bool
    srv: str
    farewell: bytes

    @property
    def family(self) -> str:
        return _FAMILIES.get(self.name, self.name)


_FAMILIES = {"submissions": "submission", "imaps": "imap", "pop3s": "pop3"}

# RFC 8314 section 7 and RFC 6409 (ports), RFC 6186 section 3, RFC 8314 section 5.1, RFC 5804 section 1.8 (SRV).
SERVICE_KINDS: Mapping[str, ServiceKind] = {
    kind.name: kind
    for kind in (
        ServiceKind("smtp", 25, "smtp", False, "", b"QUIT\r\n"),
        ServiceKind("submission", 587, "smtp", False, "_submission._tcp", b"QUIT\r\n"),
        ServiceKind("submissions", 465, "smtp", True, "_submissions._tcp", b"QUIT\r\n"),
        ServiceKind("imap", 143, "imap", False, "_imap._tcp", b"a1 LOGOUT\r\n"),
        ServiceKind("imaps", 993, "imap", True, "_imaps._tcp", b"a1 LOGOUT\r\n"),
        ServiceKind("pop3", 110, "pop3", False, "_pop3._tcp", b"QUIT\r\n"),
        ServiceKind("pop3s", 995, "pop3", True, "_pop3s._tcp", b"QUIT\r\n"),
        ServiceKind("sieve", 4190, "sieve", False, "_sieve._tcp", b"LOGOUT\r\n"),
        ServiceKind("https", 443, "", True, "", b""),
    )
}

MAIL_SERVICE = SERVICE_KINDS["smtp"]  # what other mail servers talk to; all others are for mail clients
CLIENT_KINDS = tuple(kind for kind in SERVICE_KINDS.values() if kind is not MAIL_SERVICE)
