"""What mail clients talk to: whether it is there with implicit TLS, what goes in the clear, DANE, webmail.

Sources: TR-03108 v2.0 sections 4.1.1 and 4.1.2; RFC 8314, 6186, 7673, 6797; RFC 3207, 4954, 9051, 2595, 5804.
"""

from __future__ import annotations

from tr03108 import (
    ClientService,
    Offer,
    Result,
    Rules,
    Service,
    Webmail,
    absent,
    check,
    clear_login,
    hsts,
    injection,
    marginal,
    met,
    not_offered,
    plain_page,
    unmet,
    unseen,
    without_handshake,
)


@check(id="client-services.offered", each="client_service")
def check_offered(offer: Offer, rules: Rules) -> Result:
    """The service is there, and TLS begins as it should wherever it is said to be (01-M.c, 02-R.a)."""
    if offer.state == "unseen":
        return unseen("SERVICES_UNSEEN", detail=offer.detail)
    if offer.state != "found":
        return _without(offer)
    places = [f"{host.name}:{host.place.port} ({', '.join(host.place.sources)})" for host in offer.hosts]
    evidence: dict[str, object] = {"places": "; ".join(places), "elsewhere": ", ".join(offer.elsewhere) or None}
    unknown: Result | None = None
    for host in offer.hosts:
        if host.without_address:
            return unmet("TARGET_WITHOUT_ADDRESS", host=host.name, **evidence)
        if not host.services or host.addresses_unseen is not None:
            unknown = unknown or unseen("ADDRESSES_UNSEEN", host=host.name, **evidence)
    for service in offer.services:
        starttls = service.starttls
        told = {"host": service.host, "address": service.address, "port": service.port, "detail": starttls.detail}
        if starttls.unseen:
            code = service.blind_code or starttls.code
            unknown = unknown or unseen(code, because=starttls.code, starttls=starttls, **told, **evidence)
        elif not starttls.works:
            answer = unmet if offer.kind.implicit or starttls.code != "PORT_REFUSED" else not_offered
            return answer(starttls.code, starttls=starttls, **told, **evidence)
    if offer.left_out:
        unknown = unknown or unseen("BUDGET_EXHAUSTED", left_out=len(offer.left_out), **evidence)
    if offer.detail:
        unknown = unknown or unseen("SERVICES_UNSEEN", detail=offer.detail, **evidence)
    return unknown or met(**evidence)


def _without(offer: Offer) -> Result:
    """A service that is not there. Of the two ways to a protocol the one with TLS from the start has to be."""
    other = offer.other_way
    if other is not None and other.state == "found":
        if offer.kind.implicit:
            return unmet("IMPLICIT_TLS_MISSING", other=other.kind.name, detail=offer.detail)
        if offer.state == "denied":
            return not_offered("SERVICE_NOT_OFFERED", detail=offer.detail)
    return absent("SERVICE_NOT_FOUND", detail=offer.detail)


@check(id="login.no-clear-text", each="starttls_address")
def check_no_clear_text_login(service: Service, rules: Rules) -> Result:
    """Without TLS no login is announced, and none is begun (01-M.a; RFC 8314 section 3, RFC 9051 section 6.2.3)."""
    if service.login is None:
        return without_handshake(service) if service.starttls.unseen else _not_tried(service)
    seen = clear_login(service.login)
    evidence = {"announced": ", ".join(seen.announced) or None, "reply": seen.reply, "dialogue": list(seen.dialogue)}
    if seen.code == "OK":
        return met(**evidence)
    if seen.code == "LOGIN_UNSEEN":
        return unseen("LOGIN_UNSEEN", because=seen.because, **evidence)
    if seen.code == "LOGIN_ANNOUNCED" and seen.refused:
        return marginal("LOGIN_ANNOUNCED", **evidence)
    return unmet(seen.code, **evidence)


@check(id="starttls.no-injection", each="starttls_address")
def check_no_injection(service: Service, rules: Rules) -> Result:
    """What is sent in the clear behind STARTTLS is not answered inside TLS (RFC 3207 section 4.2; CVE-2011-0411)."""
    if not service.starttls.works:
        return without_handshake(service)
    if service.injection is None:
        return unseen("NOT_PROBED", because="NOT_PROBED")
    seen = injection(service.injection)
    evidence = {"reply": seen.reply or None, "dialogue": list(seen.dialogue)}
    if seen.code == "OK":
        return met(reason=seen.reason, **evidence)
    if seen.code == "COMMAND_INJECTION":
        return unmet("COMMAND_INJECTION", **evidence)
    return unseen("INJECTION_UNSEEN", because=seen.because, **evidence)


def _not_tried(service: Service) -> Result:
    """Nothing was asked: nobody listens there, or the plan left it out."""
    if service.starttls.code == "PORT_REFUSED":
        return absent("NO_TLS", because="PORT_REFUSED", see="TR-03108-E-12")
    return unseen("NOT_PROBED", because="NOT_PROBED")


@check(id="client-services.tlsa", each="client_address")
def check_client_tlsa(service: ClientService, rules: Rules) -> Result:
    """Where TLSA records are published for the service, every chain served matches one (RFC 7673)."""
    tlsa = service.tlsa
    if tlsa.unseen:
        return unseen("NOT_PROBED" if tlsa.code == "NOT_PROBED" else "TLSA_UNSEEN", cause=tlsa.cause, tlsa=tlsa)
    if tlsa.code in ("TLSA_MISSING", "TLSA_INSECURE"):
        return absent(tlsa.code, tlsa=tlsa)
    if tlsa.code != "OK":
        return unmet(tlsa.code, cause=tlsa.cause, detail=tlsa.detail, tlsa=tlsa)
    if not service.starttls.works:
        return without_handshake(service)
    for found in (service.matched(rules.as_of, rules.roots), service.second_matched(rules.as_of, rules.roots)):
        if found is not None and found.code != "OK":
            return unmet(found.code, detail=found.detail, tlsa=tlsa, match=found, chain=service.certificates)
    return met(tlsa=tlsa)


@check(id="webmail.https-only", each="webmail_address")
def check_webmail_https_only(webmail: Webmail, rules: Rules) -> Result:
    """Over plain HTTP webmail is refused, or leads to HTTPS on the same site (01-M.g)."""
    seen = plain_page(webmail)
    evidence: dict[str, object] = {"url": webmail.page.text, "target": seen.target or None, "status": seen.status}
    if seen.code == "OK":
        return met(reason=seen.reason, **evidence)
    if seen.code == "WEBMAIL_UNSEEN":
        return unseen("WEBMAIL_UNSEEN", because=seen.because, **evidence)
    if seen.code == "WEBMAIL_REDIRECT_ELSEWHERE":
        return marginal("WEBMAIL_REDIRECT_ELSEWHERE", **evidence)
    return unmet("WEBMAIL_PLAINTEXT", reason=seen.reason, **evidence)


@check(id="webmail.hsts", each="webmail_page")
def check_webmail_hsts(webmail: Webmail, rules: Rules) -> Result:
    """Browsers are told to use nothing but HTTPS; information (RFC 6797)."""
    seen = hsts(webmail)
    if seen.code == "WEBMAIL_UNSEEN":
        return unseen("WEBMAIL_UNSEEN", because=seen.because, url=webmail.page.text)
    answer = met if seen.code == "OK" else unmet
    return answer(seen.code, header=seen.value or None, url=webmail.page.text)
