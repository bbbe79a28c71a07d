"""What the reports show of an audit, arranged for readers: steps to take, modules, groups of findings, mail hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tr03108.catalogue import Catalogue
from tr03108.model import CaseResult, Finding, Outcome, Subject, TargetAudit, Verdict

from .texts import Texts

WORST_FIRST = ("fail", "inconclusive", "warn", "manual", "pass", "not-applicable", "info")
TARGET_WORST_FIRST = ("not-compliant", "not-demonstrated", "no-deviation", "compliant")
# Steps that can wait: consequences, whose cause has a step of its own, and what no repair at the target settles
_LATER = {"NO_TLS": 1, "STARTTLS_UNSEEN": 1, "ADDRESSES_UNSEEN": 1, "MX_UNSEEN": 1, "NOT_COVERED": 2}
_HOST_COLUMNS = 8  # as many as fit a sheet of A4; which ones come first, the texts say


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and everything it would settle. `failed` is False where something could not be decided."""

    failed: bool
    code: str
    message: str
    remedy: str
    ids: tuple[str, ...]
    subjects: tuple[str, ...]


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
class Others:
    """The findings of an address that have no column: the worst verdict, how many have it, and how many there are."""

    verdict: str
    worst: tuple[tuple[str, str], ...]  # id and column head of those that have it, first those at which the gate stops
    count: int


@dataclass(frozen=True, slots=True)
class HostRow:
    """One address of one mail host with its findings, one place for each column."""

    subject: Subject
    findings: tuple[Finding | None, ...]
    others: Others | None
    negotiated: str


@dataclass(frozen=True, slots=True)
class HostTable:
    """The mail hosts: column heads and rows. `others`: whether some row has findings without a column."""

    columns: tuple[str, ...]
    rows: tuple[HostRow, ...]

    @property
    def others(self) -> bool:
        return any(row.others is not None for row in self.rows)


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
    order = sorted(steps, key=lambda key: (not key[0], _LATER.get(key[1], 0)))
    return tuple(
        Step(
            failed,
            code,
            texts.message(steps[failed, code, remedy][0]),
            remedy,
            _unique(name_of(finding) for finding in steps[failed, code, remedy]),
            _unique(finding.subject.text for finding in steps[failed, code, remedy]),
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


def mail_hosts(target: TargetAudit, texts: Texts) -> HostTable:
    """Every service address that was to be examined, with the verdicts found there."""
    by_subject: dict[Subject, dict[str, Finding]] = {}
    for finding in target.findings:
        if finding.subject.port is not None:
            by_subject.setdefault(finding.subject, {})[finding.check] = finding
    present = _unique(check for findings in by_subject.values() for check in findings)
    checks = sorted(present, key=texts.column_order)[:_HOST_COLUMNS]
    labels = {finding.check: texts.column(finding.check) or short(name_of(finding)) for finding in target.findings}
    rows = (
        HostRow(
            subject,
            tuple(findings.get(check) for check in checks),
            _others([finding for check, finding in findings.items() if check not in checks], labels),
            _negotiated(findings),
        )
        for subject, findings in by_subject.items()
    )
    return HostTable(tuple(labels[check] for check in checks), tuple(rows))


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


def _others(findings: Sequence[Finding], labels: Mapping[str, str]) -> Others | None:
    """The findings without a column in short. What stops the gate is never behind a worse verdict that does not."""
    found = sorted(findings, key=lambda finding: (not blocks(finding), rank(finding.verdict.value)))
    if not found:
        return None
    verdict = found[0].verdict
    worst = tuple((name_of(finding), labels[finding.check]) for finding in found if finding.verdict is verdict)
    return Others(verdict.value, worst, len(found))


def _negotiated(findings: dict[str, Finding]) -> str:
    """Version, suite and group of the connection, as the first check that tells them has it."""
    for check in ("tls.negotiated", "starttls.offered"):
        evidence = findings[check].evidence if check in findings else {}
        told = [str(evidence[key]) for key in ("version", "suite", "group") if isinstance(evidence.get(key), str)]
        if told:
            return " · ".join(told)
    return ""


def _module(name: str, findings: tuple[Finding, ...], catalogue: Catalogue) -> str:
    if name in catalogue.cases:
        return catalogue.cases[name].module
    return "REQUIREMENT" if findings and findings[0].check.startswith("requirement.") else "OWN"


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
