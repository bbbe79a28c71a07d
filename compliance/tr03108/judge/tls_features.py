"""What checks of single TLS features answer: the part that several test specifications have in common."""

from __future__ import annotations

from ..evaluate.services import Service
from ..evaluate.tls import features, listings
from .outcomes import Result, absent, met, unmet, unseen
from .rules import Rules
from .tls_sight import not_known, unanswered, without_tls, without_version


def early_data(service: Service, rules: Rules) -> Result:
    """No session ticket of TLS 1.3 allows early data, 0-RTT (TR-03116-4 section 2.3.1)."""
    if (blind := without_version(service, "TLSv1.3", "TLS13_NOT_SPOKEN")) is not None:
        return blind
    found = features.tickets(service.tls)
    if found.early_data:
        return unmet("EARLY_DATA_ACCEPTED", octets=found.early_data)
    if found.tls13 is None:
        return not_known(listings.schemes(service.tls, "TLSv1.3"), "")
    return met(reason="TICKETS_WITHOUT_EARLY_DATA" if found.tls13 else "NO_TICKETS")


def compression(service: Service, rules: Rules) -> Result:
    """The server does not compress (TR-02102-2 section 3.3.4.3); TLS 1.3 cannot."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    if facts.compressed is not None:
        return unmet("COMPRESSION_ACCEPTED", version=facts.compressed.version)
    return met() if features.compression_offered(facts) else _uncurious(service)


def heartbeat(service: Service, rules: Rules) -> Result:
    """The server does not agree to heartbeats (RFC 6520; TR-02102-2 section 3.3.4.6)."""
    if (blind := without_tls(service)) is not None:
        return blind
    taken = features.heartbeat(service.tls)
    if taken is not None:
        return unmet("HEARTBEAT_ACCEPTED", version=taken.version)
    return met() if features.heartbeat_offered(service.tls) else _uncurious(service)


def client_renegotiation(service: Service, rules: Rules) -> Result:
    """The server does not let clients renegotiate (TR-02102-2 section 3.3.4.1)."""
    if (blind := without_version(service, "TLSv1.2", "TLS12_NOT_SPOKEN")) is not None:
        return blind
    seen = features.renegotiation(service.renegotiation)
    if seen.code:
        code = seen.code if seen.code in ("NOT_PROBED", "BUDGET_EXHAUSTED") else "TLS_UNSEEN"
        return unseen(code, because=seen.code, detail=seen.detail)
    return unmet("CLIENT_RENEGOTIATION_ACCEPTED") if seen.accepted else met(reply=seen.detail)


def ocsp_stapling(service: Service, rules: Rules) -> Result:
    """The server staples an OCSP response where its certificate names a responder (TR-03116-4 section 2.2.3.3)."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    responders = features.ocsp_responders(facts)
    staple = features.staple_seen(facts)
    if staple is not None:
        for one in service.stapled(rules.roots, rules.as_of):
            if one.state == "unseen":  # not of this certificate, not signed by who may, or out of date
                return unmet("STAPLE_INVALID", cause=one.code, detail=one.detail, staple=one)
        return met(version=staple.version)
    if facts.chains and not responders:
        return absent("NO_OCSP_RESPONDER")
    if features.staple_asked(facts):
        return unmet("STAPLE_MISSING", responders=", ".join(responders[:3]))
    return unanswered(service, "suites")


def session_tickets(service: Service, rules: Rules) -> Result:
    """Whether sessions can be resumed by tickets; information (RFC 5077, RFC 8446 section 4.6.1)."""
    if (blind := without_tls(service)) is not None:
        return blind
    found = features.tickets(service.tls)
    if found.tls12 is None and found.tls13 is None:
        return unanswered(service, "complete")
    return met(tls_old=found.tls12, tls_new=found.tls13, lifetime=found.lifetime)


def _uncurious(service: Service) -> Result:
    """No answered hello offered the feature: only TLS 1.3 is spoken, or the one that did was not answered."""
    facts = service.tls
    if all(facts.version(name) == "refused" for name in (*listings.OLD[1:], "TLSv1.2")):
        return absent("TLS12_NOT_SPOKEN")
    return unanswered(service, "curious")
