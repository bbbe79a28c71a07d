"""What was judged: findings, verdicts and all that a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from .dossier import Vantage
from .plan import ProbePlan


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
    not_examined: tuple[str, ...] = ()  # service addresses of an address family out of scope


@dataclass(frozen=True, slots=True)
class ProfileInfo:
    """What a report says of the profile. `former_ids`: it names the ids that cases had in the edition before."""

    id: str
    title: str
    source: str
    policy_editions: tuple[str, ...]
    former_ids: bool = False


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
