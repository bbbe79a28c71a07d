"""What a server accepts in TLS, judged by the TLS policy: the part that several test specifications have in common.

There is no declaration of the operator, so what it would declare is what the policy wants and lists.
"""

from __future__ import annotations

from ..evaluate.services import Service
from ..evaluate.tls import listings
from ..model import Outcome
from ..norms.tls_rows import Minimum
from .outcomes import Result, absent, marginal, met, unmet, unseen
from .rules import Rules
from .tls_judgement import TlsJudgement
from .tls_sight import not_known, without_tls

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


def versions_and_suites(service: Service, rules: Rules) -> Result:
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


def _missing_suite(service: Service, judgement: TlsJudgement) -> Result | None:
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


def forward_secrecy_and_groups(service: Service, rules: Rules) -> Result:
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


def encrypt_then_mac(service: Service, rules: Rules) -> Result:
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


def no_truncated_hmac(service: Service, rules: Rules) -> Result:
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


def extended_master_secret(service: Service, rules: Rules) -> Result:
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


def suites(service: Service, rules: Rules) -> Result:
    """No cipher suite is accepted beyond those of the policy."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    total = sum((listings.suites(facts, version) for version in listings.spoken(facts)), listings.NOTHING)
    return judgement.result("suite", total, _SUITE_CODES, judgement.suite_priority(facts), order=listings.orders(facts))


def signatures(service: Service, rules: Rules) -> Result:
    """Handshakes are signed as the policy says, in every scheme that the server agrees to."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    tls12 = listings.schemes(facts, "TLSv1.2")
    tls13 = listings.schemes(facts, "TLSv1.3")
    if not tls12.accepted and not tls13.accepted:
        return _nothing_signed(service, tls12 + tls13)
    missing = _missing_scheme(service, judgement, tls12)
    if missing is not None and missing.outcome is Outcome.UNMET:
        return missing
    # In TLS 1.3 the weak schemes are not allowed at all; what is used is seen, what else might be is no question there.
    seen = judgement.result("signature", tls12 + listings.Listing(tls13.accepted, (), None), _SIGNATURE_CODES)
    return seen if missing is None or seen.outcome is Outcome.UNMET else missing


