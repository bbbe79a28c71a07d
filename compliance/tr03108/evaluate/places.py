"""Where the services of a domain's mail clients are: named by SRV records, by configuration, by the user, or guessed.

The prober and the views ask the same functions; where something was not asked yet the prober learns it by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from dns.rdtypes.IN.SRV import SRV

from ..model import CLIENT_KINDS, SERVICE_KINDS, ClientSession, Failure, Observation, ProbePlan, Reason, ServiceKind
from ..wire.client_configuration import Security
from ..wire.web_address import WebAddress, parse
from .configuration import Configuration
from .host import Host
from .lookup import Lookup, Status, present
from .web import Find, Get

MOST_PLACES = 24  # of one domain that are looked at; usual are six to ten
BY_USER, BY_SRV, BY_GUESS = "user", "srv", "well-known"
_BY_SECURITY: Mapping[tuple[str, bool], str] = {
    (kind.family, kind.implicit): kind.name for kind in CLIENT_KINDS if kind.language
}
_NOT_LOOKED = (Reason.BUDGET, Reason.NOT_PROBED)
# Names at which a service may be that nothing names; "" is the domain itself.
_WELL_KNOWN: Mapping[str, tuple[str, ...]] = {
    "submission": ("smtp.", "mail.", ""),
    "imap": ("imap.", "mail.", ""),
    "pop3": ("pop.", "pop3.", "mail.", ""),
    "sieve": ("imap.", "mail.", ""),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A service at a host. `sources` say who names it, in the order of asking."""

    kind: ServiceKind
    host: str
    port: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One SRV record (RFC 2782). `host` is "." where the service is decidedly not offered (RFC 6186 section 3.4)."""

    priority: int
    weight: int
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Srv:
    """The SRV records of one kind of service, best first."""

    kind: ServiceKind
    lookup: Lookup
    targets: tuple[Target, ...]

    @property
    def named(self) -> tuple[Target, ...]:
        """The targets at which the service is said to be."""
        return tuple(target for target in self.targets if target.host != ".")

    @property
    def denied(self) -> bool:
        """The records say that there is no such service, and can be believed."""
        return bool(self.targets) and not self.named and self.lookup.status is not Status.BOGUS

    @property
    def unseen(self) -> bool:
        """Nobody knows what records there are: the question stayed open, or a denial that cannot be believed."""
        bogus_denial = self.lookup.status is Status.BOGUS and not self.lookup.exists
        return self.lookup.unseen or self.lookup.kind is None or bogus_denial


def srv_of(kind: ServiceKind, domain: str, find: Find) -> Srv:
    """Looks a kind's SRV records up."""
    lookup = find(f"{kind.srv}.{domain}", "SRV")
    records = [record for record in lookup.records if isinstance(record, SRV)]
    targets = sorted(
        (Target(r.priority, r.weight, r.port, present(r.target)) for r in records),
        key=lambda target: (target.priority, -target.weight, target.host, target.port),
    )
    return Srv(kind, lookup, tuple(dict.fromkeys(targets)))


def kinds_of(plan: ProbePlan) -> tuple[ServiceKind, ...]:
    """The kinds of service for mail clients that the plan asks for."""
    return tuple(kind for kind in CLIENT_KINDS if kind.name in plan.services)


def webmail_page(url: str) -> WebAddress | None:
    """The page of a webmail that the user named; None where it is no https URL."""
    page = parse(url)
    return page if page is not None and page.scheme == "https" else None


def named_places(plan: ProbePlan, srv: Iterable[Srv], configurations: Iterable[Configuration]) -> tuple[Place, ...]:
    """Every place that somebody names, each once. Those of configuration count whoever it was that answered."""
    found: dict[tuple[str, str, int], Place] = {}
    for place in _named(plan, srv, configurations):
        key = (place.kind.name, place.host, place.port)
        known = found.get(key)
        found[key] = (
            place if known is None else replace(known, sources=tuple(dict.fromkeys((*known.sources, *place.sources))))
        )
    return tuple(place for place in found.values() if place.kind in kinds_of(plan))


def _named(plan: ProbePlan, srv: Iterable[Srv], configurations: Iterable[Configuration]) -> Iterator[Place]:
    for named in plan.named:
        yield Place(SERVICE_KINDS[named.kind], named.host, named.port, (BY_USER,))
    for url in plan.webmail or ():
        if (page := parse(url)) is not None:
            yield Place(SERVICE_KINDS["https"], page.host, page.port, (BY_USER,))
    for each in srv:
        for target in each.named:
            if target.port == 0:  # not a port that anybody can listen on
                continue
            yield Place(each.kind, target.host, target.port, (BY_SRV,))
    for configuration in configurations:
        for document in configuration.documents:
            for setting in document.settings:
                name = _BY_SECURITY.get((setting.family, setting.security is Security.IMPLICIT))
                if name is not None and setting.host and setting.port is not None:
                    yield Place(SERVICE_KINDS[name], setting.host, setting.port, (configuration.kind,))


def guesses(kind: ServiceKind, domain: str) -> tuple[str, ...]:
    """The well-known names at which a kind of service is looked for that nothing names."""
    return tuple(f"{prefix}{domain}" for prefix in _WELL_KNOWN.get(kind.family, ()))


@dataclass(frozen=True, slots=True)
class Guess:
    """What came of looking at well-known names: the host that answered, or None; `unseen` says what stayed open.

    `wanted`: host and address that were not looked at yet.
    """

    host: str | None
    unseen: str = ""
    wanted: tuple[str, str] | None = None


def guess(kind: ServiceKind, domain: str, families: tuple[int, ...], find: Find, get: Get) -> Guess:
    """Looks for a kind of service at well-known names, one after the other until one answers.

    There no address, a refusal and silence count as no, and so does an address that the public cannot reach.
    """
    unseen = ""
    for name in guesses(kind, domain):
        host = Host(name=name, a=find(name, "A"), aaaa=find(name, "AAAA"), families=families)
        if (hidden := host.addresses_unseen) is not None:
            unseen = unseen or f"{hidden.name} {hidden.rdtype}: {hidden.detail or hidden.cause or 'not seen'}"
        failures: list[Reason | None] = []
        for address in host.addresses:
            seen = get(f"client/{kind.name}/{name}/{address}/{kind.port}/1")
            if seen is None:
                return Guess(None, unseen or f"{name} {address} was not asked", (name, address))
            if somebody_there(kind, seen):
                return Guess(name)
            failures.append(seen.failure.reason if seen.failure is not None else None)
        ours = [reason for reason in failures if reason in _NOT_LOOKED]
        if ours or (failures and set(failures) == {Reason.VANTAGE}):
            unseen = unseen or f"{name} could not be looked at: {(ours or failures)[0]}"
    return Guess(None, unseen)


def somebody_there(kind: ServiceKind, seen: Observation[ClientSession]) -> bool:
    """Whether anything was said to us, in the clear or in TLS."""
    told: ClientSession | Failure | None = seen.value or seen.failure
    if told is None:
        return False
    if any(line.sender == "S" for line in told.lines):
        return True
    handshake = seen.value.handshake if seen.value is not None else None
    return kind.implicit and handshake is not None and bool(handshake.received)
