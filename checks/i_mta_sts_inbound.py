"""TR-03108-P module I: MTA-STS inbound. Sources: RFC 8461, TR-03108 section 4.1.7, TR-03116-4 section 6.1.2."""

from __future__ import annotations

from tr03108 import (
    Lookup,
    MailDomain,
    Result,
    Rules,
    Status,
    StsFetch,
    absent,
    check,
    marginal,
    met,
    met_while_signed,
    not_offered,
    sts_discarded,
    sts_fetch,
    sts_record,
    unmet,
    unseen,
)

LEAST_MAX_AGE = 604800  # seconds: RFC 8461 section 3.2 expects weeks or more
MOST_TOLD = 20  # mail hosts or addresses that a finding names
OLD_VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")  # RFC 8461 section 7.2: TLS 1.2 or newer
NO_HOST = {"null": "NULL_MX", "none": "NO_MAIL_HOST"}


@check("TR-03108-I-01", id="mta-sts.record", each="domain")
def check_record(domain: MailDomain, rules: Rules) -> Result:
    """Exactly one valid MTA-STS record, under DNSSEC."""
    lookup = domain.sts
    if lookup is None:
        return unseen("NOT_PROBED")
    told = {"cause": lookup.cause, "detail": lookup.detail or "", "lookup": lookup}
    if lookup.unseen:
        return unseen("MTA_STS_UNSEEN", **told)
    record = sts_record(lookup)
    if record.count == 0 and lookup.status is not Status.BOGUS:
        return not_offered("MTA_STS_MISSING", records="; ".join(sts_discarded(lookup)), lookup=lookup)
    if (trouble := _record_trouble(lookup)) is not None:
        return trouble
    if not lookup.secure:
        return unmet("MTA_STS_INSECURE", **told, sts=record)
    return met_while_signed(rules, (lookup,), records="; ".join(record.texts), sts=record, lookup=lookup)


def _record_trouble(lookup: Lookup) -> Result | None:
    """Why senders make nothing of the record that is there."""
    record = sts_record(lookup)
    if lookup.status is Status.BOGUS:
        return unmet("MTA_STS_BOGUS", cause=lookup.cause, detail=lookup.detail or "", lookup=lookup)
    if record.count > 1:
        return unmet("MTA_STS_MULTIPLE", records="; ".join(record.texts), lookup=lookup)
    if record.errors:
        return unmet("MTA_STS_SYNTAX", detail="; ".join(record.errors), sts=record, lookup=lookup)
    return None


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
    """Every address of the policy host serves the policy securely; it is valid and covers every MX host."""
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
        uncovered = _uncovered(domain, fetch)
        if uncovered:
            return unmet("POLICY_MX_NOT_COVERED", names=", ".join(_first(uncovered)), policy=fetch)
    if fetch.remark:
        return marginal(fetch.remark, detail=fetch.detail, policy=fetch)
    return met(mode=fetch.policy.mode, policy=fetch)


def _first(things: tuple[str, ...] | list[str]) -> list[str]:
    """The first of many: an answer of DNS has room for thousands of mail hosts."""
    more = len(things) - MOST_TOLD
    return [*things[:MOST_TOLD], *([f"{more} more"] if more > 0 else ())]


def _uncovered(domain: MailDomain, fetch: StsFetch) -> tuple[str, ...]:
    return fetch.uncovered(tuple(host.name for host in domain.hosts))


