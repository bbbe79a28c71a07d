"""The services of a domain's mail clients as checks see them, and how clients are led to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..model import Dossier, HttpExchange, Observation, ServiceKind, Subject
from ..wire.autodiscover import parse_json
from ..wire.client_configuration import FAMILIES, Security
from ..wire.web_address import WebAddress, parse
from .configuration import Configuration, Locations
from .host import Host
from .lookup import Status
from .names import dns_names
from .observed import Observed
from .pkix import load
from .places import BY_GUESS, MOST_PLACES, Guess, Place, Srv, guess, kinds_of, named_places, srv_of
from .routing import tlsa_names
from .second_certificate import second_of
from .services import ClientService
from .starttls import conclude, got_through
from .tlsa import tlsa_of
from .web import Find, Hop, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHost(Host):
    """One place of a service: its host, its port, and the service at every address of the host."""

    place: Place
    services: tuple[ClientService, ...] = field(repr=False)

    @property
    def subject(self) -> Subject:
        """The host, in the place of services whose addresses are not there or were not seen."""
        return Subject("host", self.name, None, self.place.port, self.place.kind.name)


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of service at this domain. `state`: "found", "denied" (SRV records say that there is none), "not-found"
    or "unseen". `detail` says what stayed open, also of a service that was found: it may be elsewhere, too. `left_out`
    are places beyond those that are looked at."""

    kind: ServiceKind
    domain: str
    state: str
    detail: str
    hosts: tuple[ClientHost, ...] = field(repr=False)

    @property
    def subject(self) -> Subject:
        return Subject("domain", self.domain, None, self.kind.port, self.kind.name)

    other_way: Offer | None = field(default=None, repr=False)  # to the same protocol
    left_out: tuple[Place, ...] = ()

    @property
    def services(self) -> tuple[ClientService, ...]:
        return tuple(service for host in self.hosts for service in host.services)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The hosts that do not bear the domain's name: who runs them answers for what is seen there."""
        return tuple(host.name for host in self.hosts if not within(host.name, self.domain))


@dataclass(frozen=True, slots=True)
class Webmail:
    """One address of webmail at one address of its host: the page, and the same without TLS."""

    domain: str
    page: WebAddress
    address: str
    secured: Observation[HttpExchange] | None = field(repr=False)
    plain: Observation[HttpExchange] | None = field(repr=False)

    @property
    def subject(self) -> Subject:
        return Subject("service", self.page.host, self.address, self.page.port, "https")


@dataclass(frozen=True, slots=True)
class Clients:
    """All that concerns mail clients. `webmail_named`: the user said where webmail is, or that there is none."""

    domain: str
    srv: Mapping[str, Srv]
    autoconfig: Configuration
    autodiscover: Configuration
    json: Visit
    offers: Mapping[str, Offer]
    webmail: tuple[Webmail, ...]
    webmail_named: bool

    @property
    def subject(self) -> Subject:
        return Subject("domain", self.domain)

    @property
    def hosts(self) -> tuple[ClientHost, ...]:
        return tuple(host for offer in self.offers.values() for host in offer.hosts)

    def speaks_json(self, roots: tuple[bytes, ...], time: datetime) -> bool:
        """Whether Autodiscover answers with JSON, over HTTPS with certificates that a client takes at `time`."""
        exchange = self.json.exchange
        if self.json.end != "answered" or exchange is None or exchange.status != 200:
            return False
        return self.json.untrusted(roots, time) is None and parse_json(exchange.body) is not None

    def at(self, kind: ServiceKind, host: str, port: int) -> ClientHost | None:
        """The place of a service; None where nobody looked there."""
        return next((h for h in self.hosts if (h.place.kind, h.name, h.place.port) == (kind, host, port)), None)

    def family(self, family: str) -> tuple[Offer, ...]:
        """Both ways to one protocol: with TLS from the start, and with STARTTLS."""
        return tuple(offer for offer in self.offers.values() if offer.kind.family == family)

    def offered(self, family: str) -> str:
        """ "found" where one of both ways is there; "unseen" where nobody knows; else "not-found"."""
        states = {offer.state for offer in self.family(family)}
        return next((state for state in ("found", "unseen") if state in states), "not-found" if states else "unseen")


