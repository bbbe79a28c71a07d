"""Whether it is us: an address family of which nothing answers is our vantage's matter, not the target's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from ..model import Observation, Reason, SmtpSession, Vantage

_SILENT = (Reason.TIMEOUT, Reason.UNREACHABLE, Reason.VANTAGE)


@dataclass(frozen=True, slots=True)
class Reach:
    """`code` names our vantage's trouble for an address; None where the vantage is not to blame."""

    code: str | None


def reach(address: str, observed: Mapping[str, Sequence[Observation[SmtpSession]]], vantage: Vantage) -> Reach:
    """Judges the vantage for `address` over all connections of the audit (contract: "Fact or blindness")."""
    mine = observed.get(address, ())
    if not mine or not all(_silent(o) for o in mine):
        return Reach(None)
    family = ip_address(address).version
    same = {a: list(o) for a, o in observed.items() if ip_address(a).version == family}
    other = {a: list(o) for a, o in observed.items() if ip_address(a).version != family}
    if _answers(same.values()):
        return Reach(None)
    route = vantage.ipv6 if family == 6 else vantage.ipv4
    if route is False or any(_reason(o) is Reason.VANTAGE for o in mine) or _answers(other.values()):
        return Reach(f"VANTAGE_NO_IPV{family}")
    return Reach("VANTAGE_PORT_25")


def _reason(observation: Observation[SmtpSession]) -> Reason | None:
    return observation.failure.reason if observation.failure is not None else None


def _silent(observation: Observation[SmtpSession]) -> bool:
    """No TCP connection came about, and nobody refused it."""
    failure = observation.failure
    return failure is not None and failure.reason in _SILENT and failure.state == "connect"


def _contacted(observation: Observation[SmtpSession]) -> bool:
    return _reason(observation) not in (Reason.NOT_GLOBAL, Reason.BUDGET, Reason.NOT_PROBED)


def _answers(groups: Iterable[Sequence[Observation[SmtpSession]]]) -> bool:
    """Some address answered: a connection came about or was refused."""
    return any(_contacted(o) and not _silent(o) for group in groups for o in group)
