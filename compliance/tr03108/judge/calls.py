"""Which check is called on which subject: nothing is silently absent, and every call gives exactly one finding.

Where a subject cannot be seen (contract, "Subjects"), the call stands in its place with the answer already fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..catalogue import Catalogue
from ..evaluate.views import Views
from ..model import Dossier, Finding, Level, Outcome, Subject, Waiver
from ..profile import Profile, ProfileRequirement
from .algebra import in_gate, verdict_of
from .check import Check
from .evidence import as_json
from .outcomes import Result, asked, unseen
from .rules import Rules
from .subjects import Placed, none_there, not_asked, subjects
from .waivers import waiver_for

_CATALOGUE_FILE = "catalogue.toml"


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
        mine = self._serving(case, check)
        if not mine:
            return check.removeprefix("requirement.")
        holding = [r for r in mine if subject.service in r.services]
        if subject.service and not holding:
            holding = [r for r in mine if not r.services]  # takes what no other one names
        return (holding or mine)[0].id

    def in_profile(self, case: str | None, check: str, subject: Subject) -> bool:
        """Whether what is seen of this service belongs to a requirement of the profile.

        Port 25 says nothing about the services of mail clients, nor they about it: where the profile has only the
        requirements of the one, what is seen of the other is not its matter. A check that the catalogue has under one
        requirement alone belongs there, whatever the service.
        """
        mine = self._serving(case, check)
        if not subject.service or any(not r.services or subject.service in r.services for r in mine):
            return True
        row = self.catalogue.cases.get(case) if case is not None else self.catalogue.checks.get(check)
        known = self.catalogue.requirements
        elsewhere = [known[name] for name in row.requirements] if row is not None else []
        own = any(r.id not in {each.id for each in elsewhere} for r in mine)
        return not own and not any(subject.service in r.services for r in elsewhere)

    def services(self, case: str | None, check: str) -> Iterator[tuple[str, ...]]:
        """The services of each requirement that has the case or check; where it names none, those the profile asks."""
        for requirement in self._serving(case, check):
            yield requirement.services or self.profile.plan.services

    def _serving(self, case: str | None, check: str) -> list[ProfileRequirement]:
        """The requirements of the profile that have the case, or the check."""
        return [r for r in self.profile.requirements if case in r.cases or check in r.checks]

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
        identity = check.removeprefix("requirement.")
        if identity in self.catalogue.requirements:
            return self.catalogue.requirements[identity].sources
        return tuple(r.source for r in self.profile.requirements if r.id == identity)


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
        for subject, view, fixed in _placed(check, norm, views)
        if norm.in_profile(check.case, check.id, subject)
    ]
    domain = Subject("domain", dossier.domain)
    called = {call.check_id for call in found}
    for missed in active(checks, profile):  # all that it could be called on is a matter of other requirements
        if missed.id not in called and (nothing := none_there(missed.each, views)) is not None:
            found.append(Call(missed.id, missed.case, missed.file, domain, norm, rules, missed, None, nothing))
    covered = {call.case for call in found}
    for case in profile.cases:
        if case not in covered:
            fixed = _uncovered(catalogue.cases[case].testable)
            found.append(Call(f"case.{case}", case, _CATALOGUE_FILE, domain, norm, rules, fixed=fixed))
    called = {call.check_id for call in found}
    for own in profile.checks:
        if own not in called:
            found.append(Call(own, None, _CATALOGUE_FILE, domain, norm, rules, fixed=unseen("NOT_COVERED")))
    for requirement in profile.requirements:
        if requirement.manual or not (requirement.cases or requirement.checks):
            check = f"requirement.{requirement.id}"
            fixed = asked("MANUAL_REQUIREMENT")
            found.append(Call(check, None, _CATALOGUE_FILE, domain, norm, rules, fixed=fixed))
    return found


def _placed(check: Check, norm: Norm, views: Views) -> Iterator[Placed]:
    """The subjects of a check, and for each requirement what stands for its services that nobody asked about."""
    yield from subjects(check.each, views, of_case=check.case is not None)
    for services in norm.services(check.case, check.id):
        yield from not_asked(check.each, views, services)


def _uncovered(testable: str) -> Result:
    if testable == "remote":
        return unseen("NOT_COVERED")
    return asked("MANUAL_SENDING_SIDE" if testable == "cooperative" else "MANUAL_DECLARATION")
