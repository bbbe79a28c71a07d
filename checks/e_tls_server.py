"""TR-03108-P module E: what a server accepts in TLS, E-01-T to E-04-T and E-07 to E-11.

There is no declaration of the operator, so E-01-T, E-02-T, E-08, E-09-T, E-10 and E-11 are judged by the TLS policy.
Sources: TR-03116-4 chapter 2; TR-02102-2 chapter 3; TR-03108 v2.0 section 4.3; RFC 5246, 8446, 7366, 7627, 6066.
"""

from __future__ import annotations

from tr03108 import (
    Minimum,
    Result,
    Rules,
    SmtpService,
    TlsJudgement,
    absent,
    check,
    listings,
    marginal,
    met,
    not_known,
    unmet,
    unseen,
    without_tls,
)

_VERSION_CODES = {"forbidden": "TLS_VERSION_FORBIDDEN", "unknown": "TLS_VERSION_FORBIDDEN"}
_SUITE_CODES = {
    "forbidden": "SUITE_FORBIDDEN",
    "unknown": "SUITE_FORBIDDEN",
    "unlisted": "SUITE_NOT_LISTED",
    "expired": "RECOMMENDATION_EXPIRED",
}
_GROUP_CODES = {
    "forbidden": "GROUP_FORBIDDEN",
    "too-small": "GROUP_TOO_SMALL",
    "unknown": "GROUP_NOT_LISTED",
    "unlisted": "GROUP_NOT_LISTED",
    "expired": "RECOMMENDATION_EXPIRED",
}
_SIGNATURE_CODES = {
    "forbidden": "SIGNATURE_FORBIDDEN",
    "too-small": "SIGNATURE_FORBIDDEN",
    "unknown": "SIGNATURE_NOT_LISTED",
    "unlisted": "SIGNATURE_NOT_LISTED",
    "expired": "RECOMMENDATION_EXPIRED",
}


@check("TR-03108-E-01-T", id="tls.versions-and-suites", each="mail_address")
def check_versions_and_suites(service: SmtpService, rules: Rules) -> Result:
    """The versions and suites asked for at least are there; a handshake with a listed suite proves the server's key."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    for minimum in judgement.minimums("version"):
        if minimum.level == "MUST" and facts.version(minimum.version) == "refused":
            return unmet("TLS_VERSION_MISSING", version=minimum.version, rule=minimum.source)
    for minimum in judgement.minimums("version"):
        if minimum.level == "MUST" and facts.version(minimum.version) == "unseen":
            return not_known(listings.versions(facts, [minimum.version]), minimum.version)
    if facts.unproven:
        answer = facts.unproven[0]
        return unmet("KEY_NOT_PROVEN", version=answer.version, suites=[a.question for a in facts.unproven][:10])
    missing = _missing_suite(service, judgement)
    if missing is not None:
        return missing
    for answer in facts.chosen:
        if answer.proven and answer.version is not None and answer.suite is not None:
            item = listings.item_of_suite(answer)
            if judgement.listed("version", listings.Item(answer.version, None, answer.version)) and judgement.listed(
                "suite", item
            ):
                return met(handshake=item.text, editions=", ".join(rules.tls.editions))
    return unseen("TLS_UNSEEN", because="KEY_NOT_PROVEN", thing="")


def _missing_suite(service: SmtpService, judgement: TlsJudgement) -> Result | None:
    """At least one suite of the minimums for each version, of those that fit a certificate of the server."""
    facts = service.tls
    rows: dict[str, list[Minimum]] = {}
    for minimum in judgement.minimums("suite"):
        fits = minimum.certificate is None or minimum.certificate in facts.chains
        if minimum.level == "MUST" and minimum.selection == "any" and fits:
            rows.setdefault(minimum.version, []).append(minimum)
    for version, minimums in rows.items():
        found = facts.suites(version)
        codes = [code for minimum in minimums for code in minimum.codes]
        if any(code in found.codes for code in codes):
            continue
        names = ", ".join(minimum.name for minimum in minimums)
        if found.unknown(codes):
            return not_known(listings.suites(facts, version), names)
        return unmet("SUITE_REQUIRED_MISSING", version=version, suites=names, rule=minimums[0].source)
    return None


@check("TR-03108-E-02-T", id="tls.forward-secrecy-and-groups", each="mail_address")
def check_forward_secrecy_and_groups(service: SmtpService, rules: Rules) -> Result:
    """Suites with forward secrecy are there, with the groups asked for at least."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    spoken = [version for version in listings.MODERN if facts.version(version) == "accepted"]
    every = [listings.suites(facts, version) for version in spoken]
    secret = [
        i for found in every for i in found.accepted if listings.is_forward_secret(i) and judgement.listed("suite", i)
    ]
    if not secret:
        for found in every:
            if any(listings.is_forward_secret(item) and judgement.listed("suite", item) for item in found.unknown):
                return not_known(found, "")
        return unmet("NO_FORWARD_SECRECY", versions=", ".join(spoken))
    unknown: Result | None = None
    absent_groups = []
    for minimum in judgement.minimums("group"):
        if minimum.level != "MUST" or minimum.version not in spoken:
            continue
        groups = facts.groups(minimum.version)
        if any(code in groups.codes for code in minimum.codes):
            continue
        if groups.unknown(minimum.codes):
            unknown = unknown or not_known(listings.groups(facts, minimum.version), minimum.name)
        else:
            absent_groups.append(minimum)
    if absent_groups:
        names = ", ".join(minimum.name for minimum in absent_groups)
        first = absent_groups[0]
        return unmet("GROUP_REQUIRED_MISSING", version=first.version, groups=names, rule=first.source)
    if unknown is not None:
        return unknown
    return met(suites=[item.text for item in secret][:20], groups=_names([listings.groups(facts, v) for v in spoken]))


