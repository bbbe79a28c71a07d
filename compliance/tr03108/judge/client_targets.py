"""Whether clients that are led to a service by SRV records or settings find implicit TLS there (01-M.c, 01-M.d)."""

from __future__ import annotations

from collections.abc import Mapping

from ..evaluate.clients import ClientHost, Clients
from ..evaluate.configuration import Configuration, Document, Location, Security, Setting
from ..evaluate.places import Srv
from ..model import SERVICE_KINDS, ServiceKind
from .outcomes import Result, absent, asked, marginal, met, unmet, unseen
from .rules import Rules

_IMPLICIT: Mapping[str, ServiceKind] = {
    kind.family: kind for kind in SERVICE_KINDS.values() if kind.implicit and kind.language
}


def setting(configuration: Configuration, family: str, clients: Clients, rules: Rules) -> Result:
    """What a configuration tells clients about one protocol: its first setting wants implicit TLS, and gets it."""
    location = configuration.offered(rules.roots, rules.as_of)
    if location.state in ("unseen", "wanted"):
        detail = location.detail or location.visit.detail
        return unseen("CONFIGURATION_UNSEEN", detail=detail, url=location.visit.page.text, location=location)
    if location.state == "credentials":
        other = clients.autoconfig if configuration is clients.autodiscover else clients.autodiscover
        proven = other.offered(rules.roots, rules.as_of).state == "document"
        answer = absent if proven else asked
        return answer("CREDENTIALS_NEEDED", url=location.visit.hops[-1].page.text, location=location)
    if location.state != "document" or location.document is None:
        return absent("NOT_OFFERED", location=location)
    return _setting(location.document, location, family, clients, rules)


def _setting(document: Document, location: Location, family: str, clients: Clients, rules: Rules) -> Result:
    own = [each for each in document.settings if each.family == family]
    evidence: dict[str, object] = {"url": location.visit.hops[-1].page.text, "settings": [each.text for each in own]}
    if not own:
        return _without_setting(document, family, clients, evidence)
    plain = next((each for each in own if each.security is Security.PLAIN), None)
    if plain is not None:
        return unmet("SETTING_PLAINTEXT", **_named(plain), **evidence)
    first = own[0]
    if first.security is Security.STARTTLS:
        return unmet("SETTING_STARTTLS", **_named(first), **evidence)
    if first.security is not Security.IMPLICIT or not first.host or first.port is None:
        return unmet("SETTING_INVALID", **_named(first), **evidence)
    kind = _IMPLICIT[family]
    trouble = target(kind, first.host, first.port, clients, rules, evidence)
    if trouble is not None:
        return trouble
    if first.port != kind.port:
        return marginal("SETTING_PORT", expected=kind.port, **_named(first), **evidence)
    return met(**_named(first), **evidence)


def _named(each: Setting) -> dict[str, object]:
    return {"host": each.host or None, "port": each.port, "setting": each.text}


def _without_setting(document: Document, family: str, clients: Clients, evidence: dict[str, object]) -> Result:
    if document.foreign:
        return unseen("SETTINGS_FOREIGN", **evidence)
    if family == "submission":
        return unmet("SETTING_MISSING", service=family, **evidence)
    return _if_offered(clients, family, unmet("SETTING_MISSING", service=family, **evidence))


def _if_offered(clients: Clients, family: str, otherwise: Result) -> Result:
    """`otherwise` counts only where the protocol is offered at all."""
    offered = clients.offered(family)
    detail = next((offer.detail for offer in clients.family(family) if offer.detail), "")
    if offered == "found":
        return otherwise
    return (
        unseen("SERVICES_UNSEEN", detail=detail) if offered == "unseen" else absent("SERVICE_NOT_FOUND", detail=detail)
    )


