"""From findings to requirements and to the verdict on a target (contract, "Requirement verdict", "Target verdict")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tr03108.catalogue import Catalogue
from tr03108.judge import roll_up
from tr03108.model import Dossier, Finding, Level, Outcome, Subject, TargetAudit, TargetVerdict, Verdict
from tr03108.profile import Profile

from .conftest import finding, profile_of, requirement

MUST, SHOULD, MAY, INFO = Level
O = Outcome  # noqa: E741
DOMAIN = Subject("domain", "flawless.example")


class Roll:
    def __init__(self, base: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]) -> None:
        self.base, self.catalogue, self.dossiers = base, catalogue, dossiers

    def target(self, profile: Profile, *findings: Finding, dossier: Dossier | None = None) -> TargetAudit:
        judged = dossier or self.dossiers["flawless"]
        return roll_up(judged, "", profile, self.catalogue, findings, judged.started)

    def requirement(self, level: Level, *findings: tuple[Outcome, Level]) -> Verdict:
        """The verdict of one requirement of this level with these findings."""
        made = (finding(outcome, of, "R") for outcome, of in findings)
        (result,) = self.target(profile_of(self.base, requirement("R", level)), *made).requirements
        return result.verdict

    def verdict(self, *musts: Outcome, recommended: Outcome = Outcome.MET, dossier: Dossier | None = None) -> str:
        """The target verdict with one MUST requirement per outcome, and a recommended one."""
        rows = [requirement(f"R{n}", MUST) for n in range(len(musts))]
        made = [finding(outcome, MUST, f"R{n}") for n, outcome in enumerate(musts)]
        profile = profile_of(self.base, *rows, requirement("REC", SHOULD))
        return self.target(profile, *made, finding(recommended, MUST, "REC"), dossier=dossier).verdict.value


@pytest.fixture
def roll(full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]) -> Roll:
    return Roll(full, catalogue, dossiers)


ORDER = [  # worst first
    (O.UNMET, "fail"),
    (O.UNSEEN, "inconclusive"),
    (O.ASKED, "manual"),
    (O.MARGINAL, "warn"),
    (O.MET, "pass"),
    (O.ABSENT, "not-applicable"),
]


@pytest.mark.parametrize("level", [MUST, SHOULD])
@pytest.mark.parametrize("at", range(len(ORDER)))
def test_worst_finding_decides(roll: Roll, level: Level, at: int) -> None:
    rest = [(outcome, MUST) for outcome, _ in ORDER[at:]]
    assert roll.requirement(level, *rest).value == ORDER[at][1]
    assert roll.requirement(level, *reversed(rest)).value == ORDER[at][1]


def test_should_findings_count_as_warn_at_worst(roll: Roll) -> None:
    for level in (MUST, SHOULD):
        assert roll.requirement(level, (O.UNMET, SHOULD), (O.MET, MUST)) is Verdict.WARN
        assert roll.requirement(level, (O.NOT_OFFERED, SHOULD)) is Verdict.WARN


def test_unseen_should_findings(roll: Roll) -> None:
    """In a MUST requirement not at all; in a recommended one an unseen finding is inconclusive."""
    assert roll.requirement(MUST, (O.UNSEEN, SHOULD), (O.MET, MUST)) is Verdict.PASS
    assert roll.requirement(SHOULD, (O.UNSEEN, SHOULD), (O.MET, MUST)) is Verdict.INCONCLUSIVE
    assert roll.requirement(SHOULD, (O.UNSEEN, MUST), (O.MET, MUST)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("level", [MAY, INFO])
@pytest.mark.parametrize("outcome", Outcome)
def test_may_and_info_never_count(roll: Roll, level: Level, outcome: Outcome) -> None:
    assert roll.requirement(MUST, (outcome, level), (O.MET, MUST)) is Verdict.PASS
    assert roll.requirement(MUST, (outcome, level), (O.ABSENT, MUST)) is Verdict.NOT_APPLICABLE
    assert roll.requirement(MUST, (outcome, level)) is not Verdict.PASS


def test_remarks_never_count(roll: Roll) -> None:
    row = replace(roll.catalogue.checks["tls.negotiated"], remark=True)
    roll.catalogue = replace(roll.catalogue, checks={**roll.catalogue.checks, row.id: row})
    profile = profile_of(roll.base, requirement("R", MUST))
    remark = finding(O.UNMET, MUST, "R", check=row.id)
    audit = roll.target(profile, remark, finding(O.MET, MUST, "R"))
    assert audit.requirements[0].verdict is Verdict.PASS
    assert roll.target(profile, remark).requirements[0].verdict is not Verdict.PASS


@pytest.mark.parametrize(
    "findings", [(), ((O.UNSEEN, SHOULD),), ((O.ABSENT, MUST),), ((O.MET, INFO),), ((O.ABSENT, SHOULD), (O.MET, MAY))]
)
def test_never_pass_without_a_pass_or_warn(roll: Roll, findings: tuple[tuple[Outcome, Level], ...]) -> None:
    assert roll.requirement(MUST, *findings) is not Verdict.PASS


def test_nothing_seen_is_not_compliance(roll: Roll) -> None:
    for findings in ((), (finding(O.UNSEEN, SHOULD, "R"),), (finding(O.MET, INFO, "R"),)):
        audit = roll.target(profile_of(roll.base, requirement("R", MUST)), *findings)
        assert audit.verdict is TargetVerdict.NOT_DEMONSTRATED


def test_finding_of_the_domain_counts_in_each_requirement_of_its_case(roll: Roll) -> None:
    case = "TR-03108-E-12"
    profile = profile_of(
        roll.base, requirement("R1", MUST, [case]), requirement("R2", MUST, [case]), requirement("R3", MUST)
    )
    of_domain = finding(O.UNSEEN, MUST, "R1", case=case, subject=DOMAIN, code="NOT_COVERED")
    rest = [finding(O.MET, MUST, name) for name in ("R1", "R2", "R3")]
    verdicts = [result.verdict.value for result in roll.target(profile, of_domain, *rest).requirements]
    assert verdicts == ["inconclusive", "inconclusive", "pass"]
    # That of a service address counts once.
    of_service = finding(O.UNMET, MUST, "R1", case=case)
    verdicts = [result.verdict.value for result in roll.target(profile, of_service, *rest).requirements]
    assert verdicts == ["fail", "pass", "pass"]


@pytest.mark.parametrize(
    ("musts", "verdict"),
    [
        ((O.MET, O.MET), "compliant"),
        ((O.MET, O.MARGINAL), "compliant"),  # warn counts as met
        ((O.MET, O.ABSENT), "compliant"),  # so does not-applicable
        ((O.MET, O.ASKED), "no-deviation"),
        ((O.MET, O.ASKED, O.UNSEEN), "not-demonstrated"),
        ((O.MET, O.UNSEEN), "not-demonstrated"),
        ((O.MET, O.UNSEEN, O.ASKED, O.UNMET), "not-compliant"),
        ((O.NOT_OFFERED,), "not-compliant"),
    ],
)
def test_target_verdict(roll: Roll, musts: tuple[Outcome, ...], verdict: str) -> None:
    assert roll.verdict(*musts) == verdict


@pytest.mark.parametrize("outcome", [O.UNMET, O.UNSEEN, O.ASKED, O.NOT_OFFERED])
def test_recommended_requirement_changes_no_target_verdict(roll: Roll, outcome: Outcome) -> None:
    assert roll.verdict(O.MET, recommended=outcome) == "compliant"


@pytest.mark.parametrize("families", [(4,), (6,)])
def test_one_family_alone_is_no_deviation_at_best(roll: Roll, families: tuple[int, ...]) -> None:
    dossier = roll.dossiers["flawless"]
    alone = replace(dossier, plan=replace(dossier.plan, families=families))
    assert roll.verdict(O.MET, dossier=alone) == "no-deviation"
    assert roll.verdict(O.UNMET, dossier=alone) == "not-compliant"
    assert roll.verdict(O.UNSEEN, dossier=alone) == "not-demonstrated"


@pytest.mark.parametrize("scenario", ["null-mx", "no-mail-host", "mx-servfail", "mx-without-address"])
def test_without_a_mail_host_examined_nothing_is_demonstrated(roll: Roll, scenario: str) -> None:
    dossier = roll.dossiers[scenario]
    assert roll.verdict(O.MET, dossier=dossier) == "not-demonstrated"
    assert roll.verdict(O.UNMET, dossier=dossier) == "not-compliant"
    roll.base = replace(roll.base, unused_domain=True)
    assert roll.verdict(O.MET, dossier=dossier) == "compliant"


def test_interrupted_before_any_connection(roll: Roll) -> None:
    dossier = roll.dossiers["flawless"]
    dns = {key: value for key, value in dossier.observations.items() if key.startswith("dns/")}
    partial = replace(dossier, complete=False, observations=dns)
    assert roll.verdict(O.MET, dossier=partial) == "not-demonstrated"


def test_cases_show_the_worst_of_their_findings(roll: Roll) -> None:
    profile = profile_of(roll.base, requirement("R", MUST, ["TR-03108-D-01", "TR-03108-D-02", "TR-03108-E-12"]))
    audit = roll.target(
        profile,
        finding(O.MET, MUST, "R", case="TR-03108-D-01"),
        finding(O.UNMET, MUST, "R", case="TR-03108-D-01"),
        finding(O.UNSEEN, MUST, "R", case="TR-03108-D-02", code="NOT_COVERED"),
    )
    assert [(case.id, case.verdict.value, case.findings, case.reason) for case in audit.cases[:2]] == [
        ("TR-03108-D-01", "fail", 2, None),
        ("TR-03108-D-02", "inconclusive", 1, "NOT_COVERED"),
    ]
    assert [case.id for case in audit.cases] == list(profile.cases)
    assert audit.cases[2].verdict is Verdict.INCONCLUSIVE


def test_a_manual_should_finding_is_no_warning(roll: Roll) -> None:
    """Nobody has looked: a warning would count as met."""
    assert roll.requirement(SHOULD, (O.ASKED, SHOULD)) is Verdict.MANUAL
    assert roll.requirement(MUST, (O.ASKED, SHOULD)) is Verdict.INCONCLUSIVE
    assert roll.requirement(MUST, (O.ASKED, SHOULD), (O.MET, MUST)) is Verdict.PASS


def test_addresses_out_of_scope_are_listed(roll: Roll) -> None:
    dossier = replace(roll.dossiers["flawless"], plan=replace(roll.dossiers["flawless"].plan, families=(4,)))
    target = roll.target(profile_of(roll.base, requirement("R", MUST)), finding(O.MET, MUST, "R"), dossier=dossier)
    assert target.not_examined == ("mx1.flawless.example/[2001:db8::1]:25",)
