"""Outcome and level give the verdict; level and gate say what decides the exit status (contract, "Verdicts")."""

from __future__ import annotations

import itertools

import pytest

from tr03108.judge.algebra import in_gate, verdict_of
from tr03108.model import Level, Outcome

# outcome: MUST, SHOULD, MAY and INFO
TABLE = {
    "MET": ("pass", "pass", "pass"),
    "MARGINAL": ("warn", "warn", "info"),
    "UNMET": ("fail", "warn", "info"),
    "NOT_OFFERED": ("fail", "warn", "info"),
    "ABSENT": ("not-applicable", "not-applicable", "not-applicable"),
    "UNSEEN": ("inconclusive", "inconclusive", "info"),
    "ASKED": ("manual", "manual", "manual"),
}
COLUMN = {"MUST": 0, "SHOULD": 1, "MAY": 2, "INFO": 2}


@pytest.mark.parametrize(("outcome", "level"), list(itertools.product(Outcome, Level)))
def test_verdict_of_a_finding(outcome: Outcome, level: Level) -> None:
    assert verdict_of(outcome, level).value == TABLE[outcome.value][COLUMN[level.value]]


@pytest.mark.parametrize(
    ("gate", "looks_at"),
    [
        ("must", {("MUST", "MUST")}),
        # findings of level MUST in -R requirements, and those of level SHOULD, too
        ("should", {("MUST", "MUST"), ("MUST", "SHOULD"), ("SHOULD", "MUST"), ("SHOULD", "SHOULD")}),
        ("none", set()),
    ],
)
def test_what_a_gate_looks_at(gate: str, looks_at: set[tuple[str, str]]) -> None:
    pairs = itertools.product(Level, (Level.MUST, Level.SHOULD))
    assert {(level.value, of.value) for level, of in pairs if in_gate(gate, level, of)} == looks_at
