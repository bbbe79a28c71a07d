"""Which check is called on which subject: nothing is silently absent, and every call gives exactly one finding.

Where a subject cannot be seen (contract, "Subjects"), the call stands in its place with the answer already fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..catalogue import Catalogue
from ..evaluate.views import MailHost, Views
from ..model import Dossier, Finding, Level, Outcome, Subject, Waiver
from ..profile import Profile
from .algebra import in_gate, verdict_of
from .check import Check
from .evidence import as_json
from .outcomes import Result, absent, asked, unseen
from .rules import Rules
from .waivers import waiver_for

SMTP_PORT = 25
_PORT_REQUIREMENTS = {
    25: "TR-03108-03-M",
    **dict.fromkeys((465, 993, 995, 443), "TR-03108-01-M"),
    **dict.fromkeys((587, 143, 110), "TR-03108-02-R"),
}
_CATALOGUE_FILE = "catalogue.toml"
_NO_HOST = {"null": "NULL_MX", "none": "NO_MAIL_HOST", "unseen": "MX_UNSEEN"}


@dataclass(frozen=True, slots=True)
class Norm:
    """All that turns a Result into a Finding: the norm's place in the profile, and gate and waivers of the run."""

    profile: Profile
    catalogue: Catalogue
    as_of: datetime
    gate: str
    waivers: tuple[Waiver, ...]

    def requirement(self, case: str | None, check: str, subject: Subject) -> str:
        """The one requirement a finding belongs to (contract, "Requirement of a finding")."""
        mine = [r.id for r in self.profile.requirements if case in r.cases or check in r.checks]
        if case is None or not mine:
            return mine[0] if mine else check.removeprefix("requirement.")
        by_port = _PORT_REQUIREMENTS.get(subject.port or 0)
        return by_port if by_port in mine else mine[0]

    def in_profile(self, case: str | None, subject: Subject) -> bool:
        """Whether what is seen at this port belongs to a requirement of the profile.

        Port 25 says nothing about the ports of mail clients: where the profile has only the requirements of those,
        their cases stay open.
        """
        by_port = _PORT_REQUIREMENTS.get(subject.port or 0)
        if case is None or by_port not in self.catalogue.cases[case].requirements:
            return True
        mine = {r.id for r in self.profile.requirements if case in r.cases}
        return by_port in mine or not mine <= set(_PORT_REQUIREMENTS.values())

    def level(self, case: str | None, check: str, requirement: str, outcome: Outcome) -> Level:
        """The row's level unless the profile sets another; what a recommended requirement does not offer is SHOULD."""
        own = self.profile.levels.get(check) or (self.profile.levels.get(case) if case else None)
        level = own or self._row_level(case, check, requirement)
        recommended = self.requirement_level(requirement) is Level.SHOULD
        return Level.SHOULD if recommended and outcome is Outcome.NOT_OFFERED and level is Level.MUST else level

    def _row_level(self, case: str | None, check: str, requirement: str) -> Level:
        if case is not None:
            return self.catalogue.cases[case].level
        row = self.catalogue.checks.get(check)
        return row.level if row is not None else self.requirement_level(requirement)

    def requirement_level(self, requirement: str) -> Level:
        return next((r.level for r in self.profile.requirements if r.id == requirement), Level.MUST)

    def sources(self, case: str | None, check: str) -> tuple[str, ...]:
        if case is not None:
            return self.catalogue.cases[case].sources
        row = self.catalogue.checks.get(check)
        if row is not None:
            return row.sources
        requirement = self.catalogue.requirements.get(check.removeprefix("requirement."))
        return requirement.sources if requirement is not None else ()


@dataclass(frozen=True, slots=True)
class Call:
    """One check on one subject, ready to run. `view` is what the function sees; `fixed` the answer given instead."""

    check_id: str
    case: str | None
    file: str
    subject: Subject
    norm: Norm
    rules: Rules
    check: Check | None = None
    view: Any = None
    fixed: Result | None = None

    @property
    def must(self) -> bool:
        """Whether gate `must` looks at it: a MUST in a MUST requirement."""
        requirement = self.norm.requirement(self.case, self.check_id, self.subject)
        level = self.norm.level(self.case, self.check_id, requirement, Outcome.UNMET)
        return in_gate("must", level, self.norm.requirement_level(requirement))

    def run(self) -> Finding:
        """Calls the check and judges its answer."""
        result = self.fixed
        if result is None:
            if self.check is None:
                raise AssertionError(f"{self.check_id}: neither a check nor a fixed answer")
            result = self.check(self.view, self.rules)
        norm = self.norm
        requirement = norm.requirement(self.case, self.check_id, self.subject)
        level = norm.level(self.case, self.check_id, requirement, result.outcome)
        waived = waiver_for(norm.waivers, self.check_id, self.case, self.subject.text, norm.as_of)
        looked_at = in_gate(norm.gate, level, norm.requirement_level(requirement))
        decides = result.outcome not in (Outcome.MARGINAL, Outcome.ASKED)
        return Finding(
            case=self.case,
            check=self.check_id,
            requirement=requirement,
            level=level,
            subject=self.subject,
            outcome=result.outcome,
            verdict=verdict_of(result.outcome, level),
            gated=looked_at and decides and waived is None,
            code=result.code,
            evidence=as_json(dict(result.evidence)),
            sources=norm.sources(self.case, self.check_id),
            waived=waived,
            file=self.file,
        )