def srv_record(kind: ServiceKind, clients: Clients, rules: Rules) -> Result:
    """The SRV records of a service with implicit TLS: there, secured, and each leads to it (RFC 6186, RFC 8314)."""
    srv = clients.srv.get(kind.name)
    if srv is None:
        return unseen("NOT_PROBED", because="NOT_PROBED")
    shown: dict[str, object] = {"srv": srv.lookup, "name": srv.lookup.name}
    if srv.unseen:
        return unseen("SRV_UNSEEN", cause=srv.lookup.cause, detail=srv.lookup.detail or "", **shown)
    if srv.lookup.exists and srv.lookup.status == "bogus":
        return unmet("SRV_BOGUS", cause=srv.lookup.cause, detail=srv.lookup.detail or "", **shown)
    if not srv.named:
        missing = unmet("SRV_NOT_OFFERED" if srv.denied else "SRV_MISSING", **shown)
        return missing if kind.family == "submission" else _if_offered(clients, kind.family, missing)
    shown["targets"] = [f"{t.priority} {t.weight} {t.port} {t.host}" for t in srv.targets]
    found = [target(kind, each.host, each.port, clients, rules, shown) for each in srv.named]
    for worst in ("UNMET", "UNSEEN"):
        trouble = next((result for result in found if result is not None and result.outcome == worst), None)
        if trouble is not None:
            return trouble
    return _secured(srv, clients, shown)


def _secured(srv: Srv, clients: Clients, shown: dict[str, object]) -> Result:
    """Without DNSSEC nobody can tell who names the host: users have to be asked about one of another domain."""
    first = srv.named[0]
    told = {"host": first.host, "port": first.port, **shown}
    if srv.lookup.secure:
        insecure = [t.host for t in srv.named if not _secure(clients.at(srv.kind, t.host, t.port))]
        return marginal("SRV_TARGET_INSECURE", thing=", ".join(insecure), **told) if insecure else met(**told)
    foreign = [t.host for t in srv.named if t.host != clients.domain and not t.host.endswith(f".{clients.domain}")]
    if foreign:
        return marginal("SRV_TARGET_FOREIGN", thing=", ".join(foreign), cause=srv.lookup.cause, **told)
    return marginal("SRV_INSECURE", cause=srv.lookup.cause, **told)


def _secure(host: ClientHost | None) -> bool:
    return host is not None and all(lookup.secure for lookup in host.lookups if lookup.exists)


def target(
    kind: ServiceKind, name: str, port: int, clients: Clients, rules: Rules, evidence: Mapping[str, object]
) -> Result | None:
    """Why a client does not find implicit TLS with a certificate that it takes at a place; None where it does."""
    place = clients.at(kind, name, port)
    told: dict[str, object] = {**evidence, "host": name, "port": port}
    if port == 0:
        return unmet("TARGET_WITHOUT_PORT", **told)
    if place is None:
        return unseen("NOT_PROBED", because="NOT_PROBED", **told)
    if place.without_address:
        return unmet("TARGET_WITHOUT_ADDRESS", **told)
    works, unknown = False, None
    for service in place.services:
        told["address"] = service.address
        if service.starttls.unseen:
            code = service.blind_code or service.starttls.code
            unknown = unseen("TARGET_UNSEEN", because=code, detail=service.starttls.detail, **told)
        elif not service.starttls.works:
            implicit = service.starttls.code == "PORT_REFUSED"
            code = "TARGET_REFUSED" if implicit else "TARGET_NOT_IMPLICIT"
            return unmet(code, because=service.starttls.code, detail=service.starttls.detail, **told)
        else:
            works = True
            # A handshake without a certificate shows nothing that a client could take.
            codes = [chain.code for chain in service.pkix(rules.roots, rules.as_of)] or ["CERTIFICATE_INVALID"]
            bad = next((code for code in codes if code != "OK"), None)
            if bad is not None:
                return unmet("TARGET_CERTIFICATE", because=bad, names=", ".join(service.names), **told)
            if service.other_protocol:
                return unmet("TARGET_OTHER_PROTOCOL", service=kind.name, detail=service.other_protocol, **told)
    if works:
        return None
    hidden = place.addresses_unseen
    detail = (hidden.detail or hidden.cause or "") if hidden is not None else ""
    return unknown or unseen("TARGET_UNSEEN", because="ADDRESSES_UNSEEN", detail=detail, **told)
