"""TR-03108-P module I: MTA-STS inbound. Sources: RFC 8461, TR-03108 section 4.1.7."""

from __future__ import annotations

from tr03108 import (
    MailDomain,
    Result,
    Rules,
    Status,
    StsFetch,
    absent,
    check,
    marginal,
    met,
    not_offered,
    sts_fetch,
    sts_record,
    unmet,
    unseen,
)


@check("TR-03108-I-01", id="mta-sts.record", each="domain")
def check_record(domain: MailDomain, rules: Rules) -> Result:
    """Exactly one valid MTA-STS record, under DNSSEC."""
    lookup = domain.sts
    if lookup is None:
        return unseen("NOT_PROBED")
    told = {"cause": lookup.cause, "detail": lookup.detail or "", "lookup": lookup}
    if lookup.unseen:
        return unseen("MTA_STS_UNSEEN", **told)
    if lookup.status is Status.BOGUS:
        return unmet("MTA_STS_BOGUS", **told)
    record = sts_record(lookup)
    if record.count == 0:
        return not_offered("MTA_STS_MISSING", lookup=lookup)
    if record.count > 1:
        return unmet("MTA_STS_MULTIPLE", records="; ".join(record.texts), lookup=lookup)
    if record.errors:
        return unmet("MTA_STS_SYNTAX", detail="; ".join(record.errors), sts=record, lookup=lookup)
    if not lookup.secure:
        return unmet("MTA_STS_INSECURE", **told, sts=record)
    ends = rules.ends_soon(lookup)
    if ends is not None:
        return marginal("SIGNATURE_EXPIRES_SOON", expires=f"{ends:%Y-%m-%d %H:%M} UTC", sts=record, lookup=lookup)
    return met(records="; ".join(record.texts), sts=record, lookup=lookup)


def _policy(domain: MailDomain, rules: Rules) -> Result | StsFetch:
    """The policy as fetched, or the answer where MTA-STS is not offered or could not be seen."""
    lookup = domain.sts
    if lookup is None:
        return unseen("NOT_PROBED")
    if lookup.unseen or (lookup.status is Status.BOGUS and not lookup.exists):
        return unseen("MTA_STS_UNSEEN", cause=lookup.cause, detail=lookup.detail or "", lookup=lookup)
    if sts_record(lookup).count == 0:
        return absent("NOT_OFFERED", see="TR-03108-I-01")
    return sts_fetch(domain.sts_policy, rules.roots, rules.as_of)


@check("TR-03108-I-02", id="mta-sts.policy", each="domain")
def check_policy(domain: MailDomain, rules: Rules) -> Result:
    """The policy is served securely, is valid and covers every MX host."""
    fetch = _policy(domain, rules)
    if isinstance(fetch, Result):
        return fetch
    if fetch.unseen:
        return unseen(fetch.code, detail=fetch.detail, policy=fetch)
    if fetch.code != "OK" or fetch.policy is None:
        return unmet(fetch.code, detail=fetch.detail, policy=fetch)
    if fetch.policy.mode != "none":
        if domain.routing.kind == "unseen":
            return unseen("MX_UNSEEN", detail="", policy=fetch)
        uncovered = fetch.uncovered(tuple(host.name for host in domain.hosts))
        if uncovered:
            return unmet("POLICY_MX_NOT_COVERED", names=", ".join(uncovered), policy=fetch)
    return met(mode=fetch.policy.mode, policy=fetch)


@check("TR-03108-I-03", id="mta-sts.enforced", each="domain")
def check_enforced(domain: MailDomain, rules: Rules) -> Result:
    """The policy is in mode enforce, and every MX satisfies a sender that enforces it (RFC 8461 section 4.2)."""
    fetch = _policy(domain, rules)
    if isinstance(fetch, Result):
        return fetch
    if fetch.unseen:
        return unseen(fetch.code, detail=fetch.detail, policy=fetch)
    if fetch.policy is None or fetch.policy.mode is None:
        return unmet(fetch.code, detail=fetch.detail, policy=fetch)
    if fetch.policy.mode == "none":
        return not_offered("MODE_NONE", mode="none", policy=fetch)
    if fetch.policy.mode == "testing":
        return unmet("MODE_TESTING", mode="testing", policy=fetch)
    if fetch.code != "OK":
        return unmet(fetch.code, detail=fetch.detail, policy=fetch)
    return _enforceable(domain, rules, fetch)


def _enforceable(domain: MailDomain, rules: Rules, fetch: StsFetch) -> Result:
    """Every service address offers TLS with a certificate that an enforcing sender accepts."""
    refused, blind = [], []
    for host in domain.hosts:
        hidden = host.addresses_unseen
        if hidden is not None:
            blind.append(f"{host.name} {hidden.rdtype}: {hidden.cause or 'not seen'}")
        elif not host.services and not host.without_address:
            blind.append(f"{host.name}: no address seen")
        for service in host.services:
            if service.starttls.unseen:
                blind.append(f"{service.subject.text}: {service.starttls.code}")
            elif not service.starttls.works:
                refused.append(f"{service.subject.text}: {service.starttls.code}")
            else:
                bad = [served.code for served in service.pkix(rules.roots, rules.as_of) if served.code != "OK"]
                refused += [f"{service.subject.text}: {code}" for code in bad[:1]]
    if refused:
        return unmet("MX_NOT_ENFORCEABLE", names="; ".join(refused), policy=fetch)
    if blind or not domain.hosts:
        return unseen("STARTTLS_UNSEEN", because="STARTTLS_UNSEEN", detail="; ".join(blind), policy=fetch)
    return met(mode="enforce", policy=fetch)
