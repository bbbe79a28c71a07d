"""Gates, exit status and the as-of date (contract, "Exit status", "Gate" and the option table)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tr03108.catalogue import Catalogue
from tr03108.judge import exit_status, judge_target, load_checks
from tr03108.judge.outcomes import Result, absent, asked, marginal, met, not_offered, unmet, unseen
from tr03108.model import Dossier, Level, TargetAudit, TargetVerdict, Waiver
from tr03108.profile import Profile

from .conftest import profile_of, requirement, saying

CASE = "TR-03108-G-01"


class Judge:
    """Judges a dossier by one stub check, of a given level in a requirement of a given level."""

    def __init__(self, base: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]) -> None:
        self.base, self.catalogue, self.dossiers = base, catalogue, dossiers

    def __call__(
        self,
        result: Result,
        gate: str = "must",
        level: Level = Level.MUST,
        of: Level = Level.MUST,
        scenario: str = "flawless",
        waivers: tuple[Waiver, ...] = (),
    ) -> TargetAudit:
        profile = profile_of(self.base, requirement("R", of, [CASE]), levels={CASE: level})
        dossier = self.dossiers[scenario]
        checks = (saying(result, CASE),)
        return judge_target(dossier, "", profile, self.catalogue, checks, dossier.started, gate, waivers)


@pytest.fixture
def judge(full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]) -> Judge:
    return Judge(full, catalogue, dossiers)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (met(), 0),
        (marginal("SIGNATURE_EXPIRES_SOON"), 0),
        (absent("NOT_OFFERED"), 0),
        (asked("MANUAL_DECLARATION"), 0),
        (unmet("TLSRPT_MISSING"), 1),
        (not_offered("NOT_OFFERED"), 1),
        (unseen("TLSRPT_UNSEEN"), 3),
    ],
)
def test_gated_outcomes(judge: Judge, result: Result, status: int) -> None:
    assert exit_status([judge(result)], "must") == status
    assert exit_status([judge(result, "should")], "should") == status
    assert exit_status([judge(result, "none")], "none") == 0


@pytest.mark.parametrize(
    ("level", "of", "must", "should"),
    [
        (Level.MUST, Level.MUST, 1, 1),
        (Level.MUST, Level.SHOULD, 0, 1),
        (Level.SHOULD, Level.MUST, 0, 1),
        (Level.SHOULD, Level.SHOULD, 0, 1),
        (Level.MAY, Level.MUST, 0, 0),
        (Level.INFO, Level.MUST, 0, 0),
        (Level.INFO, Level.SHOULD, 0, 0),
    ],
)
def test_gates_by_level(judge: Judge, level: Level, of: Level, must: int, should: int) -> None:
    for result, status in ((unmet("X"), 1), (not_offered("X"), 1), (unseen("X"), 3)):
        for gate, gated in (("must", must), ("should", should), ("none", 0)):
            target = judge(result, gate, level, of)
            assert exit_status([target], gate) == status * gated
            assert target.findings[0].gated is bool(gated)


@pytest.mark.parametrize("gate", ["must", "should"])
@pytest.mark.parametrize("result", [marginal("X"), asked("X")])
def test_marginal_and_manual_never_gate(judge: Judge, gate: str, result: Result) -> None:
    assert not judge(result, gate).findings[0].gated


def test_several_domains(judge: Judge) -> None:
    good, bad, open_ = judge(met()), judge(unmet("X")), judge(unseen("X"))
    assert exit_status([good, good], "must") == 0
    assert exit_status([good, open_], "must") == 3
    assert exit_status([open_, bad, good], "must") == 1
    assert exit_status([open_, bad, good], "none") == 0


@pytest.mark.parametrize("scenario", ["null-mx", "no-mail-host"])
def test_no_mail_host_leaves_the_run_open(judge: Judge, scenario: str) -> None:
    """Whatever the domain's own findings are: 3, unless 1, or gate none, or the profile is for unused domains."""
    assert exit_status([judge(met(), scenario=scenario)], "must") == 3
    assert exit_status([judge(met(), "should", scenario=scenario)], "should") == 3
    assert exit_status([judge(unmet("X"), scenario=scenario)], "must") == 1
    assert exit_status([judge(met(), "none", scenario=scenario)], "none") == 0
    judge.base = replace(judge.base, unused_domain=True)
    assert exit_status([judge(met(), scenario=scenario)], "must", unused_domain=True) == 0


WAIVER = Waiver(CASE, "flawless.example", "known", "2999-12-31")


@pytest.mark.parametrize("named", [CASE, "stub"])
def test_gate_honours_waivers_and_verdicts_do_not(judge: Judge, named: str) -> None:
    waiver = replace(WAIVER, finding=named)
    waived = judge(unmet("X"), waivers=(waiver,))
    assert exit_status([waived], "must") == 0
    (one,) = waived.findings
    assert (one.waived, one.verdict.value, one.gated) == (waiver, "fail", False)
    assert waived.verdict is TargetVerdict.NOT_COMPLIANT
    assert waived.requirements == judge(unmet("X")).requirements
    assert exit_status([judge(unseen("X"), waivers=(waiver,))], "must") == 0


@pytest.mark.parametrize(
    "waiver", [replace(WAIVER, finding="TR-03108-G-02"), replace(WAIVER, subject="other.example"), None]
)
def test_waivers_of_something_else(judge: Judge, waiver: Waiver | None) -> None:
    target = judge(unmet("X"), waivers=(waiver,) if waiver else ())
    assert exit_status([target], "must") == 1
    assert target.findings[0].waived is None


def test_waiver_expires_against_the_as_of_date(judge: Judge) -> None:
    day = judge.dossiers["flawless"].started.date()
    last = replace(WAIVER, until=day.isoformat())
    over = replace(WAIVER, until=(day - timedelta(days=1)).isoformat())
    assert exit_status([judge(unmet("X"), waivers=(last,))], "must") == 0
    target = judge(unmet("X"), waivers=(over,))
    assert exit_status([target], "must") == 1
    assert target.findings[0].waived is None
    assert target.expired_waivers == (over,)
    assert judge(unmet("X"), waivers=(over, last)).findings[0].waived == last


def test_as_of_lists_the_signatures_that_end_before(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    """DNSSEC is judged at the time of observation, whatever the date."""
    dossier = dossiers["flawless"]

    def on(days: int) -> TargetAudit:
        as_of = dossier.started + timedelta(days=days)
        return judge_target(dossier, "", full, catalogue, load_checks(), as_of, "must", ())

    now, later = on(0), on(60)
    assert now.expiring == ()
    assert {"flawless.example", "mx1.flawless.example"} <= {item["owner"] for item in later.expiring}
    for check in ("inbound-dane.mx-secure", "inbound-dane.host-secure"):
        outcomes = [[f.outcome for f in audit.findings if f.check == check] for audit in (now, later)]
        assert outcomes[0] == outcomes[1]