@check("TR-03108-I-03", id="mta-sts.enforced", each="domain")
def check_enforced(domain: MailDomain, rules: Rules) -> Result:
    """The policy is in mode enforce, and every MX satisfies a sender that enforces it (RFC 8461 section 4.2)."""
    fetch = _policy(domain, rules)
    if isinstance(fetch, Result):
        return fetch
    if fetch.unseen and (fetch.policy is None or fetch.policy.errors):
        return unseen(fetch.code, detail=fetch.detail, policy=fetch)
    if fetch.policy is None or fetch.policy.mode is None or fetch.code == "POLICY_DIFFERS":
        return unmet(fetch.code, detail=fetch.detail, policy=fetch)
    if fetch.policy.mode == "none":
        if fetch.unseen:  # what is not seen may be another mode
            return unseen(fetch.code, detail=fetch.detail, policy=fetch)
        return not_offered("MODE_NONE", mode="none", policy=fetch)
    if fetch.policy.mode == "testing":
        return unmet("MODE_TESTING", mode="testing", policy=fetch)
    if fetch.code != "OK" and not fetch.unseen:
        return unmet(fetch.code, detail=fetch.detail, policy=fetch)
    if domain.sts is not None and (trouble := _record_trouble(domain.sts)) is not None:
        return trouble  # whatever the policy says, no sender gets to it
    if domain.routing.kind in NO_HOST:
        return absent(NO_HOST[domain.routing.kind], see="TR-03108-I-02")
    if domain.routing.kind == "unseen":
        return unseen("MX_UNSEEN", detail="", policy=fetch)
    return _enforceable(domain, rules, fetch)


def _enforceable(domain: MailDomain, rules: Rules, fetch: StsFetch) -> Result:
    """The policy names every MX host, and each of their addresses offers TLS that an enforcing sender accepts."""
    refused, blind = [f"{name}: POLICY_MX_NOT_COVERED" for name in _uncovered(domain, fetch)], []
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
                if service.negotiated is not None and service.negotiated.version in OLD_VERSIONS:
                    bad.insert(0, service.negotiated.version)
                refused += [f"{service.subject.text}: {code}" for code in bad[:1]]
    if refused:
        return unmet("MX_NOT_ENFORCEABLE", names="; ".join(_first(refused)), policy=fetch)
    if domain.hosts and all(host.without_address for host in domain.hosts):
        return absent("MX_WITHOUT_ADDRESS", host=", ".join(_first([host.name for host in domain.hosts])), policy=fetch)
    if blind or not domain.hosts:
        return unseen("STARTTLS_UNSEEN", because="STARTTLS_UNSEEN", detail="; ".join(_first(blind)), policy=fetch)
    if fetch.unseen:  # what senders get at another address is not known
        return unseen(fetch.code, detail=fetch.detail, policy=fetch)
    return met(mode="enforce", policy=fetch)


@check(id="mta-sts.no-wildcard", each="domain")
def check_no_wildcard(domain: MailDomain, rules: Rules) -> Result:
    """No certificate of the policy host has a wildcard in its names (X-04)."""
    fetch = _policy(domain, rules)
    if isinstance(fetch, Result):
        return fetch
    if fetch.wildcards:
        return unmet("POLICY_WILDCARD", names="; ".join(fetch.wildcards), policy=fetch)
    if (hidden := fetch.certificate_unseen) is not None:
        return unseen("POLICY_UNSEEN", detail=hidden.told, policy=fetch)
    if fetch.unseen and not fetch.certificate_seen:
        return unseen("POLICY_UNSEEN", detail=fetch.detail, policy=fetch)
    if not fetch.certificate_seen:
        return absent("NO_POLICY_CERTIFICATE", see="TR-03108-I-02", because=fetch.code)
    return met(policy=fetch)


@check(id="mta-sts.max-age", each="domain")
def check_max_age(domain: MailDomain, rules: Rules) -> Result:
    """Senders keep the policy long enough that an attacker cannot wait for its end (RFC 8461 sections 3.2 and 10)."""
    fetch = _policy(domain, rules)
    if isinstance(fetch, Result):
        return fetch
    age = fetch.least_age
    if age is not None and age < LEAST_MAX_AGE:
        return unmet("MAX_AGE_SHORT", seconds=age, least=LEAST_MAX_AGE, policy=fetch)
    if fetch.unseen:
        return unseen("POLICY_UNSEEN", detail=fetch.detail, policy=fetch)
    if age is not None:
        return met(seconds=age, policy=fetch)
    if fetch.policy is not None and fetch.policy.mode == "none":
        return absent("MODE_NONE", mode="none", policy=fetch)
    return absent("NO_MAX_AGE", see="TR-03108-I-02", because=fetch.code)
