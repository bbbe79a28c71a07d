"""What is met by DNS data, met only just where a signature over the data is about to end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..evaluate.lookup import Lookup
from .outcomes import Result, marginal, met
from .rules import Rules


def met_while_signed(rules: Rules, lookups: Iterable[Lookup], /, **evidence: Any) -> Result:
    """MET, or MARGINAL within the profile's margin before the first of the signatures ends."""
    ends = rules.ends_soon(*lookups)
    if ends is not None:
        return marginal("SIGNATURE_EXPIRES_SOON", expires=f"{ends:%Y-%m-%d %H:%M} UTC", **evidence)
    return met(**evidence)
