"""One pytest item for each check and subject, and how a finding becomes pytest's outcome.

pass            passed
fail            failed where gated, else xfailed
warn            passed with a ComplianceWarning, failed where gated
inconclusive    error where gated, else skipped
manual, not-applicable, info    skipped with the reason
"""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tr03108.front.progress import printable
from tr03108.judge import Call
from tr03108.model import Finding, Outcome, Verdict
from tr03108.plugin.paths import SHIPPED
from tr03108.pytest_warnings import ComplianceWarning
from tr03108.report import Texts

# Whatever filters a project sets ("error", say), a finding that only warns is no failure.
_LISTEN = f"always::{ComplianceWarning.__module__}.{ComplianceWarning.__qualname__}"
_GATING_WARNINGS = (Outcome.UNMET, Outcome.NOT_OFFERED)  # MARGINAL never gates


class CheckFile(pytest.Collector):
    """A file of shipped checks, under its own node id wherever the room lies."""

    items: Sequence[tuple[str, Call]]
    texts: Texts

    @classmethod
    def make(
        cls, session: pytest.Session, file: str, path: Path, items: Sequence[tuple[str, Call]], texts: Texts
    ) -> CheckFile:
        made: CheckFile = cls.from_parent(session, name=file, path=path, nodeid=f"{SHIPPED}/{file}")
        made.items = items
        made.texts = texts
        return made

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        return [CheckItem.make(self, name, call, self.texts) for name, call in self.items]


class CheckItem(pytest.Item):
    """One call of one check."""

    call: Call
    texts: Texts
    finding: Finding | None

    @classmethod
    def make(cls, parent: pytest.Collector, name: str, call: Call, texts: Texts) -> CheckItem:
        item: CheckItem = cls.from_parent(parent, name=name, nodeid=f"{parent.nodeid}::{name}")
        item.call = call
        item.texts = texts
        item.finding = None
        item.add_marker(pytest.mark.filterwarnings(_LISTEN))
        if call.must:
            item.add_marker("must")
        item.extra_keyword_matches.update({call.check_id, *([call.case] if call.case else [])})
        return item

    def setup(self) -> None:
        """Runs the check; what is gated and could not be decided is an error, which pytest has for setups only."""
        try:
            self.finding = self.call.run()
        except Exception:  # noqa: BLE001 a mistake in the check: an error, shown without pytest's own frames
            pytest.fail(f"the check {self.call.check_id} broke\n{traceback.format_exc()}", pytrace=False)
        self.user_properties += properties(self.finding)
        if self.finding.verdict is Verdict.INCONCLUSIVE and gates(self.finding):
            pytest.fail(describe(self.finding, self.texts), pytrace=False)

    def runtest(self) -> None:
        assert self.finding is not None
        report(self.finding, self.texts, _skip)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the check stands in node ids, not on this disk; and the headline of a failure.

        pytest turns the dots of a headline that ends the node id into `::` (`starttls.offered`): this one does not.
        """
        return self.config.rootpath / self.nodeid.partition("::")[0], 0, f"{self.name} ({self.call.check_id})"


def gates(finding: Finding) -> bool:
    """Whether the finding, were it bad, would count in the exit status."""
    return finding.gated and finding.waived is None


def report(finding: Finding, texts: Texts, skip: Callable[[str], NoReturn]) -> None:
    """Ends the item as the table above says; an inconclusive finding that gates has ended in setup."""
    text = describe(finding, texts)
    verdict = finding.verdict
    if verdict is Verdict.PASS:
        return
    if verdict is Verdict.WARN and not (gates(finding) and finding.outcome in _GATING_WARNINGS):
        warnings.warn(ComplianceWarning(text), stacklevel=2)
        return
    if verdict not in (Verdict.FAIL, Verdict.WARN):
        skip(brief(finding, texts))
    if not gates(finding):
        pytest.xfail(brief(finding, texts))  # does nothing under --runxfail, as its users expect
    pytest.fail(text, pytrace=False)


def _skip(reason: str) -> NoReturn:
    raise pytest.skip.Exception(reason, _use_item_location=True)


def brief(finding: Finding, texts: Texts) -> str:
    """Code and message on one line, for skips and expected failures."""
    waived = f" (waived until {finding.waived.until}: {finding.waived.reason})" if finding.waived else ""
    return printable(f"{finding.verdict}: {finding.code}: {texts.message(finding)}{waived}")


def describe(finding: Finding, texts: Texts) -> str:
    """What an engineer needs to see: subject, message, remedy, evidence, sources."""
    level, subject = finding.level.value, finding.subject.text
    lines = [f"{finding.case or finding.check} {subject}: {finding.verdict} ({level}, {finding.code})"]
    lines.append(texts.message(finding))
    if remedy := texts.remedy(finding):
        lines.append(f"-> {remedy}")
    lines += [f"   {key}: {value}" for key, value in finding.evidence.items() if isinstance(value, str | int | float)]
    if finding.sources:
        lines.append(f"   {finding.requirement}; {', '.join(finding.sources)}")
    return "\n".join(printable(line) for line in lines)


def properties(finding: Finding) -> list[tuple[str, Any]]:
    """What JUnit files carry of a finding beyond pytest's outcome."""
    return [
        ("check", finding.check),
        ("requirement", finding.requirement),
        ("verdict", finding.verdict.value),
        ("code", finding.code),
    ]


def evidence_text(finding: Finding) -> str:
    """The evidence as indented JSON, ASCII only."""
    return json.dumps(finding.evidence, indent=1, default=str)
