"""All evidence of one domain's audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .plan import ProbePlan
from .seen import Observation


@dataclass(frozen=True, slots=True)
class Vantage:
    """From where we looked: resolvers asked, and for each family whether this machine has a route (None: not tried)."""

    resolvers: tuple[str, ...]
    ipv4: bool | None
    ipv6: bool | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """All evidence of one domain's audit: bytes and events only, never "secure" or "valid".

    `trust_anchors` are DS or DNSKEY records in zone-file form; `roots` the PKIX roots (DER) to which the observed
    chains can lead. `complete` is False when the probe was interrupted.
    """

    domain: str
    started: datetime
    finished: datetime
    complete: bool
    tool_version: str
    plan: ProbePlan
    vantage: Vantage
    trust_anchors: tuple[str, ...]
    roots: tuple[bytes, ...]
    observations: Mapping[str, Observation[Any]]
