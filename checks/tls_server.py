"""What else a server does in TLS: checks of our own that answer no case of BSI's.

Sources: TR-03108 v2.0 sections 4.1.3 and 4.3.2; TR-03116-4 chapter 2; TR-02102-2 chapter 3; RFC 5246, 5746, 6066, 6520,
7507, 7919, 8446, 8701.
"""

from __future__ import annotations

from tr03108 import (
    Judged,
    Minimum,
    Result,
    Rules,
    Service,
    TlsJudgement,
    absent,
    check,
    features,
    listings,
    marginal,
    met,
    not_known,
    tls_features,
    unanswered,
    unmet,
    unseen,
    without_tls,
    without_version,
)

_SHOWN = 20


@check(id="tls.forward-secrecy-preferred", each="mail_address")
def check_forward_secrecy_preferred(service: Service, rules: Rules) -> Result:
    """In TLS 1.2 a listed suite with forward secrecy is chosen wherever one is offered (03-M.d)."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    if facts.version("TLSv1.2") == "refused":
        return absent("TLS12_NOT_SPOKEN")
    found = listings.suites(facts, "TLSv1.2")

    def secret(item: listings.Item) -> bool:
        return listings.is_forward_secret(item) and judgement.listed("suite", item)

    first = [item for item in found.accepted if secret(item)]
    others = [item for item in found.accepted if not listings.is_forward_secret(item)]
    open_others = [item for item in found.unknown if not listings.is_forward_secret(item)]
    if not first and (others or not found.accepted or open_others):
        if not others or any(map(secret, found.unknown)):
            return not_known(found, "")
        return unmet("FORWARD_SECRECY_NOT_PREFERRED", thing=others[0].text)
    low = judgement.suite_priority(facts, secret)
    for item in others:
        if low(item) is False:
            return unmet("FORWARD_SECRECY_NOT_PREFERRED", thing=item.text)
    for item in others:
        if low(item) is None:
            return unseen("PRIORITY_UNSEEN", thing=item.text)
    still_open = [item for item in open_others if not low(item)]
    if still_open:
        return not_known(found, still_open[0].text)
    reason = "FORWARD_SECRECY_FIRST" if others or open_others else "FORWARD_SECRECY_ONLY"
    return met(reason=reason, suites=[item.text for item in first or found.accepted][:_SHOWN])


@check(id="tls.listed-preferred", each="service_address")
def check_listed_preferred(service: Service, rules: Rules) -> Result:
    """What the policy forbids is never chosen over a listed version or suite that is offered too (section 4.3.2)."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    suites = sum((listings.suites(facts, version) for version in listings.spoken(facts)), listings.NOTHING)
    if not suites.accepted:
        return not_known(suites, "")
    versions = listings.versions(facts)
    judged = (
        *judgement.judged("version", versions.accepted, judgement.version_priority(facts)),
        *judgement.judged("suite", suites.accepted, judgement.suite_priority(facts)),
    )
    maybe = (
        *judgement.judged("version", versions.unknown, judgement.version_priority(facts)),
        *judgement.judged("suite", suites.unknown, judgement.suite_priority(facts)),
    )
    if all(each.tolerance is not None for each in judged if each.item.code is not None):
        if any(each.tolerance is None for each in maybe):
            return not_known(suites, next(each.item.text for each in maybe if each.tolerance is None))
        return _not_preferred(judged[-1], judged, "UNMET")
    for each in judged:
        if _grave(each) and not _behind(each) and each.low_priority is not None:
            return _not_preferred(each, judged, "UNMET")
    doubtful = next((each for each in judged if _grave(each) and not _behind(each)), None)
    if doubtful is not None:
        return unseen("PRIORITY_UNSEEN", thing=doubtful.item.text)
    still_open = next((each for each in maybe if _grave(each) and not _behind(each)), None)
    if still_open is not None:
        of_version = still_open.item.code is None
        return not_known(versions if of_version else suites, still_open.item.text)
    ahead = next((each for each in judged if each.tolerance is not None and each.low_priority is False), None)
    if ahead is not None:
        return _not_preferred(ahead, judged, "MARGINAL")
    return met(accepted=judged[:60], editions=", ".join(rules.tls.editions))


def _grave(judged: Judged) -> bool:
    """Not tolerated where it is chosen first."""
    return judged.tolerance is not None and judged.tolerance.outcome_if(False) == "UNMET"


