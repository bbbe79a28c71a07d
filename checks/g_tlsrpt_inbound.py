"""TR-03108-P module G: TLSRPT inbound. Sources: RFC 8460, TR-03108 section 4.1.10."""

from __future__ import annotations

from tr03108 import (
    Answered,
    ReportMailbox,
    Result,
    Rules,
    Status,
    TlsRpt,
    absent,
    asked,
    check,
    marginal,
    met,
    met_while_signed,
    tlsrpt_record,
    unmet,
    unseen,
)

MOST_TOLD = 50  # report URIs that a finding names


@check("TR-03108-G-01", id="tlsrpt.record", each="tlsrpt")
def check_record(tlsrpt: TlsRpt, rules: Rules) -> Result:
    """Exactly one valid TLSRPT record, under DNSSEC."""
    lookup = tlsrpt.lookup
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
    return met_while_signed(rules, (lookup,), records="; ".join(record.texts), tlsrpt=record, lookup=lookup)


def _uris(tlsrpt: TlsRpt) -> Result | tuple[str, ...]:
    """The report URIs, or the answer where there are none to judge."""
    lookup = tlsrpt.lookup
    if lookup is None:
        return unseen("NOT_PROBED")
    if lookup.unseen or lookup.status is Status.BOGUS:
        code = "TLSRPT_UNSEEN" if lookup.unseen else "TLSRPT_BOGUS"
        return unseen(code, cause=lookup.cause, detail=lookup.detail or "", lookup=lookup)
    record = tlsrpt_record(lookup)
    return record.uris if record.count else absent("NOT_OFFERED", see="TR-03108-G-01")


@check("TR-03108-G-02", id="tlsrpt.no-https", each="tlsrpt")
def check_no_https(tlsrpt: TlsRpt, rules: Rules) -> Result:
    """No report is asked for over HTTPS."""
    uris = _uris(tlsrpt)
    if isinstance(uris, Result):
        return uris
    https = [uri for uri in uris if uri.lower().startswith("https:")]
    if https:
        return unmet("TLSRPT_HTTPS", records=_told(tuple(https)), uris=list(uris[:MOST_TOLD]))
    return met(uris=list(uris[:MOST_TOLD]))


def _told(uris: tuple[str, ...]) -> str:
    """The first of many URIs."""
    return ", ".join((*uris[:MOST_TOLD], *(("...",) if len(uris) > MOST_TOLD else ())))


@check("TR-03108-G-03", id="tlsrpt.mailto", each="tlsrpt")
def check_mailto(tlsrpt: TlsRpt, rules: Rules) -> Result:
    """Reports are asked for by mail, and at least one mailbox is in a domain that can receive it."""
    uris = _uris(tlsrpt)
    if isinstance(uris, Result):
        return uris
    if not tlsrpt.destinations:
        return unmet("TLSRPT_NO_MAILTO", records=_told(uris), uris=list(uris[:MOST_TOLD]))
    told = {"uris": list(uris[:MOST_TOLD]), "destinations": list(tlsrpt.destinations)}
    reached = [each for each in tlsrpt.destinations if each.reachable == "yes"]
    closed = [each for each in tlsrpt.destinations if each.reachable == "no"]
    shut = {
        "names": ", ".join(each.mailbox.text for each in closed[:MOST_TOLD]),
        "detail": "; ".join(dict.fromkeys(each.trouble for each in closed)),
    }
    if len(reached) == len(tlsrpt.destinations):
        return met(records=", ".join(each.mailbox.text for each in reached), **told)
    if reached:
        # One that works is enough; that another one is out of our sight changes nothing.
        return marginal("REPORT_MAILBOX_PARTLY", **shut, **told) if closed else met(**told)
    hidden = next((each for each in tlsrpt.destinations if each.reachable == "unseen"), None)
    if hidden is not None:
        return unseen("REPORT_MAILBOX_UNSEEN", detail=hidden.trouble, **told)
    return unmet("REPORT_MAILBOX_CLOSED", **shut, **told)


def _mailboxes(tlsrpt: TlsRpt) -> Result | tuple[ReportMailbox, ...]:
    """The mailboxes that reports may come to, or the answer where there are none to judge."""
    uris = _uris(tlsrpt)
    if isinstance(uris, Result):
        return uris
    if not tlsrpt.destinations:
        return absent("NOT_OFFERED", see="TR-03108-G-03")
    open_to_mail = tuple(each for each in tlsrpt.destinations if each.reception.state != "no")
    return open_to_mail or absent("REPORT_MAILBOX_CLOSED", see="TR-03108-G-03", names="")


@check(id="tlsrpt.mailbox-unenforced", each="tlsrpt")
def check_mailbox_unenforced(tlsrpt: TlsRpt, rules: Rules) -> Result:
    """The mailbox for reports is not behind TLSA records or an MTA-STS policy in mode enforce (10-M.d)."""
    found = _mailboxes(tlsrpt)
    if isinstance(found, Result):
        return found
    enforced = [name for each in found for name in each.enforced(rules.roots, rules.as_of)]
    if enforced:
        return unmet("REPORT_MAILBOX_ENFORCED", names="; ".join(enforced), destinations=list(found))
    hidden = [name for each in found for name in each.enforcement_unseen(rules.roots, rules.as_of)]
    if hidden:
        return unseen("REPORT_MAILBOX_UNSEEN", detail="; ".join(dict.fromkeys(hidden)), destinations=list(found))
    return met(records=", ".join(each.mailbox.text for each in found), destinations=list(found))


@check(id="tlsrpt.mailbox-without-tls", each="tlsrpt")
def check_mailbox_without_tls(tlsrpt: TlsRpt, rules: Rules) -> Result:
    """The mailbox for reports takes mail without TLS, too: reports are about TLS that fails (09-M.r2, 10-M.d)."""
    found = _mailboxes(tlsrpt)
    if isinstance(found, Result):
        return found
    if not tlsrpt.mailboxes_asked:
        return asked("REPORT_MAILBOX_NOT_ASKED", records=", ".join(each.mailbox.text for each in found))
    told = {"destinations": list(found)}
    wants_tls = [each.mailbox.text for each in found if each.in_clear is Answered.WANTS_TLS]
    if wants_tls:
        return unmet("REPORT_MAILBOX_WANTS_TLS", names=", ".join(wants_tls), **told)
    hidden = [f"{each.mailbox.text}: {each.said}" for each in found if each.in_clear is not Answered.ACCEPTED]
    if hidden:
        return unseen("REPORT_MAILBOX_UNSEEN", detail="; ".join(hidden), **told)
    return met(records=", ".join(each.mailbox.text for each in found), **told)
