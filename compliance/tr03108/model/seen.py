"""What was seen: observations, their values, and our blindness in the place of a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Reason(StrEnum):
    """Why *we* could not see. Never a statement about the target's conformity."""

    TIMEOUT = "TIMEOUT"  # no answer within the step's time
    UNREACHABLE = "UNREACHABLE"  # no route, host or network unreachable
    DEFERRED = "DEFERRED"  # 421 or 45x: the server asked us to come back later
    REJECTED = "REJECTED"  # a permanent refusal of this client (554 greeting, EHLO refused)
    ABORTED = "ABORTED"  # connection lost, or nonsense, before the question was answered
    BUDGET = "BUDGET"  # connection budget or deadline of the audit used up
    VANTAGE = "VANTAGE"  # this machine cannot do it (address family missing)
    NOT_GLOBAL = "NOT_GLOBAL"  # the address is not globally reachable and was not contacted
    NOT_PROBED = "NOT_PROBED"  # the plan did not ask


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a dialogue: `sender` is "C" (us) or "S" (them), `data` without line end, `at` in seconds."""

    sender: str
    data: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Our blindness: reason, detail in English for the evidence, and the dialogue up to there.

    `state` says where it arose, as in SmtpSession: "connect" means that no TCP connection came about. `connected_to` is
    the ADDRESS:PORT that was really tried, where one was: by it reachability and vantage are judged.
    """

    reason: Reason
    detail: str
    lines: tuple[Line, ...] = ()
    state: str = ""
    connected_to: str = ""


@dataclass(frozen=True, slots=True)
class Observation(Generic[T]):
    """What one question brought: exactly one of `value` and `failure`. `time` is when the answer was complete (UTC)."""

    key: str
    time: datetime
    value: T | None
    failure: Failure | None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.failure is None):
            raise ValueError(f"observation {self.key} needs exactly one of value and failure")


@dataclass(frozen=True, slots=True)
class DnsMessage:
    """The last complete answer of a server to one question, as received (RFC 1035 wire format).

    Of an authoritative server (keys dns-at and dns-at-tcp) whatever came is kept, readable or not; where its port
    refused us, `transport` is "refused" and `wire` empty.
    """

    name: str
    rdtype: str
    wire: bytes
    server: str
    transport: str  # "udp", "tcp" or "refused"


@dataclass(frozen=True, slots=True)
class Handshake:
    """One TLS handshake as seen from the client.

    `sent` and `received` are the raw TLS records of the handshake (received: capped at 64 KiB), from which version,
    suite, group and signature scheme can be read again. `chain` is what the server sent, DER, leaf first; empty
    where the handshake broke before. `ended` is one of "completed", "alert", "closed", "reset", "silent",
    "garbage"; `alert` is the server's alert number. `offered` names what the hello offered.
    """

    server_name: str | None
    offered: Mapping[str, str]
    sent: bytes
    received: bytes
    ended: str
    version: str | None
    suite: str | None
    group: str | None
    chain: tuple[bytes, ...]
    alert: int | None
    error: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SmtpSession:
    """One SMTP connection, from connect to QUIT or to the event that ended it.

    `state` is where it ended: "connect", "greeting", "ehlo", "starttls", "handshake", "ehlo-tls", "mail", "rcpt",
    "quit"; `ended` is how: "done", "refused" (TCP RST to SYN), "closed", "reset", "silent", "garbage", "overflow".
    """

    connected_to: str  # ADDRESS:PORT really used
    redirected: bool
    lines: tuple[Line, ...]
    state: str
    ended: str
    handshake: Handshake | None


@dataclass(frozen=True, slots=True)
class ClientSession:
    """One connection to a service of mail clients, from connect to leaving or to the event that ended it.

    `protocol` is a name of SERVICE_KINDS. `lines` were said in the clear, `inside` within TLS. `state` is where it
    ended: "connect", "greeting", "capabilities", "starttls", "handshake", "capabilities-tls", "login", "quit"; with
    TLS from the first octet on, "handshake" comes before "greeting". `ended` is how, as in SmtpSession.
    """

    protocol: str
    connected_to: str  # ADDRESS:PORT really used
    redirected: bool
    lines: tuple[Line, ...]
    inside: tuple[Line, ...]
    state: str
    ended: str
    handshake: Handshake | None


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """One HTTP request and its response: `ended` as in SmtpSession, or "answered"; body capped, `truncated` when more
    came. `handshake` is None over plain HTTP, and where it did not come to TLS."""

    url: str
    connected_to: str
    redirected: bool
    handshake: Handshake | None
    ended: str
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class HelloExchange:
    """One ClientHello and the server's answer to it, on a connection of its own.

    `state` is where it ended: as in SmtpSession before TLS, "hello" from our hello on; `ended` is how: as in
    SmtpSession before TLS, then "answered", "alert", "closed", "reset", "silent" or "garbage". `lines` is the dialogue
    before TLS, kept only where it did not come to the hello.

    `sent` and `received` are handshake messages in clear, what TLS 1.3 encrypts included; of SSLv2 (`protocol`) its
    messages. A Certificate message that another exchange with the same service address holds is left out:
    `certificate` is its SHA-256 in hex. `alert` is level and number. `completed`: both Finished were exchanged.
    """

    connected_to: str
    redirected: bool
    protocol: str  # "tls" or "sslv2"
    lines: tuple[Line, ...]
    state: str
    ended: str
    sent: tuple[bytes, ...]
    received: tuple[bytes, ...]
    certificate: str
    alert: tuple[int, int] | None
    completed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Renegotiation:
    """One attempt of ours, as a client, to renegotiate a completed TLS 1.2 connection.

    `ended`: "accepted", "alert" (`alert` has its number; no_renegotiation is 100), "closed", "reset", "silent",
    "ignored" (the server answered the next command instead) or "no-handshake".
    """

    connected_to: str
    redirected: bool
    handshake: Handshake | None
    ended: str
    alert: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """One answer over HTTP that PKIX points to: OCSP or a CRL. `body` is capped; `status` None where none came."""

    url: str
    method: str
    connected_to: str
    redirected: bool
    request: bytes
    status: int | None
    body: bytes
    truncated: bool
    ended: str


ObservedValue = DnsMessage | SmtpSession | ClientSession | HttpExchange | HelloExchange | Renegotiation | Fetch
