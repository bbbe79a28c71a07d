"""From a finding to pytest's outcome: the table of the plugin, each row once."""

from __future__ import annotations

import warnings
from datetime import date
from typing import NoReturn

import pytest

from tr03108.model import Finding, Level, Outcome, Subject, Verdict, Waiver
from tr03108.plugin.items import describe, report
from tr03108.pytest_warnings import ComplianceWarning
from tr03108.report import Texts

WAIVER = Waiver("tls.negotiated", "*", "old scanner", date(2027, 1, 1).isoformat())


class Skipped(Exception):
    """What `report` raises in these tests in the place of pytest's skip."""


def skip(reason: str) -> NoReturn:
    raise Skipped(reason)


def finding(outcome: Outcome, verdict: Verdict, *, gated: bool, waived: Waiver | None = None) -> Finding:
    return Finding(
        case=None,
        check="tls.negotiated",
        requirement="TR-03108-03-M",
        level=Level.MUST,
        subject=Subject("service", "mx1.example.org", "192.0.2.1", 25, "smtp"),
        outcome=outcome,
        verdict=verdict,
        gated=gated,
        code="SUITE_FORBIDDEN",
        evidence={"suite": "\x1b[31mRC4", "list": [1]},
        sources=("RFC 9325 section 4.2",),
        waived=waived,
    )


def ending(found: Finding) -> str:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            report(found, Texts.load("en"), skip)
        except Skipped:
            return "skipped"
        except pytest.xfail.Exception:
            return "xfailed"
        except pytest.fail.Exception:
            return "failed"
    return "warned" if any(issubclass(item.category, ComplianceWarning) for item in seen) else "passed"


@pytest.mark.parametrize(
    ("outcome", "verdict", "gated", "not_gated"),
    [
        (Outcome.MET, Verdict.PASS, "passed", "passed"),
        (Outcome.UNMET, Verdict.FAIL, "failed", "xfailed"),
        (Outcome.NOT_OFFERED, Verdict.FAIL, "failed", "xfailed"),
        (Outcome.UNMET, Verdict.WARN, "failed", "warned"),
        (Outcome.NOT_OFFERED, Verdict.WARN, "failed", "warned"),
        (Outcome.MARGINAL, Verdict.WARN, "warned", "warned"),
        (Outcome.UNSEEN, Verdict.INCONCLUSIVE, None, "skipped"),  # gated: an error, in setup
        (Outcome.ASKED, Verdict.MANUAL, "skipped", "skipped"),
        (Outcome.ABSENT, Verdict.NOT_APPLICABLE, "skipped", "skipped"),
        (Outcome.UNMET, Verdict.INFO, "skipped", "skipped"),
    ],
)
def test_table(outcome: Outcome, verdict: Verdict, gated: str | None, not_gated: str) -> None:
    assert ending(finding(outcome, verdict, gated=False)) == not_gated
    assert ending(finding(outcome, verdict, gated=True, waived=WAIVER)) == not_gated
    if gated is not None:
        assert ending(finding(outcome, verdict, gated=True)) == gated


def test_a_description_carries_what_an_engineer_needs() -> None:
    text = describe(finding(Outcome.UNMET, Verdict.FAIL, gated=True), Texts.load("en"))
    for part in ("mx1.example.org/192.0.2.1:25", "SUITE_FORBIDDEN", "MUST", "RFC 9325 section 4.2", "\\x1b[31mRC4"):
        assert part in text
    assert "\x1b" not in text