@check("TR-03108-E-03-T", id="tls.encrypt-then-mac", each="mail_address")
def check_encrypt_then_mac(service: SmtpService, rules: Rules) -> Result:
    """Encrypt-then-MAC is granted with every CBC suite (RFC 7366)."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    if facts.version("TLSv1.2") == "refused":
        return absent("TLS12_NOT_SPOKEN")
    seen = facts.encrypt_then_mac
    without = [listings.name_of_suite(code) for code, granted in seen.items() if not granted]
    if without:
        rule = TlsJudgement(service, rules).mac()
        answer = marginal if rule.outcome == "MARGINAL" else unmet
        return answer("ENCRYPT_THEN_MAC_MISSING", suites=", ".join(without[:10]), count=len(without), rule=rule.source)
    if seen:
        return met(suites=[listings.name_of_suite(code) for code in seen])
    return _without_cbc(service)


@check("TR-03108-E-04-T", id="tls.no-truncated-hmac", each="mail_address")
def check_no_truncated_hmac(service: SmtpService, rules: Rules) -> Result:
    """The server does not agree to truncated HMAC (RFC 6066 section 7)."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    taken = facts.truncated_hmac
    if taken is not None:
        return unmet("TRUNCATED_HMAC_ACCEPTED", version=taken.version, suite=listings.name_of_suite(taken.suite or 0))
    if facts.truncated_hmac_offered:
        return met()
    if facts.version("TLSv1.2") == "refused" and not any(facts.version(old) == "accepted" for old in listings.OLD):
        return absent("TLS12_NOT_SPOKEN")
    return _without_cbc(service)


@check("TR-03108-E-07", id="tls.extended-master-secret", each="mail_address")
def check_extended_master_secret(service: SmtpService, rules: Rules) -> Result:
    """The server supports the extended master secret (RFC 7627)."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    granted = facts.extended_master_secret
    if granted is None:
        if facts.version("TLSv1.2") == "refused":
            return absent("TLS12_NOT_SPOKEN")
        return not_known(listings.versions(facts, ["TLSv1.2"]), "TLSv1.2")
    return met() if granted else unmet("EXTENDED_MASTER_SECRET_MISSING")


@check("TR-03108-E-08", id="tls.suites", each="mail_address")
def check_suites(service: SmtpService, rules: Rules) -> Result:
    """No cipher suite is accepted beyond those of the policy."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    total = sum((listings.suites(facts, version) for version in listings.spoken(facts)), listings.NOTHING)
    return judgement.result("suite", total, _SUITE_CODES, judgement.suite_priority(facts), order=listings.orders(facts))


@check("TR-03108-E-09-T", id="tls.signatures", each="mail_address")
def check_signatures(service: SmtpService, rules: Rules) -> Result:
    """Handshakes are signed as the policy says, in every scheme that the server agrees to."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    tls12 = listings.schemes(facts, "TLSv1.2")
    tls13 = listings.schemes(facts, "TLSv1.3")
    if not tls12.accepted and not tls13.accepted:
        return not_known(tls12 + tls13, "")
    unknown: Result | None = None
    for minimum in judgement.minimums("signature", "TLSv1.2"):
        for kind in {item.key for item in tls12.accepted}:
            found = facts.schemes("TLSv1.2", kind)
            if minimum.level != "MUST" or not _fits(minimum, kind) or set(minimum.codes) & set(found.codes):
                continue
            if not found.unknown(minimum.codes):
                return unmet("SIGNATURE_REQUIRED_MISSING", schemes=minimum.name, rule=minimum.source)
            unknown = unknown or not_known(tls12, minimum.name)
    # In TLS 1.3 the weak schemes are not allowed at all; what is used is seen, what else might be is no question there.
    seen = judgement.result("signature", tls12 + listings.Listing(tls13.accepted, (), None), _SIGNATURE_CODES)
    return seen if unknown is None or seen.outcome == "UNMET" else unknown


@check("TR-03108-E-10", id="tls.groups", each="mail_address")
def check_groups(service: SmtpService, rules: Rules) -> Result:
    """No group is accepted beyond those of the policy, and no finite-field group that is too small."""
    if (blind := without_tls(service)) is not None:
        return blind
    facts = service.tls
    total = sum((listings.groups(facts, version) for version in listings.spoken(facts)), listings.NOTHING)
    return TlsJudgement(service, rules).result("group", total, _GROUP_CODES)


@check("TR-03108-E-11", id="tls.versions", each="mail_address")
def check_versions(service: SmtpService, rules: Rules) -> Result:
    """No protocol version is accepted beyond those of the policy."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    return judgement.result("version", listings.versions(facts), _VERSION_CODES, judgement.version_priority(facts))


def _without_cbc(service: SmtpService) -> Result:
    """What a check about CBC suites answers where none was chosen: absent only where it is known that there is none."""
    facts = service.tls
    old = [version for version in (*listings.OLD[1:], "TLSv1.2") if facts.version(version) != "refused"]
    for version in old:
        found = listings.suites(facts, version)
        refused = facts.refused_suites(version, ["curious"])
        unknown = [i for i in found.unknown if listings.is_cbc_suite(i) and i.code not in refused]
        if unknown or any(map(listings.is_cbc_suite, found.accepted)):
            return not_known(found, "")
    return absent("NO_CBC_SUITE")


def _fits(minimum: Minimum, kind: str) -> bool:
    return minimum.name.upper().startswith(kind) or kind.lower() in minimum.name.partition("_")[0]


def _names(found: list[listings.Listing]) -> list[str]:
    return [item.text for listing in found for item in listing.accepted]
