"""A domain that takes mail: its routing, its mail hosts and its policies in DNS, as a dossier has them.

The audited domain is one; the domains to which it has TLS reports sent are others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..model import MAIL_SERVICE, Dossier, Subject
from .host import Host
from .lookup import Lookup, Status
from .observed import Observed
from .policy_fetch import PolicyFetch, policy_fetch
from .routing import HostAddresses, Routing, insecure_cause, mail_routing, tlsa_names
from .second_certificate import second_of
from .servers import AllServers
from .services import SmtpService
from .starttls import conclude, got_through
from .tlsa import Tlsa, tlsa_of
from .zone_signing import ZoneSigning

Find = Callable[[str, str], "Lookup | None"]  # a judged lookup by name and type; None: the plan did not ask


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A domain: its MX RRset (or the proof of its absence), routing, policies in DNS, and its MX hosts."""

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


class MailDomains:
    """Finds what a dossier says of any domain that takes mail."""

    def __init__(self, dossier: Dossier, observed: Observed, find: Find) -> None:
        self._dossier = dossier
        self._observed = observed
        self._find = find

    def of(self, name: str) -> MailDomain:
        """The domain of that name."""
        mx = self._find(name, "MX")
        routing = Routing("unseen") if mx is None else mail_routing(mx, name)
        hosts = tuple(self._host(host, name, mx) for host in routing.hosts)
        if routing.kind == "implicit" and hosts[0].without_address:
            routing, hosts = Routing("none"), ()
        return MailDomain(
            name=name,
            mx=mx,
            routing=routing,
            tlsrpt=self._find(f"_smtp._tls.{name}", "TXT"),
            sts=self._find(f"_mta-sts.{name}", "TXT"),
            sts_policy=policy_fetch(f"mta-sts.{name}", self._find, self._observed),
            hosts=hosts,
        )

    def _host(self, name: str, domain: str, mx: Lookup | None) -> MailHost:
        a, aaaa = self._find(name, "A"), self._find(name, "AAAA")
        bases = tlsa_names(name, a, aaaa) if a is not None and aaaa is not None else (name,)
        tlsa = tlsa_of({base: self._find(f"_25._tcp.{base}", "TLSA") for base in bases})
        where = HostAddresses(insecure_cause(a, aaaa), mx is not None and mx.status is Status.INSECURE)
        host = MailHost(
            name=name,
            a=a,
            aaaa=aaaa,
            families=self._dossier.plan.families,
            domain=domain,
            tlsa=tlsa,
            services=(),
        )
        services = [self._service(name, address, domain, tlsa, where) for address in host.addresses]
        services = [replace(one, peers=tuple(peer for peer in services if peer is not one)) for one in services]
        return replace(host, services=tuple(services))

    def _service(self, host: str, address: str, domain: str, tlsa: Tlsa, addresses: HostAddresses) -> SmtpService:
        observed, port = self._observed, MAIL_SERVICE.port
        where = f"{host}/{address}/{port}"
        sessions = observed.numbered(f"smtp/{where}/") + observed.numbered(f"smtp-curve/{where}/")
        plaintext = observed.numbered(f"smtp-plain/{where}/")
        elsewhere = got_through(observed.sessions_at(MAIL_SERVICE, address, port))
        starttls = conclude(sessions, self._dossier.plan.second_look, elsewhere)
        facts = observed.tls(where, sessions)
        return SmtpService(
            kind=MAIL_SERVICE,
            host=host,
            domain=domain,
            address=address,
            port=port,
            reach=observed.reach(address, port),
            starttls=starttls,
            plaintext=plaintext[-1] if plaintext else None,
            tlsa=tlsa,
            time=sessions[-1].time if sessions else self._dossier.started,
            second=second_of(starttls.handshake, facts, observed.get(f"smtp-other/{where}/1")),
            addresses=addresses,
            tls=facts,
            revocations=observed.revocations,
            renegotiation=observed.get(f"renegotiation/{where}/1"),
            login=observed.get(f"client-plain/smtp/{where}/1"),
            injection=observed.get(f"client-injection/smtp/{where}/1"),
        )
