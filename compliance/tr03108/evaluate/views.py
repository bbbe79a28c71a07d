"""Typed views of a dossier: what is so, without a word on whether it is good. Checks are pure functions of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address

from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from ..model import (
    DnsMessage,
    Dossier,
    Failure,
    Handshake,
    HelloExchange,
    HttpExchange,
    Observation,
    Reason,
    SmtpSession,
    Subject,
)
from .answer import NoAnswer
from .dnssec import Validator
from .lookup import Lookup, NotAsked, Status
from .revocation import Revocations
from .routing import HostAddresses, Routing, insecure_cause, mail_routing, tlsa_names
from .second_certificate import SecondCertificate, second_certificate, second_of_facts
from .servers import AllServers, judge_all
from .services import SmtpService
from .starttls import conclude, got_through
from .survey import survey
from .tls.answers import answer_of, answers
from .tls.facts import TlsFacts
from .tlsa import Tlsa, tlsa_of
from .vantage import reach
from .zone_signing import ZoneSigning, zone_signing, zones_of


@dataclass(frozen=True, slots=True)
class PolicyFetch:
    """How the MTA-STS policy was fetched: the exchange, or why there is none. `host_missing`: no such name."""

    host: str
    exchange: HttpExchange | None
    failure: Failure | None
    host_missing: bool
    time: datetime | None


@dataclass(frozen=True, slots=True)
class MailDomain:
    """The audited domain: its MX RRset (or the proof of its absence), routing, policies in DNS, and its MX hosts."""

    name: str
    mx: Lookup | None
    routing: Routing
    tlsrpt: Lookup | None
    sts: Lookup | None
    sts_policy: PolicyFetch | None
    hosts: tuple[MailHost, ...] = field(repr=False)
    all_servers: AllServers | None = None  # None: the plan did not ask them
    signing: tuple[ZoneSigning, ...] = ()  # the zones of the domain and its mail hosts

    @property
    def subject(self) -> Subject:
        return Subject("domain", self.name)


@dataclass(frozen=True, slots=True)
class MailHost:
    """One MX host: its address RRsets and TLSA records. `domain` is the domain whose mail it takes."""

    name: str
    domain: str
    a: Lookup | None
    aaaa: Lookup | None
    tlsa: Tlsa
    services: tuple[SmtpService, ...] = field(repr=False)
    families: tuple[int, ...] = (4, 6)  # in scope of the audit

    @property
    def subject(self) -> Subject:
        return Subject("host", self.name)

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(lookup for lookup in (self.a, self.aaaa) if lookup is not None)

    @property
    def without_address(self) -> bool:
        """It is known that the host has no address of either family (a denial, or a circle of aliases, not bogus)."""
        return len(self.lookups) == 2 and all(
            lookup.kind in ("nodata", "nxdomain", "loop") and lookup.status in (Status.SECURE, Status.INSECURE)
            for lookup in self.lookups
        )

    def out_of_scope(self, families: tuple[int, ...]) -> tuple[str, ...]:
        """The addresses of families that the plan left out."""
        return tuple(a for a in _addresses(list(self.lookups)) if ip_address(a).version not in families)

    def addresses_unseen(self, families: tuple[int, ...]) -> Lookup | None:
        """The lookup of a family in scope whose addresses could not be seen (open, or a denial nobody can believe)."""
        for family, lookup in ((4, self.a), (6, self.aaaa)):
            if lookup is None or family not in families or lookup.exists:
                continue
            if lookup.unseen or lookup.status is Status.BOGUS:
                return lookup
        return None


class Views:
    """All views of one dossier, made once."""

    def __init__(self, dossier: Dossier) -> None:
        self.dossier = dossier
        self.validator = Validator(self._dns, dossier.trust_anchors)

    def _dns(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        observation = self.dossier.observations.get(f"dns/{name}/{rdtype}")
        if observation is None:
            failure = Failure(Reason.NOT_PROBED, f"{name} {rdtype} was not asked")
            return Observation(f"dns/{name}/{rdtype}", self.dossier.started, None, failure)
        return observation

    def lookup(self, name: str, rdtype: str) -> Lookup | None:
        """A judged lookup; None where the plan did not ask the question."""
        if f"dns/{name}/{rdtype}" not in self.dossier.observations:
            return None
        return self.validator.lookup(name, rdtype)

    @cached_property
    def resolver_trouble(self) -> tuple[str, str] | None:
        """Code and detail where the resolver cannot carry DNSSEC or the root cannot be trusted: then all is blind."""
        answer = self.validator.root_answer()
        if isinstance(answer, NoAnswer) and answer.code in ("NOT_PROBED", "BUDGET_EXHAUSTED"):
            return ("NOT_PROBED", answer.detail)  # interrupted before the first answer: no word against the resolver
        if isinstance(answer, NoAnswer):
            return ("RESOLVER_UNREACHABLE", answer.detail)
        keys = answer.answer[0] if answer.answer else None
        if keys is None or not keys.signatures:
            return ("RESOLVER_WITHOUT_DNSSEC", "no signature over the root's DNSKEY records")
        root = self.validator.root()
        if root.status is not Status.SECURE:
            trouble = root.trouble
            return ("TRUST_ANCHOR_MISMATCH", f"{trouble.code}: {trouble.detail}" if trouble else "")
        return None

    @cached_property
    def domain(self) -> MailDomain:
        """The audited domain."""
        name = self.dossier.domain
        mx = self.lookup(name, "MX")
        routing = Routing("unseen") if mx is None else mail_routing(mx, name)
        hosts = tuple(self._host(host) for host in routing.hosts)
        if routing.kind == "implicit" and hosts[0].without_address:
            routing, hosts = Routing("none"), ()
        sts_host = f"mta-sts.{name}"
        return MailDomain(
            name=name,
            mx=mx,
            routing=routing,
            tlsrpt=self.lookup(f"_smtp._tls.{name}", "TXT"),
            sts=self.lookup(f"_mta-sts.{name}", "TXT"),
            sts_policy=self._policy(sts_host),
            hosts=hosts,
            all_servers=self._all_servers(hosts),
            signing=self._signing(mx, hosts),
        )

    def _all_servers(self, hosts: tuple[MailHost, ...]) -> AllServers | None:
        if not self.dossier.plan.all_servers:
            return None
        names = [host.name for host in hosts]
        zones = survey(self.validator, self.dossier.domain, names, self.dossier.plan.families)
        return judge_all(zones, self.dossier.observations)

    def _signing(self, mx: Lookup | None, hosts: tuple[MailHost, ...]) -> tuple[ZoneSigning, ...]:
        lookups = [lookup for lookup in (mx, *(each for host in hosts for each in host.lookups)) if lookup is not None]
        prefix = "dns/"
        asked = [
            key.removeprefix(prefix).rpartition("/")[::2] for key in self.dossier.observations if key.startswith(prefix)
        ]
        return tuple(zone_signing(self.validator, zone, asked) for zone in zones_of(lookups))

    @property
    def services(self) -> tuple[SmtpService, ...]:
        """Every service address of every MX host."""
        return tuple(service for host in self.domain.hosts for service in host.services)

    def _host(self, name: str) -> MailHost:
        a, aaaa = self.lookup(name, "A"), self.lookup(name, "AAAA")
        found = [lookup for lookup in (a, aaaa) if lookup is not None]
        bases = tlsa_names(name, a, aaaa) if a is not None and aaaa is not None else (name,)
        tlsa = tlsa_of({base: self.lookup(f"_25._tcp.{base}", "TLSA") for base in bases})
        mx = self.lookup(self.dossier.domain, "MX")
        where = HostAddresses(insecure_cause(a, aaaa), mx is not None and mx.status is Status.INSECURE)
        services: list[SmtpService] = []
        for address in _addresses(found):
            if ip_address(address).version in self.dossier.plan.families:
                services.append(self._service(name, address, tlsa, where))
        services = [replace(one, peers=tuple(peer for peer in services if peer is not one)) for one in services]
        return MailHost(name, self.dossier.domain, a, aaaa, tlsa, tuple(services), self.dossier.plan.families)

    def _service(self, host: str, address: str, tlsa: Tlsa, addresses: HostAddresses) -> SmtpService:
        prefix = f"{host}/{address}/25/"
        sessions = self._numbered(f"smtp/{prefix}") + self._numbered(f"smtp-curve/{prefix}")
        plaintext = self._numbered(f"smtp-plain/{prefix}")
        starttls = conclude(sessions, self.dossier.plan.second_look, got_through(self._reached.get(address, ())))
        time = sessions[-1].time if sessions else self.dossier.started
        where = reach(address, self._reached, self.dossier.vantage)
        return SmtpService(
            host=host,
            domain=self.dossier.domain,
            address=address,
            port=25,
            reach=where,
            starttls=starttls,
            plaintext=plaintext[-1] if plaintext else None,
            tlsa=tlsa,
            time=time,
            second=self._second(starttls.handshake, prefix, facts := self._tls(host, address, 25, sessions)),
            addresses=addresses,
            tls=facts,
            revocations=self._revocations,
            renegotiation=self.dossier.observations.get(f"renegotiation/{prefix}1"),
        )

    @cached_property
    def _revocations(self) -> Revocations:
        return Revocations(self.dossier.observations)

    def _second(self, first: Handshake | None, prefix: str, facts: TlsFacts) -> SecondCertificate:
        if facts.asked:
            return second_of_facts(first, facts)
        return second_certificate(first, self.dossier.observations.get(f"smtp-other/{prefix}1"))

    def _tls(self, host: str, address: str, port: int, sessions: list[Observation[SmtpSession]]) -> TlsFacts:
        """What the service accepts: from single hellos, and from the ordinary handshakes before them."""
        ordinary = [
            answer_of("ordinary", look.time, look.value.handshake)
            for look in sessions
            if look.value is not None and look.value.handshake is not None
        ]
        return TlsFacts((*ordinary, *answers(self._hellos.get(f"{host}/{address}/{port}", {}))))

    @cached_property
    def _hellos(self) -> Mapping[str, dict[str, Observation[HelloExchange]]]:
        """All single hellos: by service address, then by question."""
        found: dict[str, dict[str, Observation[HelloExchange]]] = {}
        for key, observation in self.dossier.observations.items():
            if key.startswith("hello/"):
                where, _, question = key.removeprefix("hello/").rpartition("/")
                found.setdefault(where, {})[question] = observation
        return found

    def _numbered(self, prefix: str) -> list[Observation[SmtpSession]]:
        found: list[Observation[SmtpSession]] = []
        while (key := f"{prefix}{len(found) + 1}") in self.dossier.observations:
            found.append(self.dossier.observations[key])
        return found

    @cached_property
    def _reached(self) -> Mapping[str, list[Observation[SmtpSession]]]:
        """All SMTP observations by address: the vantage is judged over the whole audit."""
        reached: dict[str, list[Observation[SmtpSession]]] = {}
        for key, observation in self.dossier.observations.items():
            if key.startswith("smtp/"):
                address = key.rsplit("/", 3)[-3]  # from the end: a host name may hold a slash
                reached.setdefault(address, []).append(observation)
        return reached

    def _policy(self, host: str) -> PolicyFetch | None:
        a, aaaa = self.lookup(host, "A"), self.lookup(host, "AAAA")
        if a is None or aaaa is None:
            return None
        missing = all(lookup.kind in ("nodata", "nxdomain") and not lookup.unseen for lookup in (a, aaaa))
        prefix = f"https/{host}/"
        fetched = [o for key, o in sorted(self.dossier.observations.items()) if key.startswith(prefix)]
        exchanges = [(o.time, o.value) for o in fetched if isinstance(o.value, HttpExchange)]
        if exchanges:
            # As for any HTTPS client, an address where nobody listens is passed over for the next one.
            time, exchange = next((e for e in exchanges if e[1].ended != "refused"), exchanges[0])
            return PolicyFetch(host, exchange, None, False, time)
        if fetched:
            return PolicyFetch(host, None, fetched[-1].failure, False, fetched[-1].time)
        lookup = a if a.unseen else aaaa
        failure = lookup.failure or Failure(Reason.NOT_PROBED, lookup.detail or f"{host} was not contacted")
        return PolicyFetch(host, None, None if missing else failure, missing, None)


def _addresses(lookups: list[Lookup]) -> tuple[str, ...]:
    found = (r.address for lookup in lookups for r in lookup.records if isinstance(r, A | AAAA))
    return tuple(dict.fromkeys(str(ip_address(address)) for address in found))


def texts(lookup: Lookup) -> tuple[bytes, ...]:
    """The TXT records of a lookup, each with its strings joined."""
    return tuple(b"".join(record.strings) for record in lookup.records if isinstance(record, TXT))


__all__ = ["MailDomain", "MailHost", "NotAsked", "PolicyFetch", "SmtpService", "Views", "texts"]
