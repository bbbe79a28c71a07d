"""From outcome and level to verdict, from verdicts to the worst of them (contract, "Verdicts")."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Level, Outcome, Verdict

_MUST = {
    Outcome.MET: Verdict.PASS,
    Outcome.MARGINAL: Verdict.WARN,
    Outcome.UNMET: Verdict.FAIL,
    Outcome.NOT_OFFERED: Verdict.FAIL,
    Outcome.ABSENT: Verdict.NOT_APPLICABLE,
    Outcome.UNSEEN: Verdict.INCONCLUSIVE,
    Outcome.ASKED: Verdict.MANUAL,
}
_SHOULD = _MUST | {Outcome.UNMET: Verdict.WARN, Outcome.NOT_OFFERED: Verdict.WARN}
_INFO = _MUST | {
    Outcome.MARGINAL: Verdict.INFO,
    Outcome.UNMET: Verdict.INFO,
    Outcome.NOT_OFFERED: Verdict.INFO,
    Outcome.UNSEEN: Verdict.INFO,
}
_TABLE = {Level.MUST: _MUST, Level.SHOULD: _SHOULD, Level.MAY: _INFO, Level.INFO: _INFO}

WORST_FIRST = (
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.MANUAL,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
    Verdict.INFO,
)


def verdict_of(outcome: Outcome, level: Level) -> Verdict:
    """The verdict of a finding."""
    return _TABLE[level][outcome]


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The worst of some verdicts; None of none."""
    return min(verdicts, key=WORST_FIRST.index, default=None)


def in_gate(gate: str, level: Level, requirement: Level) -> bool:
    """Whether the gate looks at findings of this level in a requirement of that level."""
    if gate == "must":
        return level is Level.MUST and requirement is Level.MUST
    return gate == "should" and level in (Level.MUST, Level.SHOULD)
