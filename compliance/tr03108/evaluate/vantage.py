"""Whether it is us: an address family of which nothing answers is our vantage's matter, not the target's.

The family is that of the address really tried, which --connect may have put in another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ..model import MAIL_SERVICE, Observation, Reason, Vantage

Seen = Observation[Any]  # of a session or a request: what holds `connected_to`

_SILENT = (Reason.TIMEOUT, Reason.UNREACHABLE, Reason.VANTAGE)


@dataclass(frozen=True, slots=True)
class Reach:
    """`code` names our vantage's trouble for an address; None where the vantage is not to blame."""

    code: str | None


def reach(
    address: str, port: int, observed: Mapping[tuple[str, int], Iterable[Seen]], vantage: Vantage
) -> Reach:  # fmt: skip
    """Judges the vantage for a service address over all connections of the audit (contract: "Fact or blindness").

    `observed` are all connections by the address and port they were meant for.
    """
    mine = list(observed.get((address, port), ()))
    if not mine or not all(_silent(o) for o in mine):
        return Reach(None)
    family = _family(mine[-1], address)
    if any(_reason(o) is Reason.VANTAGE for o in mine):
        return Reach(f"VANTAGE_NO_IPV{family}")
    answering = {(_family(o, a), p) for (a, p), group in observed.items() for o in group if _answers(o)}
    if (family, port) in answering:
        return Reach(None)
    route = vantage.ipv6 if family == 6 else vantage.ipv4
    carried = any(other == family for other, _ in answering)
    # A family that carries other connections works here; then it is the port, of which 25 is often barred.
    if route is False or (route is None and answering and not carried):
        return Reach(f"VANTAGE_NO_IPV{family}")
    return Reach("VANTAGE_PORT_25" if port == MAIL_SERVICE.port else None)


def _family(observation: Seen, address: str) -> int:
    """4 or 6: of the ADDRESS:PORT really tried, or of `address` where none was."""
    seen = observation.value or observation.failure
    tried = (seen.connected_to if seen is not None else "").rpartition(":")[0].strip("[]")
    try:
        return ip_address(tried or address).version
    except ValueError:  # in a dossier that no probe of ours wrote
        return ip_address(address).version


def _reason(observation: Seen) -> Reason | None:
    return observation.failure.reason if observation.failure is not None else None


def _silent(observation: Seen) -> bool:
    """No TCP connection came about, and nobody refused it."""
    failure = observation.failure
    return failure is not None and failure.reason in _SILENT and failure.state == "connect"


def _answers(observation: Seen) -> bool:
    """A connection came about or was refused."""
    contacted = _reason(observation) not in (Reason.NOT_GLOBAL, Reason.BUDGET, Reason.NOT_PROBED)
    return contacted and not _silent(observation)
