"""The subjects of each kind, each with its view, or with the answer that stands for it (contract, "Subjects")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..evaluate.clients import ClientHost, Offer
from ..evaluate.mail_domain import MailHost
from ..evaluate.places import kinds_of
from ..evaluate.views import Views
from ..model import CLIENT_KINDS, MAIL_SERVICE, Subject
from .outcomes import Result, absent, asked, not_offered, unseen

Placed = tuple[Subject, Any, Result | None]

_NO_HOST = {"null": "NULL_MX", "none": "NO_MAIL_HOST", "unseen": "MX_UNSEEN"}
_WITH_MAIL = ("mail_address", "service_address", "starttls_address")
_WITH_CLIENTS = ("service_address", "starttls_address", "client_address", "client_service")
_OWN_CASES = ("submission", "imap", "pop3")  # the families of which TR-03108 speaks


def subjects(each: str, views: Views, *, of_case: bool) -> Iterator[Placed]:
    """The subjects of a kind. `of_case`: the check answers a test case, so that it says of each service that it is not
    there; a check of our own is silent about those."""
    domain = Subject("domain", views.dossier.domain)
    blind = _blind(views)
    if blind is not None:
        yield domain, None, blind
        return
    if each == "domain":
        yield domain, views.domain, None
    elif each == "tlsrpt":
        yield domain, views.tlsrpt, None
    elif each == "sending_domain":
        yield domain, views.sending, None
    elif each == "mail_host":
        yield from _unless_none(views, ((host.subject, host, None) for host in views.domain.hosts))
    elif each in _WITH_MAIL:
        mail = (placed for host in views.domain.hosts for placed in _mail_addresses(host, views))
        yield from _unless_none(views, mail)
        if each != "mail_address" and kinds_of(views.dossier.plan):
            yield from _client_addresses(views, each, of_case)
    elif not kinds_of(views.dossier.plan):
        yield domain, None, unseen("NOT_PROBED", because="NOT_PROBED")
    elif each == "clients":
        yield domain, views.clients, None
    elif each == "client_service":
        for offer in views.clients.offers.values():
            if offer.kind.srv or offer.state == "found":  # webmail is only where the user says so
                yield offer.subject, offer, None
    elif each == "client_address":
        yield from list(_client_addresses(views, each, of_case)) or [(domain, None, _no_service(views))]
    elif each in ("webmail_address", "webmail_page"):
        yield from _webmail(views, ask=each == "webmail_address")


def not_asked(each: str, views: Views, services: tuple[str, ...]) -> Iterator[Placed]:
    """What stands for those of the mail clients' services that the probe's plan left out: one subject for all."""
    plan = views.dossier.plan
    if each not in _WITH_CLIENTS or _blind(views) is not None or not (kinds_of(plan) or each in _WITH_MAIL):
        return  # there a single answer stands for everything
    wanted = [
        kind for kind in CLIENT_KINDS if kind.name in services and not (each == "starttls_address" and kind.implicit)
    ]
    left_out = [kind for kind in wanted if kind.name not in plan.services]
    if left_out:
        subject = Subject("domain", views.dossier.domain, None, left_out[0].port, left_out[0].name)
        names = ", ".join(kind.name for kind in left_out)
        yield subject, None, unseen("NOT_PROBED", because="NOT_PROBED", services=names)


def _blind(views: Views) -> Result | None:
    """Trouble that leaves every check without sight: the resolver's, the root's, or a domain that is not there."""
    if views.resolver_trouble is not None:
        code, detail = views.resolver_trouble
        return unseen(code, detail=detail, resolvers=", ".join(views.dossier.vantage.resolvers))
    if views.domain.routing.kind == "not-found":
        return unseen("DOMAIN_NOT_FOUND", mx=views.domain.mx)
    return None


def _unless_none(views: Views, placed: Iterable[Placed]) -> Iterator[Placed]:
    """The mail hosts' subjects; the domain in their place where there are none."""
    if views.domain.hosts:
        yield from placed
        return
    mx = views.domain.mx
    detail = (mx.detail or mx.cause) if mx is not None else "MX was not asked"
    answer = unseen(_NO_HOST[views.domain.routing.kind], detail=detail or "", mx=mx)
    yield Subject("domain", views.dossier.domain), None, answer


