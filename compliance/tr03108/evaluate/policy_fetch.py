"""How a domain's MTA-STS policy was asked for: its host, the addresses, and every look at each of them (RFC 8461)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model import HttpExchange, Observation
from .host import Host
from .lookup import Lookup, Status
from .observed import Observed

HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Looks:
    """The requests to one address, oldest first. `blind`: the code of our vantage's trouble there, None without."""

    address: str
    looks: tuple[Observation[HttpExchange], ...]
    blind: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyFetch:
    """The policy host and what was asked of it.

    `hidden` says why there may be addresses that were not asked ("" where there are none), `bogus` which answer about
    its addresses DNSSEC forbids to believe. A fact that may pass counts when two looks that are at least `second_look`
    seconds apart show it.
    """

    host: str
    addresses: tuple[Looks, ...]
    hidden: str = ""
    host_missing: bool = False
    bogus: str = ""
    second_look: float = 0.0


def policy_fetch(host: str, find: Callable[[str, str], Lookup | None], observed: Observed) -> PolicyFetch | None:
    """How the policy was fetched from a host; None where its addresses were not asked for."""
    a, aaaa = find(host, "A"), find(host, "AAAA")
    if a is None or aaaa is None:
        return None
    plan = observed.dossier.plan
    known = Host(name=host, a=a, aaaa=aaaa, families=plan.families)
    bogus = next((lookup for lookup in (a, aaaa) if lookup.status is Status.BOGUS), None)
    return PolicyFetch(
        host,
        tuple(_looks(host, address, observed) for address in known.addresses),
        _hidden(known),
        known.without_address,
        f"{host} {bogus.rdtype}: {bogus.detail or bogus.cause or 'bogus'}" if bogus is not None else "",
        plan.second_look,
    )


def fetch_key(host: str, address: str, number: int) -> str:
    """The key of the observation of one request for a policy."""
    return f"https/{host}/{address}/{number}"


def _looks(host: str, address: str, observed: Observed) -> Looks:
    looks = tuple(observed.numbered(fetch_key(host, address, 1)[:-1]))
    return Looks(address, looks, observed.reach(address, HTTPS_PORT, looks).code if looks else None)


def _hidden(host: Host) -> str:
    if (lookup := host.addresses_unseen) is not None:
        return f"{lookup.name} {lookup.rdtype}: {lookup.detail or lookup.cause or 'not seen'}"
    if host.out_of_scope and not host.addresses:
        return f"{host.name} has addresses only of a family that is out of scope"
    return ""