def active(checks: Sequence[Check], profile: Profile) -> tuple[Check, ...]:
    """The checks of a profile: those of its cases, and our own that it includes."""
    return tuple(c for c in checks if (c.case in profile.cases if c.case is not None else c.id in profile.checks))


def calls(
    dossier: Dossier,
    profile: Profile,
    catalogue: Catalogue,
    checks: Sequence[Check],
    as_of: datetime,
    gate: str,
    waivers: tuple[Waiver, ...],
    views: Views | None = None,
) -> list[Call]:
    """Every call that judging this dossier under this profile means, in the order of checks, then of the catalogue."""
    views = views or Views(dossier)
    norm = Norm(profile, catalogue, as_of, gate, waivers)
    rules = Rules(profile.parameters, profile.tls, as_of, dossier.started, dossier.roots)
    found = [
        Call(check.id, check.case, check.file, subject, norm, rules, check, view, fixed)
        for check in active(checks, profile)
        for subject, view, fixed in _subjects(check.each, views)
        if norm.in_profile(check.case, subject)
    ]
    covered = {call.case for call in found}
    domain = Subject("domain", dossier.domain)
    for case in profile.cases:
        if case not in covered:
            fixed = _uncovered(catalogue.cases[case].testable)
            found.append(Call(f"case.{case}", case, _CATALOGUE_FILE, domain, norm, rules, fixed=fixed))
    called = {call.check_id for call in found}
    for own in profile.checks:
        if own not in called:
            found.append(Call(own, None, _CATALOGUE_FILE, domain, norm, rules, fixed=unseen("NOT_COVERED")))
    for requirement in profile.requirements:
        if not requirement.cases and not requirement.checks:
            check = f"requirement.{requirement.id}"
            fixed = asked("MANUAL_REQUIREMENT")
            found.append(Call(check, None, _CATALOGUE_FILE, domain, norm, rules, fixed=fixed))
    return found


def _uncovered(testable: str) -> Result:
    if testable == "remote":
        return unseen("NOT_COVERED")
    return asked("MANUAL_SENDING_SIDE" if testable == "cooperative" else "MANUAL_DECLARATION")


Placed = tuple[Subject, Any, Result | None]


def _subjects(each: str, views: Views) -> Iterator[Placed]:
    """The subjects of one kind, each with its view, or with the answer that stands for it."""
    domain = Subject("domain", views.dossier.domain)
    blind = _blind(views)
    if blind is not None:
        yield domain, None, blind
    elif each == "domain":
        yield domain, views.domain, None
    elif not views.domain.hosts:
        kind = views.domain.routing.kind
        mx = views.domain.mx
        detail = (mx.detail or mx.cause) if mx is not None else "MX was not asked"
        yield domain, None, unseen(_NO_HOST[kind], detail=detail or "", mx=mx)
    elif each == "mail_host":
        for host in views.domain.hosts:
            yield host.subject, host, None
    else:
        for host in views.domain.hosts:
            yield from _addresses(host, views)


def _blind(views: Views) -> Result | None:
    """Trouble that leaves every check without sight: the resolver's, the root's, or a domain that is not there."""
    if views.resolver_trouble is not None:
        code, detail = views.resolver_trouble
        return unseen(code, detail=detail, resolvers=", ".join(views.dossier.vantage.resolvers))
    if views.domain.routing.kind == "not-found":
        return unseen("DOMAIN_NOT_FOUND", mx=views.domain.mx)
    return None


def _addresses(host: MailHost, views: Views) -> Iterator[Placed]:
    """The service addresses of a host; the host itself stands for addresses that are not there or were not seen."""
    whole = Subject("host", host.name, None, SMTP_PORT, "smtp")
    lookups = {"a": host.a, "aaaa": host.aaaa}
    if host.without_address:
        yield whole, None, absent("MX_WITHOUT_ADDRESS", **lookups)
        return
    for service in host.services:
        yield service.subject, service, None
    hidden = host.addresses_unseen(views.dossier.plan.families)
    not_asked = [
        rdtype
        for family, rdtype in ((4, "A"), (6, "AAAA"))
        if lookups[rdtype.lower()] is None and family in views.dossier.plan.families
    ]
    if hidden is not None:
        detail = f"{hidden.name} {hidden.rdtype}: {hidden.detail or hidden.cause or 'not seen'}"
        yield whole, None, unseen("ADDRESSES_UNSEEN", cause=hidden.cause, detail=detail, **lookups)
    elif not_asked:
        detail = f"{host.name} {' and '.join(not_asked)}: not asked"
        yield whole, None, unseen("ADDRESSES_UNSEEN", cause="NOT_PROBED", detail=detail, **lookups)
    elif not host.services:
        yield whole, None, unseen("NOT_PROBED", detail="no address of a family in scope", **lookups)