def _behind(judged: Judged) -> bool:
    """Tolerated because something listed is always chosen before it."""
    return judged.low_priority is True and judged.tolerance is not None and judged.tolerance.low_priority_only


def _not_preferred(worst: Judged, judged: tuple[Judged, ...], outcome: str) -> Result:
    answer = unmet if outcome == "UNMET" else marginal
    tolerance = worst.tolerance
    return answer(
        "LISTED_NOT_PREFERRED",
        thing=worst.item.text,
        reason=worst.rating.reason,
        rule=tolerance.source if tolerance is not None else None,
        note=tolerance.note if tolerance is not None else None,
        accepted=judged[:60],
    )


@check(id="tls.tls13", each="service_address")
def check_tls13(service: Service, rules: Rules) -> Result:
    """TLS 1.3 is spoken, with what the policy recommends to support at least (TR-03116-4 sections 2.1.1 and 2.3)."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    if facts.version("TLSv1.3") != "accepted":
        if facts.version("TLSv1.3") == "refused":
            return unmet("TLS13_MISSING")
        return not_known(listings.versions(facts, ["TLSv1.3"]), "TLSv1.3")
    missing: list[Minimum] = []
    unknown: Result | None = None
    for kind in ("suite", "group", "signature"):
        for minimum in judgement.minimums(kind, "TLSv1.3"):
            found = _tls13_support(service, minimum)
            if found is False:
                missing.append(minimum)
            elif found is None:
                unknown = unknown or not_known(_tls13_listing(service, kind), minimum.name)
    if missing:
        names = ", ".join(minimum.name for minimum in missing)
        return unmet("TLS13_MINIMUM_MISSING", things=names, rule=missing[0].source)
    return unknown or met()


def _tls13_listing(service: Service, kind: str) -> listings.Listing:
    makers = {"suite": listings.suites, "group": listings.groups, "signature": listings.schemes}
    return makers[kind](service.tls, "TLSv1.3")


def _tls13_support(service: Service, minimum: Minimum) -> bool | None:
    """Whether a minimum is there; True too where it is about keys that the server does not have."""
    facts = service.tls
    if minimum.kind != "signature":
        found = (facts.suites if minimum.kind == "suite" else facts.groups)("TLSv1.3")
        return True if set(minimum.codes) & set(found.codes) else None if found.unknown(minimum.codes) else False
    for kind, chain in facts.chains.items():
        if any(features.scheme_fits(code, chain[0]) for code in minimum.codes):
            used = facts.schemes("TLSv1.3", kind)
            if not set(minimum.codes) & set(used.codes):
                return None if used.unknown(minimum.codes) else False
    return True


@check(id="tls.early-data", each="service_address")
def check_early_data(service: Service, rules: Rules) -> Result:
    """No session ticket of TLS 1.3 allows early data, 0-RTT (TR-03116-4 section 2.3.1)."""
    return tls_features.early_data(service, rules)


@check(id="tls.ephemeral-keys", each="service_address")
def check_ephemeral_keys(service: Service, rules: Rules) -> Result:
    """No ephemeral key comes in two connections (TR-02102-2 section 3.6.1)."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    if facts.reused_keys:
        return unmet("EPHEMERAL_KEY_REUSED", count=facts.reused_keys)
    compared = features.key_exchanges(facts)
    if compared > 1:
        return met(count=compared)
    found = sum((listings.suites(facts, version) for version in listings.spoken(facts)), listings.NOTHING)
    if any(map(listings.is_forward_secret, (*found.accepted, *found.unknown))):
        return not_known(found, "")
    return absent("NO_FORWARD_SECRECY")


@check(id="tls.compression", each="service_address")
def check_compression(service: Service, rules: Rules) -> Result:
    """The server does not compress (TR-02102-2 section 3.3.4.3); TLS 1.3 cannot."""
    return tls_features.compression(service, rules)


@check(id="tls.heartbeat", each="service_address")
def check_heartbeat(service: Service, rules: Rules) -> Result:
    """The server does not agree to heartbeats (RFC 6520; TR-02102-2 section 3.3.4.6)."""
    return tls_features.heartbeat(service, rules)


@check(id="tls.secure-renegotiation", each="service_address")
def check_secure_renegotiation(service: Service, rules: Rules) -> Result:
    """The server confirms that it renegotiates by RFC 5746 only (TR-02102-2 section 3.3.4.1)."""
    if (blind := without_version(service, "TLSv1.2", "TLS12_NOT_SPOKEN")) is not None:
        return blind
    granted = features.secure_renegotiation(service.tls)
    if granted is None:
        return unanswered(service, "suites")
    return met() if granted else unmet("SECURE_RENEGOTIATION_MISSING")


