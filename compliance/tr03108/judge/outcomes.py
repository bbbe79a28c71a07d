"""What a check answers: an outcome, a reason code, and the evidence for it. Severity and words are not its matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one check about one subject."""

    outcome: Outcome
    code: str
    evidence: Mapping[str, Any]


def met(code: str = "OK", /, **evidence: Any) -> Result:
    """The requirement is met; only on proof."""
    return Result(Outcome.MET, code, evidence)


def marginal(code: str, /, **evidence: Any) -> Result:
    """Met only just, or tolerated for now."""
    return Result(Outcome.MARGINAL, code, evidence)


def unmet(code: str, /, **evidence: Any) -> Result:
    """It was seen that the requirement is not met."""
    return Result(Outcome.UNMET, code, evidence)


def not_offered(code: str, /, **evidence: Any) -> Result:
    """An optional feature is not there."""
    return Result(Outcome.NOT_OFFERED, code, evidence)


def absent(code: str, /, **evidence: Any) -> Result:
    """The thing to be judged does not exist and need not."""
    return Result(Outcome.ABSENT, code, evidence)


def unseen(code: str, /, **evidence: Any) -> Result:
    """We could not see."""
    return Result(Outcome.UNSEEN, code, evidence)


def asked(code: str, /, **evidence: Any) -> Result:
    """Only a person, a declaration or the sending side can answer."""
    return Result(Outcome.ASKED, code, evidence)