def clients(dossier: Dossier, observed: Observed, find: Find) -> Clients:
    """The clients' side of a dossier."""
    plan, domain = dossier.plan, dossier.domain
    kinds = [kind for kind in kinds_of(plan) if kind.srv]
    srv = {kind.name: srv_of(kind, domain, find) for kind in kinds}
    locations = Locations(domain, plan.families, find, observed.get)
    autoconfig, autodiscover = locations.autoconfig(), locations.autodiscover()
    places = named_places(plan, srv.values(), (autoconfig, autodiscover))
    open_lookups = [one.lookup_failed for one in (autoconfig, autodiscover)]
    build = _Builder(dossier, observed, find)
    offers = {}
    for kind in kinds_of(plan):
        own = [place for place in places if place.kind is kind]
        if own or not kind.srv:
            detail = _open_srv(srv[kind.name]) if kind.srv else ""
            offers[kind.name] = build.offer(kind, "found" if own else "not-found", detail, own)
            continue
        if srv[kind.name].denied:
            offers[kind.name] = build.offer(kind, "denied", f"{kind.srv}.{domain} SRV names no host", ())
            continue
        found = guess(kind, domain, plan.families, find, observed.get)
        offers[kind.name] = build.guessed(kind, found, srv[kind.name], open_lookups)
    for name, offer in offers.items():
        others = (o for o in offers.values() if o.kind.family == offer.kind.family and o.kind is not offer.kind)
        offers[name] = replace(offer, other_way=next(others, None))
    return Clients(
        domain=domain,
        srv=srv,
        autoconfig=autoconfig,
        autodiscover=autodiscover,
        json=locations.json(),
        offers=offers,
        webmail=tuple(build.webmail()),
        webmail_named=plan.webmail is not None,
    )


def _open_srv(srv: Srv) -> str:
    """What stayed open of SRV records, or why nobody can believe them; "" where nothing did."""
    if not srv.unseen and srv.lookup.status is not Status.BOGUS:
        return ""
    return f"{srv.lookup.name} SRV: {srv.lookup.detail or srv.lookup.cause or 'not seen'}"


class _Builder:
    def __init__(self, dossier: Dossier, observed: Observed, find: Find) -> None:
        self._dossier = dossier
        self._observed = observed
        self._find = find

    def offer(self, kind: ServiceKind, state: str, detail: str, places: Iterable[Place]) -> Offer:
        every = tuple(places)
        hosts = tuple(self._host(place) for place in every[:MOST_PLACES])
        return Offer(kind, self._dossier.domain, state, detail, hosts, left_out=every[MOST_PLACES:])

    def guessed(self, kind: ServiceKind, found: Guess, srv: Srv, open_lookups: Iterable[str]) -> Offer:
        """A kind that nothing names."""
        said = _open_srv(srv)
        if found.host is not None:
            return self.offer(kind, "found", said, (Place(kind, found.host, kind.port, (BY_GUESS,)),))
        detail = next(filter(None, (said, *open_lookups, found.unseen)), "")
        return self.offer(kind, "unseen" if detail else "not-found", detail, ())

    def _host(self, place: Place) -> ClientHost:
        a, aaaa = self._find(place.host, "A"), self._find(place.host, "AAAA")
        host = ClientHost(
            name=place.host, a=a, aaaa=aaaa, families=self._dossier.plan.families, place=place, services=()
        )
        services = tuple(self._service(host, address) for address in host.addresses)
        return ClientHost(name=place.host, a=a, aaaa=aaaa, families=host.families, place=place, services=services)

    def _service(self, host: ClientHost, address: str) -> ClientService:
        observed, place, kind = self._observed, host.place, host.place.kind
        where = f"{host.name}/{address}/{place.port}"
        key = f"{kind.name}/{where}"
        sessions = observed.numbered(f"client/{key}/") + observed.numbered(f"client-curve/{key}/")
        elsewhere = got_through(observed.sessions_at(kind, address, place.port))
        starttls = conclude(sessions, self._dossier.plan.second_look, elsewhere)
        # The keys of single hellos do not tell kinds apart: at one port they are of the kind that speaks TLS.
        own = starttls.works or not got_through(observed.others_at(kind, address, place.port))
        facts = observed.tls(where, sessions, hellos=own)
        bases = tlsa_names(host.name, host.a, host.aaaa) if host.a is not None and host.aaaa is not None else ()
        return ClientService(
            kind=kind,
            host=host.name,
            domain=self._dossier.domain,
            address=address,
            port=place.port,
            reach=observed.reach(address, place.port),
            starttls=starttls,
            tlsa=tlsa_of({base: self._find(f"_{place.port}._tcp.{base}", "TLSA") for base in bases}, smtp=False),
            time=sessions[-1].time if sessions else self._dossier.started,
            second=second_of(starttls.handshake, facts, observed.get(f"client-other/{key}/1")),
            tls=facts,
            revocations=observed.revocations,
            renegotiation=observed.get(f"renegotiation/{where}/1") if own else None,
            login=observed.get(f"client-plain/{key}/1"),
            injection=observed.get(f"client-injection/{key}/1"),
            sources=place.sources,
        )

    def webmail(self) -> Iterable[Webmail]:
        for number, url in enumerate(self._dossier.plan.webmail or (), 1):
            page = parse(url)
            if page is None or "https" not in self._dossier.plan.services:
                continue
            host = Host(
                name=page.host,
                a=self._find(page.host, "A"),
                aaaa=self._find(page.host, "AAAA"),
                families=self._dossier.plan.families,
            )
            for address in host.addresses:
                secured = self._observed.get(f"web/{page.host}/{address}/{page.port}/webmail.{number}")
                plain = self._observed.get(f"web/{page.host}/{address}/80/webmail-plain.{number}")
                yield Webmail(self._dossier.domain, page, address, secured, plain)


