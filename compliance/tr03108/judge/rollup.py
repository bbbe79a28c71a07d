"""From findings to cases, requirements and the verdict on a target (contract, "Verdicts")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..catalogue import Catalogue
from ..model import CaseResult, Finding, Level, Outcome, RequirementResult, TargetVerdict, Verdict
from ..profile import Profile, ProfileRequirement
from .algebra import WORST_FIRST, worst

_NOBODY_LOOKED = ("NOT_COVERED", "NOT_PROBED", "MANUAL_SENDING_SIDE", "MANUAL_DECLARATION")
_NOT_COUNTED = (Level.MAY, Level.INFO)


def case_results(findings: Sequence[Finding], profile: Profile) -> tuple[CaseResult, ...]:
    """Every case of the profile with its worst verdict."""
    results = []
    for case in profile.cases:
        mine = [finding for finding in findings if finding.case == case]
        verdict = worst(finding.verdict for finding in mine) or Verdict.INCONCLUSIVE
        codes = {finding.code for finding in mine}
        reason = next(iter(codes)) if len(codes) == 1 and codes <= set(_NOBODY_LOOKED) else None
        results.append(CaseResult(case, verdict, len(mine), reason))
    return tuple(results)


def requirement_results(
    findings: Sequence[Finding], profile: Profile, catalogue: Catalogue
) -> tuple[RequirementResult, ...]:
    """Every requirement of the profile with the verdict its findings make."""
    return tuple(
        RequirementResult(
            requirement.id,
            requirement.level,
            _requirement_verdict(requirement, _counting(findings, requirement, catalogue)),
            requirement.partial,
            requirement.cases,
        )
        for requirement in profile.requirements
    )


def _counting(findings: Iterable[Finding], requirement: ProfileRequirement, catalogue: Catalogue) -> list[Finding]:
    """The findings of a requirement; one about the whole domain counts in every requirement its case serves."""
    mine = []
    for finding in findings:
        shared = finding.subject.kind == "domain" and not finding.subject.service and finding.case in requirement.cases
        row = catalogue.checks.get(finding.check)
        if (finding.requirement == requirement.id or shared) and not (row is not None and row.remark):
            mine.append(finding)
    return mine


def _requirement_verdict(requirement: ProfileRequirement, findings: Sequence[Finding]) -> Verdict:
    counted = [
        verdict for finding in findings if (verdict := _weight(finding, requirement.level is Level.SHOULD)) is not None
    ]
    # With nothing to count nobody has looked; that is never a requirement that is met.
    return worst(counted) or Verdict.INCONCLUSIVE


def _weight(finding: Finding, recommended: bool) -> Verdict | None:
    """What a finding adds to its requirement; None: nothing."""
    if finding.level in _NOT_COUNTED:
        return None
    if finding.outcome is Outcome.UNSEEN:
        return Verdict.INCONCLUSIVE if recommended or finding.level is Level.MUST else None
    if finding.outcome is Outcome.ASKED and finding.level is Level.SHOULD:
        # Nobody has looked: neither "met with a warning" nor, in a MUST requirement, anything that binds.
        return Verdict.MANUAL if recommended else None
    if finding.level is Level.SHOULD and WORST_FIRST.index(finding.verdict) < WORST_FIRST.index(Verdict.WARN):
        return Verdict.WARN
    return finding.verdict


def target_verdict(requirements: Sequence[RequirementResult], *, examined: bool, every_family: bool) -> TargetVerdict:
    """The verdict on a target from its MUST requirements.

    `examined`: at least one mail host was (or the profile is for domains without). `every_family`: no address family
    was left out of scope.
    """
    verdicts = [r.verdict for r in requirements if r.level is Level.MUST]
    if Verdict.FAIL in verdicts:
        return TargetVerdict.NOT_COMPLIANT
    if Verdict.INCONCLUSIVE in verdicts or not verdicts or not examined:
        return TargetVerdict.NOT_DEMONSTRATED
    if Verdict.MANUAL in verdicts or not every_family:
        return TargetVerdict.NO_DEVIATION
    return TargetVerdict.COMPLIANT
