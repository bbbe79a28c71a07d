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
    check,
    marginal,
    met,
    unmet,
    unseen,
)

_STILL_BLIND = ("ADDRESS_NOT_GLOBAL", "VANTAGE_NO_IPV4", "VANTAGE_NO_IPV6", "VANTAGE_PORT_25", "BUDGET_EXHAUSTED")

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
    ends = min((s.expiration for lookup in lookups for s in lookup.signatures), default=None)
    if ends is not None and ends < rules.observed + rules.signature_margin:
        return marginal("SIGNATURE_EXPIRES_SOON", expires=f"{ends:%Y-%m-%d %H:%M} UTC", **evidence)
    return met(**evidence)


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


@check("TR-03108-D-02", id="inbound-dane.tlsa-matches", each="mail_address")
def check_tlsa_matches(service: SmtpService, rules: Rules) -> Result:
    """At least one secure, usable TLSA record matches the chain served at this address."""
    tlsa, starttls = service.tlsa, service.starttls
    if tlsa.unseen:
        return unseen(tlsa.code, cause=tlsa.cause, detail=tlsa.detail, tlsa=tlsa)
    if tlsa.code != "OK":  # proven, whatever SMTP did
        return unmet(tlsa.code, cause=tlsa.cause, detail=tlsa.detail, tlsa=tlsa)
    if starttls.unseen:
        code = service.blind_code or starttls.code
        shown = code if code in _STILL_BLIND else "STARTTLS_UNSEEN"
        return unseen(shown, because=code, detail=starttls.detail, tlsa=tlsa, starttls=starttls)
    if not starttls.works:
        return unmet("NO_TLS", because=starttls.code, detail=starttls.detail, tlsa=tlsa, starttls=starttls)
    result = service.matched(rules.as_of, rules.roots)
    records = [record.text for record in result.records]
    evidence = {"records": "; ".join(records), "matches": records, "chain": service.certificates, "tlsa": tlsa}
    if result.code == "OK":
        return met(**evidence)
    return unmet(result.code, detail=result.detail, names=", ".join(service.names), **evidence)
