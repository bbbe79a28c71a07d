"""What the reports show of an audit, arranged for readers: steps to take, modules, groups of findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tr03108.catalogue import Catalogue
from tr03108.model import CaseResult, Finding, Outcome, Subject, TargetAudit, Verdict

from .texts import Texts

WORST_FIRST = ("fail", "inconclusive", "warn", "manual", "pass", "not-applicable", "info")
TARGET_WORST_FIRST = ("not-compliant", "not-demonstrated", "no-deviation", "compliant")
# Steps that can wait: consequences, whose cause has a step of its own, and what no repair at the target settles
LATER = {
    **dict.fromkeys(("NO_TLS", "STARTTLS_UNSEEN", "ADDRESSES_UNSEEN", "MX_UNSEEN"), 1),
    **dict.fromkeys(("TARGET_UNSEEN", "TARGET_REFUSED", "TARGET_NOT_IMPLICIT", "TARGET_CERTIFICATE"), 1),
    "NOT_COVERED": 2,
}
_MOST_ALIKE = 2  # findings that are shown although they say the same, say for IPv4 and IPv6


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and everything it would settle. `failed` is False where something could not be decided."""

    failed: bool
    code: str
    message: str
    remedy: str
    ids: tuple[str, ...]
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one test case, of one check of our own, or of one requirement without test case."""

    id: str
    title: str
    module: str
    result: CaseResult | None
    verdict: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Findings of one check that say the same: those to show, and those that may be folded behind them."""

    shown: tuple[Finding, ...]
    folded: tuple[Finding, ...]


def blocks(finding: Finding) -> bool:
    """Whether the gate stops at this finding: gated, not waived, and violated or undecided."""
    if not finding.gated or finding.waived is not None:
        return False
    if finding.verdict is Verdict.WARN:
        return finding.outcome in (Outcome.UNMET, Outcome.NOT_OFFERED)
    return finding.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)


def name_of(finding: Finding) -> str:
    """The id a reader knows the finding by: its test case, else the requirement or check it stands for."""
    return finding.case or finding.check.removeprefix("requirement.")


def short(identity: str) -> str:
    """`D-02` of `TR-03108-D-02`, any other id as it is."""
    return identity.removeprefix("TR-03108-")


def title_of(identity: str, catalogue: Catalogue, texts: Texts) -> str:
    """The title of a requirement, case or check in the language of the report; empty where there is none."""
    for rows in (catalogue.cases, catalogue.requirements, catalogue.checks):
        if identity in rows:
            return rows[identity].title[texts.lang]
    return ""


def notes(target: TargetAudit) -> tuple[str, ...]:
    """What the head of a report must say: the notes of the judge, and what follows from the plan."""
    plan = target.plan
    found = list(target.notes)
    if not target.complete and "PARTIAL" not in found:
        found.append("INCOMPLETE")
    if plan.connect:
        found.append("REDIRECTED")
    if len(plan.families) == 1:
        found.append(f"IPV{plan.families[0]}_ONLY")
    if plan.allow_private:
        found.append("ALLOW_PRIVATE")
    return _unique(found)


def first_steps(target: TargetAudit, texts: Texts) -> tuple[Step, ...]:
    """What to do, most urgent first: what is violated before what is undecided, causes before consequences.

    Findings that one remedy settles are one step.
    """
    steps: dict[tuple[bool, str, str], list[Finding]] = {}
    for finding in filter(blocks, target.findings):
        failed = finding.verdict is not Verdict.INCONCLUSIVE
        steps.setdefault((failed, finding.code, texts.remedy(finding)), []).append(finding)
    order = sorted(steps, key=lambda key: (not key[0], LATER.get(key[1], 0)))
    return tuple(
        Step(
            failed,
            code,
            texts.message(steps[failed, code, remedy][0]),
            remedy,
            _unique(name_of(finding) for finding in steps[failed, code, remedy]),
            tuple(dict.fromkeys(finding.subject for finding in steps[failed, code, remedy])),
        )
        for failed, code, remedy in order
    )


def nothing_to_do(target: TargetAudit) -> str:
    """The label to show where there is no step: nothing is violated, or what is does not count into the gate."""
    failed = any(finding.verdict is Verdict.FAIL for finding in target.findings)
    return "first_waived" if failed else "first_none"


def groups(target: TargetAudit, catalogue: Catalogue, texts: Texts) -> tuple[Group, ...]:
    """Every case of the profile with its findings, then requirements without test case, then our own checks."""
    by_name: dict[str, list[Finding]] = {}
    for finding in target.findings:
        by_name.setdefault(name_of(finding), []).append(finding)
    results = {result.id: result for result in target.cases}
    names = [
        *results,
        *sorted((name for name in by_name if name not in results), key=lambda x: x.startswith("TR-") is False),
    ]
    found = []
    for name in names:
        findings = tuple(sorted(by_name.get(name, ()), key=lambda finding: rank(finding.verdict.value)))
        result = results.get(name)
        verdict = result.verdict.value if result else worst(finding.verdict.value for finding in findings)
        found.append(
            Group(name, title_of(name, catalogue, texts), _module(name, findings, catalogue), result, verdict, findings)
        )
    return tuple(found)


def modules(found: Iterable[Group]) -> Iterator[tuple[str, tuple[Group, ...]]]:
    """The groups by module, in their order."""
    by_module: dict[str, list[Group]] = {}
    for group in found:
        by_module.setdefault(group.module, []).append(group)
    for module, members in by_module.items():
        yield module, tuple(members)


def clusters(findings: Iterable[Finding]) -> tuple[Cluster, ...]:
    """The findings in their order, many with the same verdict and code as one that stands for the others."""
    same: dict[tuple[str, str, str, bool, bool], list[Finding]] = {}
    for finding in findings:
        key = (finding.check, finding.verdict.value, finding.code, finding.waived is not None, blocks(finding))
        same.setdefault(key, []).append(finding)
    return tuple(
        Cluster(tuple(members), ()) if len(members) <= _MOST_ALIKE else Cluster((members[0],), tuple(members[1:]))
        for members in same.values()
    )


def counts(verdicts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How often each verdict occurs, worst first, without those that do not."""
    seen = list(verdicts)
    return tuple((verdict, seen.count(verdict)) for verdict in WORST_FIRST if verdict in seen)


def rank(verdict: str) -> int:
    """The place of a verdict when the worst comes first."""
    return WORST_FIRST.index(verdict)


def worst(verdicts: Iterable[str]) -> str:
    """The worst of some verdicts."""
    return min(verdicts, key=rank, default="info")


def _module(name: str, findings: tuple[Finding, ...], catalogue: Catalogue) -> str:
    if name in catalogue.cases:
        return catalogue.cases[name].module
    return "REQUIREMENT" if findings and findings[0].check.startswith("requirement.") else "OWN"


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
