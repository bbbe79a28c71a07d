"""Our validator says of random signed trees what Unbound and delv say; `make soak` asks many more questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from interop.dnssec_differential import run
from interop.dnssec_keys import KEY_PLANS
from interop.dnssec_oracles import Verdict
from interop.dnssec_trees import FAULTS, Question, generate
from interop.dnssec_verdicts import DECISION, EXPLAINED, Compared, explanation
from interop.programs import find
from tr03108.evaluate.lookup import Lookup, Status

SEEDS = range(60)
ENOUGH = 500
ROOT = Path(__file__).parents[2]


def test_statuses_are_those_of_unbound_and_delv(tmp_path: Path) -> None:
    for program in ("unbound", "delv"):
        find(program)
    tally = run(SEEDS, tmp_path, delv_every=10)
    assert not tally.disagreements, "\n\n".join([tally.line(), *(seen.report() for seen in tally.disagreements[:5])])
    assert tally.compared["unbound"] >= ENOUGH
    assert all(tally.statuses[status] for status in Status), tally.line()


def test_a_case_is_a_function_of_its_seed() -> None:
    assert [generate(seed) for seed in SEEDS] == [generate(seed) for seed in SEEDS]


def test_the_generator_makes_every_kind_of_zone_and_fault() -> None:
    cases = [generate(seed) for seed in range(500)]
    zones = [zone for case in cases for zone in case.zones]
    assert {fault.kind for zone in zones for fault in zone.faults} == set(FAULTS)
    assert {plan.title for case in cases for _, plan in case.keys} >= {plan.title for plan in KEY_PLANS}
    assert {zone.denial for zone in zones} == {"nsec", "nsec3", "nsec3-optout", "none"}
    assert {zone.algorithm for zone in zones} == {"ECDSAP256SHA256", "ED25519", "RSASHA256"}
    assert {zone.origin.count(".") + 1 for zone in zones} >= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SECURE])
def test_another_status_is_a_disagreement_with_a_reproduction(status: Status) -> None:
    case = generate(1)
    ours = Lookup("t1", "A", Status.SECURE, "answer", "t1", (), (), None, None, None, None, (), (), None)
    seen = Compared(case, Question("t1", "A"), ours, "unbound", Verdict(status, None, "SERVFAIL"), lambda: "its log")
    assert not seen.agreed
    assert explanation(seen) is None
    assert all(
        words in seen.report() for words in ("generate(1)", "t1 A: ours secure", status.value, "its log", "z1.e1.t1")
    )


def test_every_explained_disagreement_is_written_down() -> None:
    text = (ROOT / DECISION).read_text(encoding="utf-8")
    sections = {part.partition("\n")[0]: " ".join(part.split()) for part in text.split("\n## ")[1:]}
    assert {row.title for row in EXPLAINED} <= set(sections)
    assert all(row.source in sections[row.title] for row in EXPLAINED)
