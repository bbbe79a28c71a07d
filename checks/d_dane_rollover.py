"""Advice of TR-03108 section 4.1.5 on TLSA records: short caching, a record for the key to come (RFC 7671)."""

from __future__ import annotations

from tr03108 import MailHost, Result, Rules, absent, check, met, rollover_of, tlsa_kinds, unmet, unseen


def _without_records(host: MailHost) -> Result:
    """There are no records that senders use; D-02 says why."""
    tlsa = host.tlsa
    told = {"cause": tlsa.cause, "detail": tlsa.detail, "see": "TR-03108-D-02", "tlsa": tlsa}
    return unseen(tlsa.code, **told) if tlsa.unseen else absent("TLSA_NOT_IN_USE", because=tlsa.code, **told)


def _nothing_to_compare(host: MailHost) -> Result | None:
    """There are no records that senders use, or no certificate; None where there are both."""
    if host.tlsa.code != "OK":
        return _without_records(host)
    if any(service.chain for service in host.services):
        return None
    if any(service.starttls.unseen for service in host.services) or not host.services:
        because = next((s.blind_code for s in host.services if s.blind_code is not None), None)
        return unseen("STARTTLS_UNSEEN", because=because, tlsa=host.tlsa)
    return absent("NO_TLS", because=host.services[0].starttls.code, see="TR-03108-E-12", tlsa=host.tlsa)


@check(id="tlsa.ttl", each="mail_host")
def check_ttl(host: MailHost, rules: Rules) -> Result:
    """TLSA records may be cached for a short time only, so that a wrong one can be replaced."""
    tlsa = host.tlsa
    if tlsa.code != "OK" or tlsa.lookup is None or tlsa.lookup.ttl is None:
        return _without_records(host)
    told = {"ttl": tlsa.lookup.ttl, "most": rules.parameters.tlsa_ttl_s, "tlsa": tlsa}
    # What is signed, not what is left of it in some cache.
    return unmet("TLSA_TTL_LONG", **told) if tlsa.lookup.ttl > rules.parameters.tlsa_ttl_s else met(**told)


@check(id="tlsa.rollover", each="mail_host")
def check_rollover(host: MailHost, rules: Rules) -> Result:
    """Beside the records of the certificate in use there is one for what comes next."""
    nothing = _nothing_to_compare(host)
    if nothing is not None:
        return nothing
    found = rollover_of(host, rules.as_of)
    if found is None:
        return absent("TLSA_NOT_IN_USE", because="TLSA_MISMATCH", see="TR-03108-D-02", tlsa=host.tlsa)
    told = {"cause": found.scheme, "reason": found.renewal}
    evidence = {"current": found.current, "waiting": found.waiting, "tlsa": host.tlsa}
    return met(**told, **evidence) if found.code == "OK" else unmet(found.code, **told, **evidence)


@check(id="tlsa.two-kinds", each="mail_host")
def check_two_kinds(host: MailHost, rules: Rules) -> Result:
    """There are records of usage 3 and of usage 2, and those of usage 2 fit what each address serves (05-M)."""
    nothing = _nothing_to_compare(host)
    if nothing is not None:
        return nothing
    found = tlsa_kinds(host, rules.as_of, rules.roots)
    trouble = found.trouble
    if trouble is not None:
        told = {"record": trouble.record, "place": trouble.address, "detail": trouble.why}
        return unmet("TLSA_ANCHOR_UNMATCHED", **told, tlsa=host.tlsa)
    if len(found.usages) < 2:
        reason = "KIND_ANCHOR" if found.usages == {2} else "KIND_KEY"
        return unmet("TLSA_ONE_KIND", reason=reason, tlsa=host.tlsa)
    blind = next((service for service in host.services if service.starttls.unseen), None)
    if blind is not None:
        return unseen("STARTTLS_UNSEEN", because=blind.blind_code, place=blind.address, tlsa=host.tlsa)
    return met(tlsa=host.tlsa)