def _mail_addresses(host: MailHost, views: Views) -> Iterator[Placed]:
    whole = Subject("host", host.name, None, MAIL_SERVICE.port, MAIL_SERVICE.name)
    if host.without_address:
        yield whole, None, absent("MX_WITHOUT_ADDRESS", a=host.a, aaaa=host.aaaa)
    else:
        yield from _addresses(host, whole, views.dossier.plan.families)


def _client_addresses(views: Views, each: str, of_case: bool) -> Iterator[Placed]:
    """The service addresses of mail clients, and what stands for services that are not there."""
    for offer in views.clients.offers.values():
        if each == "starttls_address" and offer.kind.implicit:
            continue
        for host in offer.hosts:
            if host.without_address:
                yield host.subject, None, absent("HOST_WITHOUT_ADDRESS", a=host.a, aaaa=host.aaaa)
            else:
                yield from _addresses(host, host.subject, views.dossier.plan.families)
        if offer.left_out:
            yield offer.subject, None, unseen("BUDGET_EXHAUSTED", left_out=len(offer.left_out))
        if of_case and not offer.hosts and offer.kind.family in _OWN_CASES:
            yield offer.subject, None, _not_there(offer, views, starttls=each == "starttls_address")


def _addresses(host: MailHost | ClientHost, whole: Subject, families: tuple[int, ...]) -> Iterator[Placed]:
    """The service addresses of a host; the host itself stands for addresses that are not there or were not seen."""
    lookups = {"a": host.a, "aaaa": host.aaaa}
    for service in host.services:
        yield service.subject, service, None
    hidden = host.addresses_unseen
    not_asked = [
        rdtype for family, rdtype in ((4, "A"), (6, "AAAA")) if lookups[rdtype.lower()] is None and family in families
    ]
    if hidden is not None:
        detail = f"{hidden.name} {hidden.rdtype}: {hidden.detail or hidden.cause or 'not seen'}"
        yield whole, None, unseen("ADDRESSES_UNSEEN", cause=hidden.cause, detail=detail, **lookups)
    elif not_asked:
        detail = f"{host.name} {' and '.join(not_asked)}: not asked"
        yield whole, None, unseen("ADDRESSES_UNSEEN", cause="NOT_PROBED", detail=detail, **lookups)
    elif not host.services:
        yield whole, None, unseen("NOT_PROBED", detail="no address of a family in scope", **lookups)


def _not_there(offer: Offer, views: Views, *, starttls: bool) -> Result:
    """What a case answers about a service that is not there."""
    if offer.state == "unseen":
        return unseen("SERVICES_UNSEEN", detail=offer.detail)
    if starttls and offer.state == "denied" and views.clients.offered(offer.kind.family) == "found":
        return not_offered("SERVICE_NOT_OFFERED", detail=offer.detail)
    return absent("SERVICE_NOT_FOUND", detail=offer.detail)


def _no_service(views: Views) -> Result:
    """What stands for all services where there is none."""
    hidden = next((offer for offer in views.clients.offers.values() if offer.state == "unseen"), None)
    return absent("SERVICE_NOT_FOUND") if hidden is None else unseen("SERVICES_UNSEEN", detail=hidden.detail)


def none_there(each: str, views: Views) -> Result | None:
    """What a check of mail clients' services answers that was called on none; None where it is about others, too."""
    return _no_service(views) if each in _WITH_CLIENTS and kinds_of(views.dossier.plan) else None


def _webmail(views: Views, *, ask: bool) -> Iterator[Placed]:
    """Each address of each webmail. `ask`: whether to ask for it where nobody named any, which is done once."""
    domain = Subject("domain", views.dossier.domain)
    plan = views.dossier.plan
    if "https" not in plan.services:
        yield domain, None, unseen("NOT_PROBED", because="NOT_PROBED")
    elif plan.webmail is None:
        yield domain, None, (asked if ask else absent)("WEBMAIL_NOT_NAMED")
    elif not plan.webmail:
        yield domain, None, absent("NO_WEBMAIL")
    else:
        for webmail in views.clients.webmail:
            yield webmail.subject, webmail, None
        for host in views.clients.offers["https"].hosts:
            hidden = host.addresses_unseen
            if hidden is not None or not host.addresses:
                detail = (hidden.detail or hidden.cause) if hidden is not None else "no address in scope"
                lookups = {"a": host.a, "aaaa": host.aaaa}
                yield host.subject, None, unseen("ADDRESSES_UNSEEN", detail=f"{host.name}: {detail}", **lookups)
