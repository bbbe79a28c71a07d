"""What TLSRPT says: the record, and the domains and mailboxes that reports are sent to (RFC 8460)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model import MAIL_SERVICE, Dossier, Observation
from ..wire import tlsrpt
from ..wire.tlsrpt import Mailbox, mailbox_of
from .lookup import Lookup, Status
from .mail_domain import MailDomain
from .mailbox import Answered, MailboxLook, mailbox_key
from .mta_sts import StsFetch, sts_fetch, sts_record
from .policies import PolicyRecord, texts
from .routing import insecure_cause
from .starttls import printable

MOST_DESTINATIONS = 10  # report mailboxes that are looked at
# TLSA records that nobody can use still ask for TLS (RFC 7672 section 2.2).
_WITHHOLDING = ("OK", "TLSA_UNUSABLE", "TLSA_BOGUS")
_TOLD = 50  # report mailboxes that are told of


def tlsrpt_record(lookup: Lookup) -> PolicyRecord:
    """The TLSRPT record in a TXT lookup; with several, the URIs of all of them."""
    every = texts(lookup)
    found = tlsrpt.tlsrpt_records(every)
    parsed = [tlsrpt.parse_record(text, alone=len(every) == 1) for text in found]
    uris = tuple(uri for record in parsed for uri in record.rua)
    errors = tuple(error for record in parsed for error in record.errors)
    return PolicyRecord(len(found), tuple(printable(text) for text in found[:10]), uris, errors[:20])


def mailboxes(lookup: Lookup) -> tuple[Mailbox, ...]:
    """The mailboxes that reports are sent to, the first of many, each once, in the order of the record."""
    found = (mailbox_of(uri) for uri in tlsrpt_record(lookup).uris)
    return tuple(dict.fromkeys(mailbox for mailbox in found if mailbox is not None))[:_TOLD]


@dataclass(frozen=True, slots=True)
class Reception:
    """Whether a domain can receive mail at all, as far as DNS says: "yes", "no" or "unseen", and why."""

    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReportMailbox:
    """One mailbox that reports are sent to. `domain` is None where it is one too many to be looked at;
    `looks` is empty where nobody asked for the mailbox."""

    mailbox: Mailbox
    domain: MailDomain | None
    looks: tuple[MailboxLook, ...]

    @property
    def reception(self) -> Reception:
        """Whether the mailbox's domain can receive mail (RFC 5321 section 5.1, RFC 7505)."""
        name = self.mailbox.domain
        if self.domain is None:
            return Reception("unseen", f"{name}: only {MOST_DESTINATIONS} report mailboxes are examined")
        mx, kind = self.domain.mx, self.domain.routing.kind
        if mx is None or kind == "unseen":
            bogus = mx is not None and mx.status is Status.BOGUS
            why = "not asked" if mx is None else mx.detail or mx.cause or "not seen"
            return Reception("no" if bogus else "unseen", f"{name} MX: {why}")
        if mx.status is Status.BOGUS:
            return Reception("no", f"{name} MX: {mx.detail or mx.cause}")
        if kind in _WITHOUT_MAIL:
            return Reception("no", f"{name} {_WITHOUT_MAIL[kind]}")
        if any(lookup.exists and lookup.status is not Status.BOGUS for lookup in self._address_lookups()):
            return Reception("yes")
        hidden = next((lookup for lookup in self._address_lookups() if lookup.unseen), None)
        if hidden is not None:
            return Reception("unseen", f"{hidden.name} {hidden.rdtype}: {hidden.detail or hidden.cause or 'not seen'}")
        if any(len(host.lookups) < 2 for host in self.domain.hosts):
            return Reception("unseen", f"{name}: the addresses of its mail hosts were not asked for")
        return Reception("no", f"{name}: none of its mail hosts has an address")

    @property
    def reachable(self) -> str:
        """Whether the mailbox receives mail, as far as it was asked: "yes", "no" or "unseen"."""
        if self.reception.state != "yes" or not self.looks:
            return self.reception.state
        return {Answered.ACCEPTED: "yes", Answered.REFUSED: "no"}.get(self.looks[-1].answered, "unseen")

    @property
    def trouble(self) -> str:
        """Why the mailbox is not reachable, for the evidence."""
        return self.reception.detail or f"{self.mailbox.text}: {self.said}"

    @property
    def said(self) -> str:
        """The last reply to the question for the mailbox, or why there is none."""
        return self.looks[-1].said if self.looks else "not asked"

    @property
    def in_clear(self) -> Answered:
        """What a mail server answered outside TLS."""
        answers = [look.answered for look in self.looks if not look.secured]
        return next((each for each in answers if each is not Answered.UNSEEN), Answered.UNSEEN)

    def enforced(self, roots: tuple[bytes, ...], time: datetime) -> Iterator[str]:
        """What makes senders withhold mail for this mailbox when TLS fails: TLSA records, an enforced policy."""
        for host in self.domain.hosts if self.domain is not None else ():
            if host.tlsa.code in _WITHHOLDING and insecure_cause(host.a, host.aaaa) is None:
                yield f"{self.mailbox.text}: {host.tlsa.code if host.tlsa.code != 'OK' else 'TLSA'} ({host.name})"
        fetch = self._policy(roots, time)
        if fetch is not None and fetch.enforces:
            yield f"{self.mailbox.text}: MTA-STS ({self.mailbox.domain})"

    def enforcement_unseen(self, roots: tuple[bytes, ...], time: datetime) -> Iterator[str]:
        """What could not be seen of that."""
        if self.domain is None or self.reception.state == "unseen":
            yield self.reception.detail
            return
        for host in self.domain.hosts:
            if host.tlsa.unseen and insecure_cause(host.a, host.aaaa) is None and not host.without_address:
                yield f"{host.name} TLSA: {host.tlsa.detail}"
        sts = self.domain.sts
        if sts is None or sts.unseen:
            yield f"{self.mailbox.domain} MTA-STS: {sts.detail or sts.cause if sts is not None else 'not asked'}"
        fetch = self._policy(roots, time)
        if fetch is not None and fetch.unseen:
            yield f"{self.mailbox.domain} MTA-STS: {fetch.detail}"

    def _policy(self, roots: tuple[bytes, ...], time: datetime) -> StsFetch | None:
        """The MTA-STS policy of the mailbox's domain; None where no record announces one."""
        if self.domain is None or self.domain.sts is None or sts_record(self.domain.sts).count != 1:
            return None
        return sts_fetch(self.domain.sts_policy, roots, time)

    def _address_lookups(self) -> Iterator[Lookup]:
        return (lookup for host in self.domain.hosts for lookup in host.lookups) if self.domain else iter(())

    def evidence(self) -> dict[str, object]:
        shown: dict[str, object] = {"mailbox": self.mailbox.text, "domain_receives": self.reception.state}
        if self.reception.detail:
            shown["detail"] = self.reception.detail
        if self.domain is not None:
            shown["mail_hosts"] = {
                host.name: {"addresses": list(host.addresses), "tlsa": host.tlsa.code} for host in self.domain.hosts
            }
        if self.looks:
            shown["asked"] = [look.evidence() for look in self.looks]
        return shown