def required_signatures(service: Service, rules: Rules) -> Result:
    """The schemes asked for at least are there, and a listed one signs a handshake with the key of the certificate."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    tls12 = listings.schemes(facts, "TLSv1.2")
    found = tls12 + listings.schemes(facts, "TLSv1.3")
    if not found.accepted:
        return _nothing_signed(service, found)
    if facts.unproven:
        answer = facts.unproven[0]
        return unmet("KEY_NOT_PROVEN", version=answer.version, suites=[a.question for a in facts.unproven][:10])
    if (missing := _missing_scheme(service, judgement, tls12)) is not None:
        return missing
    listed = {(item.version, item.code): item for item in found.accepted if judgement.listed("signature", item)}
    if not listed:
        return judgement.result("signature", listings.Listing(found.accepted, (), None), _SIGNATURE_CODES)
    proven = {(answer.version, answer.scheme) for answer in facts.chosen if answer.proven}
    names = [item.text for key, item in listed.items() if key in proven]
    return met(schemes=names[:20]) if names else unseen("TLS_UNSEEN", because="KEY_NOT_PROVEN", thing=None)


def other_signatures(service: Service, rules: Rules) -> Result:
    """In TLS 1.2 no handshake is signed in a scheme beyond those of the policy."""
    if (blind := without_tls(service)) is not None:
        return blind
    found = listings.schemes(service.tls, "TLSv1.2")
    if not found.accepted:
        return absent("TLS12_NOT_SPOKEN") if service.tls.version("TLSv1.2") == "refused" else not_known(found, "")
    return TlsJudgement(service, rules).result("signature", found, _SIGNATURE_CODES)


def _nothing_signed(service: Service, found: listings.Listing) -> Result:
    """No signature scheme was seen; versions before TLS 1.2 have none to choose from."""
    if all(service.tls.version(version) == "refused" for version in listings.MODERN):
        return absent("TLS12_NOT_SPOKEN")
    return not_known(found, "")


def _missing_scheme(service: Service, judgement: TlsJudgement, tls12: listings.Listing) -> Result | None:
    """The schemes of TLS 1.2 asked for at least, of those that fit a key of the server: one misses, or is unknown."""
    unknown: Result | None = None
    for minimum in judgement.minimums("signature", "TLSv1.2"):
        for kind in {item.key for item in tls12.accepted}:
            found = service.tls.schemes("TLSv1.2", kind)
            if minimum.level != "MUST" or not _fits(minimum, kind) or set(minimum.codes) & set(found.codes):
                continue
            if not found.unknown(minimum.codes):
                return unmet("SIGNATURE_REQUIRED_MISSING", schemes=minimum.name, rule=minimum.source)
            unknown = unknown or not_known(tls12, minimum.name)
    return unknown


def groups(service: Service, rules: Rules) -> Result:
    """No group is accepted beyond those of the policy, and no finite-field group that is too small."""
    if (blind := without_tls(service)) is not None:
        return blind
    return TlsJudgement(service, rules).result("group", _groups(service), _GROUP_CODES)


def curves(service: Service, rules: Rules) -> Result:
    """No elliptic curve is accepted beyond those of the policy; hybrids with a curve are among them."""
    if (blind := without_tls(service)) is not None:
        return blind
    found = _groups(service).only(lambda item: not listings.is_finite_field(item))
    if not found.accepted and not found.unknown:
        return absent("NO_CURVES")
    return TlsJudgement(service, rules).result("group", found, _GROUP_CODES)


def finite_fields(service: Service, rules: Rules) -> Result:
    """The primes of ephemeral Diffie-Hellman are as long as the policy demands; which primes is no question here."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement = TlsJudgement(service, rules)
    found = _groups(service).only(listings.is_finite_field)
    for item in found.accepted:
        rating = judgement.rate("group", item)
        if rating.shortfall in ("forbidden", "too-small"):
            return unmet("GROUP_TOO_SMALL", group=item.text, thing=item.text, rule=rating.source)
    if found.accepted:
        return met(groups=", ".join(item.text for item in found.accepted))
    return not_known(found, "") if found.unknown else absent("NO_DHE_SUITE")


def _groups(service: Service) -> listings.Listing:
    facts = service.tls
    return sum((listings.groups(facts, version) for version in listings.spoken(facts)), listings.NOTHING)


def listed_suite_preferred(service: Service, rules: Rules) -> Result:
    """In TLS 1.2 a listed suite is chosen from a list that names the worst first."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    if facts.version("TLSv1.2") == "refused":
        return absent("TLS12_NOT_SPOKEN")
    found = listings.suites(facts, "TLSv1.2")
    asked = [answer for answer in facts.about("order.worst", "TLSv1.2") if answer.chosen]
    if not asked:
        return not_known(found, "")
    chosen = listings.item_of_suite(asked[0])
    shown = {"thing": chosen.text, "own_order": facts.server_order("TLSv1.2")}
    if judgement.listed("suite", chosen):
        return met(**shown) if len(found.accepted) > 1 or found.unknown else absent("NO_SUITE_CHOICE", **shown)
    # Where nothing listed is there to be preferred, that is the matter of other cases.
    better = [item for item in found.accepted if judgement.listed("suite", item)]
    if better:
        return unmet("LISTED_NOT_PREFERRED", rule=judgement.rate("suite", chosen).source, **shown)
    return not_known(found, chosen.text) if found.unknown else absent("NO_SUITE_CHOICE", **shown)


def versions(service: Service, rules: Rules) -> Result:
    """No protocol version is accepted beyond those of the policy."""
    if (blind := without_tls(service)) is not None:
        return blind
    judgement, facts = TlsJudgement(service, rules), service.tls
    return judgement.result("version", listings.versions(facts), _VERSION_CODES, judgement.version_priority(facts))


def _without_cbc(service: Service) -> Result:
    """What a check about CBC suites answers where none was chosen: absent only where it is known that there is none."""
    facts = service.tls
    for version in (*listings.OLD[1:], "TLSv1.2"):
        if facts.version(version) == "refused":
            continue
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
