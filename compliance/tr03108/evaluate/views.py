"""Typed views of a dossier: what is so, without a word on whether it is good. Checks are pure functions of these."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from ..model import DnsMessage, Dossier, Failure, Observation, Reason
from .answer import NoAnswer
from .clients import Clients, clients
from .dnssec import Validator
from .lookup import Lookup, Status
from .mail_authentication import SendingDomain, sending_domain
from .mail_domain import MailDomain, MailDomains, MailHost
from .observed import Observed
from .servers import AllServers, judge_all
from .services import SmtpService
from .survey import survey
from .tlsrpt import TlsRpt, tlsrpt_of
from .zone_signing import ZoneSigning, zone_signing, zones_of


class Views:
    """All views of one dossier, made once."""

    def __init__(self, dossier: Dossier) -> None:
        self.dossier = dossier
        self.validator = Validator(self._dns, dossier.trust_anchors)
        self._observed = Observed(dossier)
        self._domains = MailDomains(dossier, self._observed, self.lookup)

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
        domain = self._domains.of(self.dossier.domain)
        signing = self._signing(domain.mx, domain.hosts)
        return replace(domain, all_servers=self._all_servers(domain.hosts), signing=signing)

    @cached_property
    def tlsrpt(self) -> TlsRpt:
        """The audited domain's TLSRPT record, and the mailboxes that reports are sent to."""
        return tlsrpt_of(self.domain.tlsrpt, self._domains.of, self.dossier)

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

    @cached_property
    def clients(self) -> Clients:
        """The services of mail clients, and how clients are led to them."""
        return clients(self.dossier, self._observed, self.validator.lookup)

    @cached_property
    def sending(self) -> SendingDomain:
        """What the domain says about mail in its name."""
        return sending_domain(self.dossier.domain, self.dossier.plan, self.validator.lookup)
