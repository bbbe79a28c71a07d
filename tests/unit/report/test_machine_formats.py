"""junit.xml and SARIF."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Level, Outcome, Verdict, Waiver
from tr03108.report import Texts, junit, sarif
from tr03108.report.view import blocks

TEXTS = Texts.load("en")
WAIVER = Waiver("certificate.pkix", "*", "by decision", "2027-01-01")


def one_case(audit: Audit, catalogue: Catalogue, finding: Finding) -> ET.Element:
    audit = replace(audit, targets=(replace(audit.targets[0], findings=(finding,)),))
    case = ET.fromstring(junit(audit, catalogue, TEXTS)).find("testsuite/testcase")
    assert case is not None
    return case


@pytest.mark.parametrize(
    ("outcome", "level", "gated", "waived", "tags"),
    [
        (Outcome.MET, Level.MUST, True, None, []),
        (Outcome.UNMET, Level.MUST, True, None, ["failure"]),
        (Outcome.UNMET, Level.MUST, True, WAIVER, ["skipped"]),
        (Outcome.UNMET, Level.MUST, False, None, ["skipped"]),
        (Outcome.MARGINAL, Level.MUST, True, None, ["system-out"]),
        (Outcome.UNMET, Level.SHOULD, True, None, ["failure"]),
        (Outcome.NOT_OFFERED, Level.SHOULD, True, None, ["failure"]),
        (Outcome.UNMET, Level.SHOULD, False, None, ["system-out"]),
        (Outcome.UNSEEN, Level.MUST, True, None, ["error"]),
        (Outcome.UNSEEN, Level.MUST, False, None, ["skipped"]),
        (Outcome.ASKED, Level.MUST, True, None, ["skipped"]),
        (Outcome.ABSENT, Level.MUST, True, None, ["skipped"]),
        (Outcome.UNMET, Level.INFO, False, None, ["skipped"]),
    ],
)
def test_the_table_of_junit(
    outcome: Outcome, level: Level, gated: bool, waived: Waiver | None, tags: list[str],
    single: Audit, catalogue: Catalogue, finding: Callable[..., Finding],
) -> None:  # fmt: skip
    found = finding("TLSA_MISMATCH", outcome, level=level, gated=gated, waived=waived)
    case = one_case(single, catalogue, found)
    assert [child.tag for child in case] == tags
    assert blocks(found) == (tags in (["failure"], ["error"]))


def test_an_expected_failure_is_told_from_a_skip(
    single: Audit, catalogue: Catalogue, finding: Callable[..., Finding]
) -> None:
    for verdict_finding, kind in (
        (finding("TLSA_MISMATCH", gated=False), "pytest.xfail"),
        (finding("MANUAL_DECLARATION", Outcome.ASKED), "pytest.skip"),
    ):
        (child,) = one_case(single, catalogue, verdict_finding)
        assert child.get("type") == kind


def test_a_suite_for_each_domain_with_its_sums(audit: Audit, catalogue: Catalogue) -> None:
    root = ET.fromstring(junit(audit, catalogue, TEXTS))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["example.org", "flawless.example", "unseen.example"]
    for suite, target in zip(suites, audit.targets, strict=True):
        assert int(suite.get("tests", "")) == len(target.findings) == len(suite.findall("testcase"))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(name, "")) == len(suite.findall(f"testcase/{tag}"))
    case = next(item for item in suites[0].iter("testcase") if "D-02" in item.get("name", ""))
    assert case.get("name") == "TR-03108-D-02[mx1.example.org/192.0.2.1:25]"
    assert case.get("classname") == "example.org.d_dane_inbound"


class TestSarif:
    @pytest.fixture
    def run(self, audit: Audit, catalogue: Catalogue) -> dict[str, object]:
        log = json.loads(sarif(audit, catalogue, TEXTS))
        assert log["version"] == "2.1.0" and len(log["runs"]) == 1
        return dict(log["runs"][0])

    def test_results_are_what_needs_a_look(self, run: dict[str, list[dict[str, object]]], audit: Audit) -> None:
        wanted = {Verdict.FAIL: "error", Verdict.WARN: "warning", Verdict.INCONCLUSIVE: "note"}
        findings = [finding for target in audit.targets for finding in target.findings if finding.verdict in wanted]
        assert [result["level"] for result in run["results"]] == [wanted[finding.verdict] for finding in findings]

    def test_every_result_points_to_its_rule(self, run: dict[str, list[dict[str, int]]]) -> None:
        rules = run["tool"]["driver"]["rules"]  # type: ignore[call-overload]
        assert len({rule["id"] for rule in rules}) == len(rules)
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert all(rule["help"]["text"] and "{" not in rule["help"]["text"] for rule in rules)

    def test_a_waiver_suppresses(self, run: dict[str, list[dict[str, object]]]) -> None:
        suppressed = [result for result in run["results"] if "suppressions" in result]
        assert [result["ruleId"] for result in suppressed] == ["certificate.pkix/CERTIFICATE_SELF_SIGNED"]
