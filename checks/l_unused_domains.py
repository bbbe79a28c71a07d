"""TR-03182-P module L: domains without mail. Sources: TR-03182 section 4.1.11, RFC 7505, RFC 7208, RFC 7489.

None of them asks for DNSSEC: an insecure answer is as good as a secure one. A bogus answer is none for receivers.
"""

from __future__ import annotations

from tr03108 import (
    Destination,
    DmarcPolicy,
    Result,
    Rules,
    SendingDomain,
    SpfPolicy,
    Status,
    check,
    marginal,
    met_while_signed,
    unmet,
    unseen,
)

_RESULTS = {"+": "pass", "~": "softfail", "?": "neutral"}  # RFC 7208 section 4.6.2


@check("TR-03182-L-01", id="unused-domain.null-mx", each="sending_domain")
def check_null_mx(domain: SendingDomain, rules: Rules) -> Result:
    """One null MX and nothing else."""
    mx = domain.mx
    told = {"cause": mx.cause, "detail": mx.detail or "", "lookup": mx}
    if mx.unseen:
        return unseen("MX_UNSEEN", **told)
    if mx.status is Status.BOGUS:
        return unmet("NULL_MX_BOGUS", **told)
    records = ", ".join(f"{preference} {host}" for preference, host in domain.exchanges[:10])
    hosts = [host for _, host in domain.exchanges if host != "."]
    if not domain.exchanges:
        return unmet("NULL_MX_MISSING", lookup=mx)
    if len(hosts) == len(domain.exchanges):
        return unmet("NULL_MX_OTHER", records=records, lookup=mx)
    if len(domain.exchanges) > 1:
        return unmet("NULL_MX_NOT_ALONE", records=records, lookup=mx)
    if domain.exchanges[0][0] != 0:
        return unmet("NULL_MX_PREFERENCE", records=records, lookup=mx)
    return met_while_signed(rules, (mx,), records=records, lookup=mx)


def _spf_trouble(spf: SpfPolicy) -> Result | None:
    """The answer where there is no SPF record to judge, or not all of it can be."""
    records = "; ".join(spf.texts) or None
    told = {"detail": spf.detail, "records": records, "spf": spf}
    match spf.state:
        case "unseen":
            return unseen("SPF_UNSEEN", **told)
        case "bogus":
            return unmet("SPF_BOGUS", **told)
        case "missing":
            return unmet("SPF_MISSING", **told)
        case "several":
            return unmet("SPF_MULTIPLE", **told)
        case "invalid":
            return unmet("SPF_INVALID", **told)
    return None


@check("TR-03182-L-02", id="unused-domain.spf-nobody", each="sending_domain")
def check_spf_nobody(domain: SendingDomain, rules: Rules) -> Result:
    """The SPF record lets nobody send."""
    spf = domain.spf
    if spf is None:
        return unseen("NOT_PROBED")
    if spf.authorising:  # whatever else could not be seen or is wrong behind it
        return unmet("SPF_AUTHORISES", terms=", ".join(spf.authorising[:10]), spf=spf)
    return _spf_trouble(spf) or met_while_signed(rules, spf.lookups, records="; ".join(spf.texts), spf=spf)


@check("TR-03182-L-03", id="unused-domain.spf-fail", each="sending_domain")
def check_spf_fail(domain: SendingDomain, rules: Rules) -> Result:
    """The SPF record has every sender fail."""
    spf = domain.spf
    if spf is None:
        return unseen("NOT_PROBED")
    trouble = _spf_trouble(spf)
    if trouble is not None and (spf.others is None or spf.state == "invalid"):
        return trouble
    if not spf.others:
        return unmet("SPF_ALL_MISSING", records="; ".join(spf.texts), spf=spf)
    if spf.others != "-":
        return unmet("SPF_ALL_WEAK", terms=f"{spf.others}all", result=_RESULTS[spf.others], spf=spf)
    if spf.excepted:
        return unmet("SPF_EXCEPTIONS", terms=", ".join(spf.excepted[:10]), spf=spf)
    return trouble or met_while_signed(rules, spf.lookups, records="; ".join(spf.texts), spf=spf)


def _dmarc_trouble(dmarc: DmarcPolicy) -> Result | None:
    """The answer where there is no DMARC record to judge."""
    lookup = dmarc.lookup
    records = "; ".join(dmarc.texts) or None
    told = {"cause": lookup.cause, "detail": dmarc.detail, "records": records, "dmarc": dmarc, "lookup": lookup}
    match dmarc.state:
        case "unseen":
            return unseen("DMARC_UNSEEN", **told)
        case "bogus":
            return unmet("DMARC_BOGUS", **told)
        case "missing":
            return unmet("DMARC_MISSING", **told)
        case "several":
            return unmet("DMARC_MULTIPLE", **told)
        case "invalid":
            return unmet("DMARC_INVALID", **told)
    return None


@check("TR-03182-L-04", id="unused-domain.dmarc-reject", each="sending_domain")
def check_dmarc_reject(domain: SendingDomain, rules: Rules) -> Result:
    """The domain's own DMARC record asks for all forged mail to be rejected."""
    dmarc = domain.dmarc
    if dmarc is None:
        return unseen("NOT_PROBED")
    if (trouble := _dmarc_trouble(dmarc)) is not None or dmarc.record is None:
        return trouble or unseen("DMARC_UNSEEN")
    evidence = {"records": "; ".join(dmarc.texts), "dmarc": dmarc, "lookup": dmarc.lookup}
    if dmarc.record.policy != "reject":
        return unmet("DMARC_NOT_REJECT", policy=dmarc.record.policy, **evidence)
    if dmarc.record.percent < 100:
        return unmet("DMARC_PERCENT", percent=dmarc.record.percent, **evidence)
    return met_while_signed(rules, (dmarc.lookup,), **evidence)


def _told(destinations: list[Destination]) -> dict[str, object]:
    """What words need to know of addresses for reports: all of them, and the trouble with the first."""
    uris = ", ".join(each.uri for each in destinations)
    return {"uris": uris, "place": destinations[0].domain or None, "detail": destinations[0].detail or None}


@check("TR-03182-L-05", id="unused-domain.dmarc-reports", each="sending_domain")
def check_dmarc_reports(domain: SendingDomain, rules: Rules) -> Result:
    """Aggregate reports are asked for, and can arrive at one address at least."""
    dmarc = domain.dmarc
    if dmarc is None:
        return unseen("NOT_PROBED")
    if (trouble := _dmarc_trouble(dmarc)) is not None or dmarc.record is None:
        return trouble or unseen("DMARC_UNSEEN")
    evidence = {"records": "; ".join(dmarc.texts), "dmarc": dmarc, "lookup": dmarc.lookup}
    found = dmarc.destinations
    if not found:
        return unmet("DMARC_RUA_MISSING", **evidence)
    usable = [each for each in found if each.state == "usable"]
    for state, code in (
        ("unauthorised", "DMARC_RUA_UNAUTHORISED"),
        ("undeliverable", "DMARC_RUA_UNDELIVERABLE"),
        ("no-mail", "DMARC_RUA_UNUSABLE"),
    ):
        bad = [each for each in found if each.state == state]
        if bad and usable:  # one is enough, but somebody wanted the other too
            return marginal(code, **_told(bad), **evidence)
        if bad and all(each.state != "unseen" for each in found):
            return unmet(code, **_told(bad), **evidence)
    if not usable:
        return unseen("DMARC_RUA_UNSEEN", **_told([each for each in found if each.state == "unseen"]), **evidence)
    return met_while_signed(rules, (dmarc.lookup,), uris=", ".join(each.uri for each in usable), **evidence)