_WITHOUT_MAIL = {
    "null": "says that it takes no mail (null MX)",
    "not-found": "does not exist",
    "none": "has neither mail hosts nor addresses",
}


@dataclass(frozen=True, slots=True)
class TlsRpt:
    """The audited domain's TLSRPT: `lookup` is None where the plan did not ask."""

    lookup: Lookup | None
    destinations: tuple[ReportMailbox, ...]
    mailboxes_asked: bool = False  # whether the plan has mail servers asked for the mailboxes


def tlsrpt_of(
    lookup: Lookup | None,
    domain_of: Callable[[str], MailDomain],
    dossier: Dossier,
) -> TlsRpt:
    """The record's destinations with all that was seen of them."""
    found = mailboxes(lookup) if lookup is not None else ()
    domains = {name: domain_of(name) for name in dict.fromkeys(box.domain for box in found[:MOST_DESTINATIONS])}
    destinations = [
        ReportMailbox(mailbox, domain, tuple(_looks(mailbox, domain, dossier.observations)))
        for mailbox, domain in ((mailbox, domains[mailbox.domain]) for mailbox in found[:MOST_DESTINATIONS])
    ]
    beyond = [ReportMailbox(mailbox, None, ()) for mailbox in found[MOST_DESTINATIONS:]]
    return TlsRpt(lookup, (*destinations, *beyond), dossier.plan.report_mailbox)


def _looks(
    mailbox: Mailbox, domain: MailDomain, observations: Mapping[str, Observation[Any]]
) -> Iterator[MailboxLook]:  # fmt: skip
    for host in domain.hosts:
        for address in host.addresses:
            for secured in (False, True):
                seen = observations.get(mailbox_key(mailbox, host.name, address, MAIL_SERVICE.port, secured=secured))
                if seen is not None:
                    yield MailboxLook(host.name, address, secured, seen)
