"""The nouns of the product: frozen types that every room shares. Standard library only.

    probe -> Dossier, check -> Finding, judge -> Audit, render -> report

Three kinds of trouble never mix. What the target did is a *value* inside an `Observation`, however bad it is; that we
could not see is a `Failure` in its place; a mistake of ours is an exception. No observed fact has a default.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# --------------------------------------------------------------------------------------------------------------------
# What was seen
# --------------------------------------------------------------------------------------------------------------------


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

    `state` is where it ended: "connect", "greeting", "ehlo", "starttls", "handshake", "ehlo-tls", "mail", "quit";
    `ended` is how: "done", "refused" (TCP RST to SYN), "closed", "reset", "silent", "garbage", "overflow".
    """

    connected_to: str  # ADDRESS:PORT really used
    redirected: bool
    lines: tuple[Line, ...]
    state: str
    ended: str
    handshake: Handshake | None


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """One HTTPS GET: `ended` as in SmtpSession, or "answered"; body capped, `truncated` when more came."""

    url: str
    connected_to: str
    redirected: bool
    handshake: Handshake | None
    ended: str
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool


ObservedValue = DnsMessage | SmtpSession | HttpExchange


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Neutral questions and limits: what to ask, never what is good. Times in seconds.

    `mode` is "full" or "verdict"; `families` the address families in scope (4, 6); `connect` the redirections as
    given; `second_look` the time that must pass before a fact against the target is looked at again; `all_servers`:
    every authoritative server of the domain's and the mail hosts' zones is asked too.
    """

    mode: str = "full"
    services: tuple[str, ...] = ("smtp",)
    policies: tuple[str, ...] = ("mta-sts", "tlsrpt")
    plaintext_mail: bool = True
    families: tuple[int, ...] = (4, 6)
    allow_private: bool = False
    connect: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    timeout: float = 15.0
    greeting_timeout: float = 60.0
    deadline: float = 900.0
    max_connections: int = 4
    budget: int = 400
    second_look: float = 30.0
    all_servers: bool = False


@dataclass(frozen=True, slots=True)
class Vantage:
    """From where we looked: resolvers asked, and for each family whether this machine has a route (None: not tried)."""

    resolvers: tuple[str, ...]
    ipv4: bool | None
    ipv6: bool | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """All evidence of one domain's audit: bytes and events only, never "secure" or "valid".

    `trust_anchors` are DS or DNSKEY records in zone-file form; `roots` the PKIX roots (DER) to which the observed
    chains can lead. `complete` is False when the probe was interrupted.
    """

    domain: str
    started: datetime
    finished: datetime
    complete: bool
    tool_version: str
    plan: ProbePlan
    vantage: Vantage
    trust_anchors: tuple[str, ...]
    roots: tuple[bytes, ...]
    observations: Mapping[str, Observation[Any]]


# --------------------------------------------------------------------------------------------------------------------
# What was judged
# --------------------------------------------------------------------------------------------------------------------


class Level(StrEnum):
    """How binding a norm is (RFC 2119 words); INFO is not judged."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    INFO = "INFO"


class Outcome(StrEnum):
    """What a check says; the level of the norm turns it into a Verdict."""

    MET = "MET"
    MARGINAL = "MARGINAL"
    UNMET = "UNMET"
    NOT_OFFERED = "NOT_OFFERED"
    ABSENT = "ABSENT"
    UNSEEN = "UNSEEN"
    ASKED = "ASKED"


class Verdict(StrEnum):
    """What a finding, case or requirement ends in."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    FAIL = "fail"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    MANUAL = "manual"
    NOT_APPLICABLE = "not-applicable"
    INFO = "info"


class TargetVerdict(StrEnum):
    """What a domain's audit ends in."""

    NOT_COMPLIANT = "not-compliant"
    NOT_DEMONSTRATED = "not-demonstrated"
    NO_DEVIATION = "no-deviation"
    COMPLIANT = "compliant"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a domain, a host (port set where a service of it is meant) or a service address."""

    kind: str  # "domain", "host" or "service"
    name: str
    address: str | None = None
    port: int | None = None
    service: str | None = None

    @property
    def text(self) -> str:
        """`mx1.example.org/192.0.2.1:25`, `mx1.example.org:25`, `example.org`."""
        host = self.name if self.address is None else f"{self.name}/{bracketed(self.address)}"
        return host if self.port is None else f"{host}:{self.port}"


def bracketed(address: str) -> str:
    """An IPv6 address in brackets, any other text as it is."""
    return f"[{address}]" if ":" in address else address


@dataclass(frozen=True, slots=True)
class Waiver:
    """A deviation accepted by the operator: for one check or case and subject, with a reason, until a date."""

    finding: str  # check id or case id
    subject: str
    reason: str
    until: str  # ISO date


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found on one subject. `evidence` is JSON-able; words are made from `code` and `evidence` later."""

    case: str | None
    check: str
    requirement: str
    level: Level
    subject: Subject
    outcome: Outcome
    verdict: Verdict
    gated: bool
    code: str
    evidence: Mapping[str, Any]
    sources: tuple[str, ...]
    waived: Waiver | None = None
    file: str = "catalogue.toml"  # file below checks/ that holds the function


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test case of the profile: its worst verdict, how many findings, and why where nobody looked."""

    id: str
    verdict: Verdict
    findings: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """One requirement of the profile; `partial` when the profile leaves out MUST cases of it."""

    id: str
    level: Level
    verdict: Verdict
    partial: bool
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetAudit:
    """The judgement of one domain. `dossier` is kept for the report's head; `sha256` is of the dossier's file."""

    domain: str
    verdict: TargetVerdict
    dossier_sha256: str
    requirements: tuple[RequirementResult, ...]
    cases: tuple[CaseResult, ...]
    findings: tuple[Finding, ...]
    mail_hosts_examined: int
    expiring: tuple[Mapping[str, Any], ...]  # DNSSEC signatures that end before the as-of date
    expired_waivers: tuple[Waiver, ...]
    notes: tuple[str, ...]  # codes said at the head of the report: VANTAGE_NO_IPV6, IPV4_ONLY, REDIRECTED, ...
    started: datetime
    finished: datetime
    complete: bool
    vantage: Vantage
    plan: ProbePlan


@dataclass(frozen=True, slots=True)
class ProfileInfo:
    """What a report says of the profile."""

    id: str
    title: str
    source: str
    policy_editions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """One run over one or several domains: what every report is made of."""

    tool_version: str
    started: datetime
    finished: datetime
    as_of: datetime
    complete: bool
    profile: ProfileInfo
    options: Mapping[str, Any]
    targets: tuple[TargetAudit, ...]
    gate: str = "must"
    exit_status: int = field(default=0)


def rfc3339(time: datetime) -> str:
    """A time in UTC as RFC 3339 with microseconds where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def pem(der: bytes) -> str:
    """One DER certificate as PEM."""
    base64 = b64encode(der).decode()
    lines = "\n".join(base64[i : i + 64] for i in range(0, len(base64), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


class UsageError(Exception):
    """Bad user input: the message is one clear line that says what to do; front doors exit with status 2."""
