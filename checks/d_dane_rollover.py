"""Advice of TR-03108 section 4.1.5 on TLSA records: short caching, a record for the key to come (RFC 7671)."""

from __future__ import annotations

from tr03108 import MailHost, Result, Rules, absent, check, met, rollover_of, unmet, unseen


def _without_records(host: MailHost) -> Result:
    """There are no records that senders use; D-02 says why."""
    tlsa = host.tlsa
    told = {"cause": tlsa.cause, "detail": tlsa.detail, "see": "TR-03108-D-02", "tlsa": tlsa}
    return unseen(tlsa.code, **told) if tlsa.unseen else absent("TLSA_NOT_IN_USE", because=tlsa.code, **told)


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
    if host.tlsa.code != "OK":
        return _without_records(host)
    if not any(service.chain for service in host.services):
        if any(service.starttls.unseen for service in host.services) or not host.services:
            because = next((s.blind_code for s in host.services if s.blind_code is not None), None)
            return unseen("STARTTLS_UNSEEN", because=because, tlsa=host.tlsa)
        return absent("NO_TLS", because=host.services[0].starttls.code, see="TR-03108-E-12", tlsa=host.tlsa)
    found = rollover_of(host, rules.as_of)
    if found is None:
        return absent("TLSA_NOT_IN_USE", because="TLSA_MISMATCH", see="TR-03108-D-02", tlsa=host.tlsa)
    told = {"cause": found.scheme, "reason": found.renewal}
    evidence = {"current": found.current, "waiting": found.waiting, "tlsa": host.tlsa}
    return met(**told, **evidence) if found.code == "OK" else unmet(found.code, **told, **evidence)
