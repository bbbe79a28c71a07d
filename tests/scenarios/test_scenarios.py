"""Each scenario of the lab is audited for real and must show what it says: codes, outcomes, and the verdict."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tr03108.judge import judge_target
from tr03108.lab.scenarios import Expected, Scenario, load_scenarios
from tr03108.model import Dossier, Finding, TargetAudit
from tr03108.rooms import room

from .conftest import Seen
from .norms import catalogue, checks, profile

SCENARIOS = load_scenarios()
QUIET_CODES = {"OK", "NOT_COVERED", "MANUAL_SENDING_SIDE", "MANUAL_DECLARATION", "MANUAL_REQUIREMENT"}
QUIET_CODES |= {"MANUAL_PREMISES", "MANUAL_DOCUMENTATION"}  # what only the provider can say
QUIET_CODES |= {"REPORT_MAILBOX_NOT_ASKED"}  # a question that only the user allows
QUIET_CODES |= {"NO_OCSP_RESPONDER", "NO_DHE_SUITE"}  # questions that do not arise
QUIET_CODES |= {"POST_QUANTUM_MISSING"}  # information: what it misses is not listed yet

# Reason codes that the lab does not bring about on loopback, and why; test_edited_dossiers.py does.
DEDICATED = {
    "NOT_COVERED": "every case that can be seen from outside has its check",
    "CLIENT_RENEGOTIATION_ACCEPTED": "OpenSSL 3 refuses it, and the scripted server cannot do it",
    "FALLBACK_SCSV_IGNORED": "the servers of the lab know RFC 7507",
    "GROUP_FORBIDDEN": "no server of the lab uses a curve without a name",
    "PRIORITY_UNSEEN": "the hello that tells is always answered on loopback",
    "SERVER_NAME_MATTERS": "a lab host has one name and one certificate of each type",
    "SIGNATURE_NOT_LISTED": "the lab has no keys for schemes that are strong and not listed",
    "CHAIN_UNREADABLE": "OpenSSL loads no certificate that cannot be read",
    "CURVE_EXPLICIT": "OpenSSL serves no certificate with such a key",
    "DNSSEC_LIMIT": "the lab signs each record set once",
    "INJECTION_UNSEEN": "a lab server that got through TLS once does so again",
    "GROUP_UNSEEN": "needs a server whose key exchange message cannot be read",
    "ISSUER_NOT_DECLARED": "no shipped profile declares authorities",
    "SERVICE_UNREACHABLE": "loopback always has a route",
    "VANTAGE_NO_IPV4": "loopback always has IPv4",
    "VANTAGE_NO_IPV6": "redirections lead to IPv4",
    "VANTAGE_PORT_25": "nobody filters loopback",
}


def judged(dossier: Dossier, scenario: Scenario, name: str) -> TargetAudit:
    as_of = datetime.fromisoformat(scenario.as_of).replace(tzinfo=UTC) if scenario.as_of else dossier.started
    return judge_target(dossier, "", profile(name), catalogue(), checks(), as_of, "must", ())


def fits(finding: Finding, expected: Expected) -> bool:
    case = expected.case and f"TR-03108-{expected.case.removeprefix('TR-03108-')}"
    return (
        finding.code == expected.code
        and expected.check in ("", finding.check)
        and case in ("", finding.case)
        and expected.outcome in ("", finding.outcome)
        and finding.subject.text.startswith(expected.subject)
    )


def shown(findings: Iterable[Finding]) -> str:
    """The findings that say something, for a person who has to see why a scenario fails."""
    lines = [
        f"  {finding.check} [{finding.subject.text}] {finding.outcome} {finding.code} {dict(finding.evidence)}"[:400]
        for finding in findings
        if finding.code not in QUIET_CODES - {"OK"}
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_scenario(scenario: Scenario, seen: Seen) -> None:
    dossier = seen.dossiers[scenario.id]
    findings = judged(dossier, scenario, scenario.profile).findings
    wrong = [f"missing: {expected}" for expected in scenario.must if not any(fits(each, expected) for each in findings)]
    wrong += [
        f"must not be: {finding.code} at {finding.check} [{finding.subject.text}]"
        for finding in findings
        if finding.code in scenario.must_not and finding.check.startswith(("case.", "requirement.")) is False
    ]
    target = judged(dossier, scenario, "inbound-dane")
    if target.verdict != scenario.verdict:
        wrong.append(f"verdict under inbound-dane is {target.verdict}, predicted {scenario.verdict}")
    assert not wrong, "\n".join([*wrong, "findings:", shown(findings)])


@pytest.mark.parametrize("name", ["tr-03108-2.0", "inbound-dane"])
def test_flawless_has_nothing_to_remark(name: str, seen: Seen) -> None:
    scenario = next(each for each in SCENARIOS if each.id == "flawless")
    findings = judged(seen.dossiers["flawless"], scenario, name).findings
    assert {finding.code for finding in findings} <= QUIET_CODES, shown(findings)


def test_auditor_sends_no_mail(seen: Seen) -> None:
    assert seen.violations == ()


def test_every_reason_code_has_a_scenario() -> None:
    texts = tomllib.loads((room("reports") / "texts" / "en.toml").read_text("utf-8"))
    known = set(texts["code"])
    shown_here = {expected.code for scenario in SCENARIOS for expected in scenario.must}
    assert known - shown_here - set(DEDICATED) == set(), "no scenario and no dedicated test"
    assert shown_here - known == set(), "codes without words"
    assert set(DEDICATED) & shown_here == set(), "these have a scenario now"
    assert set(DEDICATED) - known == set(), "these are no codes any more"
    dedicated = Path(__file__).with_name("test_edited_dossiers.py").read_text("utf-8")
    assert [code for code in DEDICATED if f'"{code}"' not in dedicated] == [], "not in test_edited_dossiers.py"


def test_scenarios_are_enough() -> None:
    assert len(SCENARIOS) >= 40
    assert [scenario.id for scenario in SCENARIOS if scenario.demo] == [
        "flawless",
        "unsigned",
        "signature-expired",
        "tlsa-mismatch",
        "no-starttls",
    ]
    assert len({scenario.domain for scenario in SCENARIOS}) == len(SCENARIOS)