@check(id="tls.client-renegotiation", each="service_address")
def check_client_renegotiation(service: Service, rules: Rules) -> Result:
    """The server does not let clients renegotiate (TR-02102-2 section 3.3.4.1)."""
    return tls_features.client_renegotiation(service, rules)


@check(id="tls.ocsp-stapling", each="service_address")
def check_ocsp_stapling(service: Service, rules: Rules) -> Result:
    """The server staples an OCSP response where its certificate names a responder (TR-03116-4 section 2.2.3.3)."""
    return tls_features.ocsp_stapling(service, rules)


@check(id="tls.session-tickets", each="service_address")
def check_session_tickets(service: Service, rules: Rules) -> Result:
    """Whether sessions can be resumed by tickets; information (RFC 5077, RFC 8446 section 4.6.1)."""
    return tls_features.session_tickets(service, rules)


@check(id="tls.server-name", each="service_address")
def check_server_name(service: Service, rules: Rules) -> Result:
    """What clients get that name no server, or an unknown one; information (RFC 6066 section 3)."""
    if (blind := without_tls(service)) is not None:
        return blind
    none, wrong = features.without_name(service.tls), features.with_wrong_name(service.tls)
    if none.kind == "refused":
        return unmet("SERVER_NAME_REQUIRED")
    if wrong.kind == "refused":
        return unmet("SERVER_NAME_REFUSED")
    if "unseen" in (none.kind, wrong.kind):
        return unanswered(service, "sni")
    if "other" in (none.kind, wrong.kind):
        return unmet("SERVER_NAME_MATTERS")
    return met()


@check(id="tls.tolerance", each="service_address")
def check_tolerance(service: Service, rules: Rules) -> Result:
    """The server bears long hellos and values that it does not know; information (RFC 8446 section 9.3, RFC 8701)."""
    if (blind := without_tls(service)) is not None:
        return blind
    found = features.intolerance(service.tls)
    if found is not None:
        reason, answer = found
        return unmet("HELLO_INTOLERANT", reason=reason, question=answer.question, reply=answer.words)
    versions = features.tolerated(service.tls)
    return met(versions=", ".join(versions)) if versions else unanswered(service, "grease")


@check(id="tls.ffdhe", each="service_address")
def check_ffdhe(service: Service, rules: Rules) -> Result:
    """DHE uses the groups of RFC 7919 that the client names (TR-02102-2 section 3.3.2)."""
    if (blind := without_version(service, "TLSv1.2", "TLS12_NOT_SPOKEN")) is not None:
        return blind
    kind, answer = features.finite_field(service.tls)
    if kind in ("named", "own") and answer is not None:
        name = features.finite_field_name(answer)
        return met(group=name) if kind == "named" else unmet("FFDHE_IGNORED", group=name)
    if not listings.may_use_dhe(service.tls):
        return absent("NO_DHE_SUITE")
    return unanswered(service, "ffdhe")


@check(id="tls.fallback-scsv", each="service_address")
def check_fallback_scsv(service: Service, rules: Rules) -> Result:
    """A client that retries with an older version, and says so, is turned away; information (RFC 7507)."""
    if (blind := without_version(service, "TLSv1.3", "TLS13_NOT_SPOKEN")) is not None:
        return blind
    kind, _ = features.fallback(service.tls)
    if kind == "prevented":
        return met()
    return unmet("FALLBACK_SCSV_IGNORED") if kind == "ignored" else unanswered(service, "fallback")


@check(id="tls.post-quantum", each="service_address")
def check_post_quantum(service: Service, rules: Rules) -> Result:
    """Which key exchanges are accepted that withstand quantum computers; information, no edition lists one yet."""
    if (blind := without_version(service, "TLSv1.3", "TLS13_NOT_SPOKEN")) is not None:
        return blind
    found = listings.groups(service.tls, "TLSv1.3")
    names = features.hybrids(item.code for item in found.accepted if item.code is not None)
    if names:
        return met(groups=", ".join(names))
    if features.hybrids(item.code for item in found.unknown if item.code is not None):
        return not_known(found, "")
    return unmet("POST_QUANTUM_MISSING")
