"""Typed views of a dossier: what is so, without a word on whether it is good. Checks are pure functions of these."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from dns.rdtypes.ANY.TXT import TXT

from ..model import MAIL_SERVICE, DnsMessage, Dossier, Failure, HttpExchange, Observation, Reason, Subject
from .answer import NoAnswer
from .clients import Clients, clients
from .dnssec import Validator
from .host import Host
from .lookup import Lookup, NotAsked, Status
from .mail_authentication import SendingDomain, sending_domain
from .observed import Observed
from .routing import HostAddresses, Routing, insecure_cause, mail_routing, tlsa_names
from .second_certificate import second_of
from .servers import AllServers, judge_all
from .services import SmtpService
from .starttls import conclude, got_through
from .survey import survey
from .tlsa import Tlsa, tlsa_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHost(Host):
    """One MX host: its address RRsets and TLSA records. `domain` is the domain whose mail it takes."""

    domain: str
    tlsa: Tlsa
    services: tuple[SmtpService, ...] = field(repr=False)

    @property
    def subject(self) -> Subject:
        return Subject("host", self.name)


class Views:
    """All views of one dossier, made once."""

    def __init__(self, dossier: Dossier) -> None:
        self.dossier = dossier
        self.validator = Validator(self._dns, dossier.trust_anchors)
        self._observed = Observed(dossier)

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
        bases = tlsa_names(name, a, aaaa) if a is not None and aaaa is not None else (name,)
        tlsa = tlsa_of({base: self.lookup(f"_25._tcp.{base}", "TLSA") for base in bases})
        mx = self.lookup(self.dossier.domain, "MX")
        where = HostAddresses(insecure_cause(a, aaaa), mx is not None and mx.status is Status.INSECURE)
        host = MailHost(
            name=name,
            a=a,
            aaaa=aaaa,
            families=self.dossier.plan.families,
            domain=self.dossier.domain,
            tlsa=tlsa,
            services=(),
        )
        services = [self._service(name, address, tlsa, where) for address in host.addresses]
        services = [replace(one, peers=tuple(peer for peer in services if peer is not one)) for one in services]
        return replace(host, services=tuple(services))

    def _service(self, host: str, address: str, tlsa: Tlsa, addresses: HostAddresses) -> SmtpService:
        observed, port = self._observed, MAIL_SERVICE.port
        where = f"{host}/{address}/{port}"
        sessions = observed.numbered(f"smtp/{where}/") + observed.numbered(f"smtp-curve/{where}/")
        plaintext = observed.numbered(f"smtp-plain/{where}/")
        elsewhere = got_through(observed.sessions_at(MAIL_SERVICE, address, port))
        starttls = conclude(sessions, self.dossier.plan.second_look, elsewhere)
        facts = observed.tls(where, sessions)
        return SmtpService(
            kind=MAIL_SERVICE,
            host=host,
            domain=self.dossier.domain,
            address=address,
            port=port,
            reach=observed.reach(address, port),
            starttls=starttls,
            plaintext=plaintext[-1] if plaintext else None,
            tlsa=tlsa,
            time=sessions[-1].time if sessions else self.dossier.started,
            second=second_of(starttls.handshake, facts, observed.get(f"smtp-other/{where}/1")),
            addresses=addresses,
            tls=facts,
            revocations=observed.revocations,
            renegotiation=observed.get(f"renegotiation/{where}/1"),
            login=observed.get(f"client-plain/smtp/{where}/1"),
            injection=observed.get(f"client-injection/smtp/{where}/1"),
        )

    @cached_property
    def clients(self) -> Clients:
        """The services of mail clients, and how clients are led to them."""
        return clients(self.dossier, self._observed, self.validator.lookup)

    @cached_property
    def sending(self) -> SendingDomain:
        """What the domain says about mail in its name."""
        return sending_domain(self.dossier.domain, self.dossier.plan, self.validator.lookup)

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


def texts(lookup: Lookup) -> tuple[bytes, ...]:
    """The TXT records of a lookup, each with its strings joined."""
    return tuple(b"".join(record.strings) for record in lookup.records if isinstance(record, TXT))


__all__ = ["MailDomain", "MailHost", "NotAsked", "PolicyFetch", "SmtpService", "Views", "texts"]