def within(host: str, domain: str) -> bool:
    """Whether a host bears the domain's name."""
    return host == domain or host.endswith(f".{domain}")


@dataclass(frozen=True, slots=True)
class ConfigurationHost:
    """A host that answered with a configuration: its aliases, addresses and the names in its certificate."""

    name: str
    aliases: tuple[str, ...]
    addresses: tuple[str, ...]
    certificate: tuple[str, ...]
    elsewhere: bool  # its name, or one that it is an alias of, does not belong to the domain

    def evidence(self) -> dict[str, object]:
        return {
            "host": self.name,
            "alias of": ", ".join(self.aliases),
            "addresses": ", ".join(self.addresses),
            "names in the certificate": ", ".join(self.certificate),
        }


def places_of_configuration(clients: Clients) -> tuple[ConfigurationHost, ...]:
    """Every host on the way to a configuration, each once (01-M.f)."""
    found: dict[str, ConfigurationHost] = {}
    for configuration in (clients.autoconfig, clients.autodiscover):
        for location in configuration.locations:
            if location.state in ("document", "elsewhere", "credentials"):
                for hop in location.visit.hops:
                    found.setdefault(hop.page.host, _configuration_host(hop, clients.domain))
    return tuple(found.values())


def _configuration_host(hop: Hop, domain: str) -> ConfigurationHost:
    aliases = tuple(dict.fromkeys(alias.target for lookup in hop.host.lookups for alias in lookup.aliases))
    handshake = hop.exchange.handshake if hop.exchange is not None else None
    leaf = load(handshake.chain[0]) if handshake is not None and handshake.chain else None
    names = dns_names(leaf)[:10] if leaf is not None else ()
    outside = any(not within(name, domain) for name in (hop.page.host, *aliases))
    return ConfigurationHost(hop.page.host, aliases, hop.host.addresses, names, outside)


def ranked_behind(clients: Clients) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where STARTTLS is preferred to implicit TLS, and all that could be compared (RFC 8314 section 5.1)."""
    behind: list[str] = []
    compared: list[str] = []
    for implicit in (srv for srv in clients.srv.values() if srv.kind.implicit):
        upgrade = next(
            (s for s in clients.srv.values() if s.kind.family == implicit.kind.family and s is not implicit), None
        )
        if upgrade is None or not upgrade.named or not implicit.named:
            continue
        best, other = implicit.named[0].priority, upgrade.named[0].priority
        text = f"{implicit.lookup.name} SRV priority {best}, {upgrade.lookup.name} SRV priority {other}"
        compared.append(text)
        if other < best:
            behind.append(text)
    for configuration in (clients.autoconfig, clients.autodiscover):
        for document in configuration.documents:
            for family in FAMILIES:
                own = [setting for setting in document.settings if setting.family == family]
                if any(setting.security is Security.IMPLICIT for setting in own):
                    text = f"{configuration.kind}: {own[0].text}"
                    compared.append(text)
                    if own[0].security is not Security.IMPLICIT:
                        behind.append(text)
    return tuple(behind), tuple(compared)
