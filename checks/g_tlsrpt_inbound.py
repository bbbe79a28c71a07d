"""TR-03108-P module G: TLSRPT inbound. Sources: RFC 8460, TR-03108 section 4.1.10."""

from __future__ import annotations

from tr03108 import MailDomain, Result, Rules, Status, absent, check, marginal, met, tlsrpt_record, unmet, unseen


@check("TR-03108-G-01", id="tlsrpt.record", each="domain")
def check_record(domain: MailDomain, rules: Rules) -> Result:
    """Exactly one valid TLSRPT record, under DNSSEC."""
    lookup = domain.tlsrpt
    if lookup is None:
        return unseen("NOT_PROBED")
    told = {"cause": lookup.cause, "detail": lookup.detail or "", "lookup": lookup}
    if lookup.unseen:
        return unseen("TLSRPT_UNSEEN", **told)
    if lookup.status is Status.BOGUS:
        return unmet("TLSRPT_BOGUS", **told)
    record = tlsrpt_record(lookup)
    if record.count == 0:
        return unmet("TLSRPT_MISSING", lookup=lookup)
    if record.count > 1:
        return unmet("TLSRPT_MULTIPLE", records="; ".join(record.texts), tlsrpt=record, lookup=lookup)
    if record.errors:
        return unmet("TLSRPT_SYNTAX", detail="; ".join(record.errors), tlsrpt=record, lookup=lookup)
    if not lookup.secure:
        return unmet("TLSRPT_INSECURE", **told, tlsrpt=record)
    ends = rules.ends_soon(lookup)
    if ends is not None:
        return marginal("SIGNATURE_EXPIRES_SOON", expires=f"{ends:%Y-%m-%d %H:%M} UTC", tlsrpt=record, lookup=lookup)
    return met(records="; ".join(record.texts), tlsrpt=record, lookup=lookup)


def _reports(domain: MailDomain) -> Result | tuple[str, ...]:
    """The report URIs, or the answer where there are none to judge."""
    lookup = domain.tlsrpt
    if lookup is None:
        return unseen("NOT_PROBED")
    if lookup.unseen or lookup.status is Status.BOGUS:
        code = "TLSRPT_UNSEEN" if lookup.unseen else "TLSRPT_BOGUS"
        return unseen(code, cause=lookup.cause, detail=lookup.detail or "", lookup=lookup)
    record = tlsrpt_record(lookup)
    return record.uris if record.count else absent("NOT_OFFERED", see="TR-03108-G-01")


def _of_scheme(uris: tuple[str, ...], scheme: str) -> list[str]:
    return [uri for uri in uris if uri.lower().startswith(f"{scheme}:")]


@check("TR-03108-G-02", id="tlsrpt.no-https", each="domain")
def check_no_https(domain: MailDomain, rules: Rules) -> Result:
    """No report is asked for over HTTPS."""
    uris = _reports(domain)
    if isinstance(uris, Result):
        return uris
    https = _of_scheme(uris, "https")
    if https:
        return unmet("TLSRPT_HTTPS", records=", ".join(https), uris=list(uris))
    return met(uris=list(uris))


@check("TR-03108-G-03", id="tlsrpt.mailto", each="domain")
def check_mailto(domain: MailDomain, rules: Rules) -> Result:
    """Reports are asked for by mail."""
    uris = _reports(domain)
    if isinstance(uris, Result):
        return uris
    mailboxes = [uri for uri in _of_scheme(uris, "mailto") if "@" in uri.partition(":")[2].strip("@")]
    if not mailboxes:
        return unmet("TLSRPT_NO_MAILTO", records=", ".join(uris), uris=list(uris))
    return met(records=", ".join(mailboxes), uris=list(uris))
