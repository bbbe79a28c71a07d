"""TR-03108-P module D: DANE inbound. Sources: RFC 4033 to 4035, 5155, 6698, 7671, 7672."""

from __future__ import annotations

from tr03108 import (
    Lookup,
    MailDomain,
    MailHost,
    Result,
    Rules,
    SmtpService,
    Status,
    absent,
    check,
    met,
    met_while_signed,
    unmet,
    unseen,
)

_DECIDED = "through the recursive resolver; inbound-dane.all-servers asks each authoritative server"


def _trusted(lookups: tuple[Lookup, ...], rules: Rules) -> Result:
    """Every lookup is secure, and no signature it rests on is about to end."""
    evidence: dict[str, object] = {f"{lookup.rdtype.lower()}_lookup": lookup for lookup in lookups}
    evidence["decided"] = _DECIDED
    for status in (Status.BOGUS, Status.INSECURE, Status.INDETERMINATE):
        for lookup in lookups:
            if lookup.status is status:
                place = lookup.place or lookup.name
                told = {"cause": lookup.cause, "place": place, "detail": lookup.detail or "", "question": lookup.rdtype}
                if lookup.cause == "DNSSEC_ALGORITHM_UNSUPPORTED":
                    told["algorithms"] = lookup.unsupported
                if lookup.unseen:
                    return unseen(lookup.cause or "DNS_TIMEOUT", **told, **evidence)
                return unmet(lookup.cause or "DNSSEC_INSECURE", **told, **evidence)
    for lookup in lookups:
        if lookup.kind == "loop":
            return unmet("ALIAS_LOOP", place=lookup.place, detail=lookup.detail or "", **evidence)
    return met_while_signed(rules, lookups, **evidence)


@check("TR-03108-D-01", id="inbound-dane.mx-secure", each="domain")
def check_mx_secure(domain: MailDomain, rules: Rules) -> Result:
    """The domain's MX RRset, or the proof of its absence, has a complete chain of trust."""
    if domain.mx is None:
        return unseen("NOT_PROBED")
    return _trusted((domain.mx,), rules)


@check("TR-03108-D-01", id="inbound-dane.host-secure", each="mail_host")
def check_host_secure(host: MailHost, rules: Rules) -> Result:
    """The address RRsets of the MX host, aliases included, have a complete chain of trust."""
    if len(host.lookups) < 2:
        return unseen("NOT_PROBED")
    if host.without_address and not any(lookup.kind == "loop" for lookup in host.lookups):
        return unmet("MX_WITHOUT_ADDRESS", a_lookup=host.a, aaaa_lookup=host.aaaa)
    return _trusted(host.lookups, rules)


_BEFORE_TLSA = ("OK", "TLSA_UNUSABLE", "TLSA_UNSEEN")  # outweighed by addresses that are not secured


@check("TR-03108-D-02", id="inbound-dane.tlsa-matches", each="mail_address")
def check_tlsa_matches(service: SmtpService, rules: Rules) -> Result:
    """At least one secure, usable TLSA record matches each chain served at this address."""
    tlsa, starttls = service.tlsa, service.starttls
    if service.addresses.insecure is not None and tlsa.code in _BEFORE_TLSA:  # RFC 7672 section 2.2.2
        return unmet("ADDRESS_INSECURE", cause=service.addresses.insecure, tlsa=tlsa)
    if tlsa.unseen:
        return unseen(tlsa.code, cause=tlsa.cause, detail=tlsa.detail, tlsa=tlsa)
    if tlsa.code != "OK":  # proven, whatever SMTP did
        return unmet(tlsa.code, cause=tlsa.cause, detail=tlsa.detail, tlsa=tlsa)
    if starttls.unseen:
        code = service.blind_code or starttls.code
        return unseen(service.tls_unseen_code, because=code, detail=starttls.detail, tlsa=tlsa, starttls=starttls)
    if not starttls.works:
        return unmet("NO_TLS", because=starttls.code, detail=starttls.detail, tlsa=tlsa, starttls=starttls)
    return _chains_match(service, rules)


def _chains_match(service: SmtpService, rules: Rules) -> Result:
    """The records against the chain of the first certificate, and of the second where there is one."""
    first, second = service.matched(rules.as_of, rules.roots), service.second_matched(rules.as_of, rules.roots)
    evidence = {
        "records": "; ".join(record.text for record in first.records),
        "matches": first.records,
        "chain": service.certificates,
        "tlsa": service.tlsa,
    }
    if second is not None:
        evidence |= {"second_matches": second.records, "second_chain": service.second_certificates}
    if first.code == "OK" and (second is None or second.code == "OK"):
        reason = "MX_INSECURE" if service.addresses.mx_insecure else None
        lookups = (service.tlsa.lookup,) if service.tlsa.lookup is not None else ()
        return met_while_signed(rules, lookups, matched=first.matched, reason=reason, **evidence)
    evidence["elsewhere"] = service.matching_peers(rules.as_of)
    if second is not None and "OK" in (first.code, second.code):
        types = (service.key_type, service.second.key_type)
        wrong, (bad, good) = (second, types[::-1]) if first.code == "OK" else (first, types)
        because = wrong.code if wrong.code != "TLSA_MISMATCH" else None  # which the code says already
        told = {"because": because, "detail": wrong.detail, "key_type": bad, "other_key_type": good}
        return unmet("TLSA_MISMATCH_KEY_TYPE", **told, **evidence)
    return unmet(first.code, detail=first.detail, names=", ".join(service.names), **evidence)


@check(id="inbound-dane.both-certificates", each="mail_address")
def check_both_certificates(service: SmtpService, rules: Rules) -> Result:
    """It was seen whether the server has a second certificate, of the other type of key."""
    starttls, second = service.starttls, service.second
    if starttls.unseen:
        code = service.blind_code or starttls.code
        return unseen(service.tls_unseen_code, because=code, detail=starttls.detail)
    if not starttls.works:
        return absent("NO_TLS", because=starttls.code, detail=starttls.detail, see="TR-03108-E-12")
    evidence = {"key_type": service.key_type, "other_key_type": second.key_type, "second": second}
    if second.code == "NOT_PROBED":
        return unseen("NOT_PROBED", because=second.because, detail=second.detail, **evidence)
    if second.unseen:
        return unseen("STARTTLS_UNSEEN", because=second.code, detail=second.detail, **evidence)
    if second.seen:
        return met(reason="SECOND_CERTIFICATE_SEEN", chain=service.second_certificates, **evidence)
    return met(reason="SECOND_CERTIFICATE_NONE", **evidence)
