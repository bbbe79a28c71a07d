"""What a domain asks receivers to do with forged mail, and whether its reports can arrive (RFC 7489)."""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.dmarc import DmarcRecord, ReportUri, dmarc_records, parse_record
from .lookup import Lookup, Status, fits
from .routing import mail_routing
from .starttls import printable
from .text_records import Find, text_records

MOST_REPORTS = 10  # addresses that are looked at; receivers need not serve more than two (RFC 7489 section 6.2)


@dataclass(frozen=True, slots=True)
class Destination:
    """One address for aggregate reports.

    `state`: "usable", "no-mail" (no mail address), "undeliverable" (its domain takes no mail), "unauthorised" (its
    domain does not consent, section 7.1) or "unseen". `detail` says why.
    """

    uri: str
    domain: str
    state: str
    detail: str
    lookups: tuple[Lookup, ...] = ()

    def evidence(self) -> dict[str, object]:
        lookups = [lookup.evidence() for lookup in self.lookups]
        return {"uri": self.uri, "state": self.state, "detail": self.detail, "lookups": lookups}


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """The policy record at `_dmarc.<domain>` itself, none of a domain above it.

    `state`: "read", "unseen", "bogus", "missing", "several" or "invalid"; `record` where it is "read".
    """

    lookup: Lookup
    state: str
    detail: str
    texts: tuple[str, ...]
    record: DmarcRecord | None = None
    destinations: tuple[Destination, ...] = ()

    def evidence(self) -> dict[str, object]:
        reports = [destination.evidence() for destination in self.destinations]
        return {"records": list(self.texts), "detail": self.detail, "reports": reports}


def dmarc_of(domain: str, find: Find) -> DmarcPolicy | None:
    """Reads a domain's DMARC record and follows its report addresses. None where the domain is too long to have one."""
    if not fits(name := f"_dmarc.{domain}"):
        return None
    seen = text_records(name, find, dmarc_records)
    texts = tuple(printable(text[:4000]) for text in seen.found[:10])
    if seen.state != "one":
        return DmarcPolicy(seen.lookup, seen.state, seen.lookup.detail or "", texts)
    record = parse_record(seen.found[0])
    if record.errors:
        return DmarcPolicy(seen.lookup, "invalid", "; ".join(record.errors)[:1000], texts)
    destinations = tuple(_destination(domain, uri, find) for uri in record.rua[:MOST_REPORTS])
    return DmarcPolicy(seen.lookup, "read", "", texts, record, destinations)


def _destination(domain: str, uri: ReportUri, find: Find) -> Destination:
    if not uri.domain:
        return Destination(uri.text, "", "no-mail", "not a mail address")
    delivery = _delivery(uri.domain, find)
    if delivery.state == "undeliverable":
        return Destination(uri.text, uri.domain, delivery.state, delivery.detail, delivery.lookups)
    consent = _consent(domain, uri.domain, find)
    worst = consent if consent.state != "usable" else delivery
    return Destination(uri.text, uri.domain, worst.state, worst.detail, delivery.lookups + consent.lookups)


@dataclass(frozen=True, slots=True)
class _Step:
    """What one of the two questions about a destination says: can mail get there, and does its domain consent."""

    state: str
    detail: str = ""
    lookups: tuple[Lookup, ...] = ()


def _delivery(domain: str, find: Find) -> _Step:
    """Whether a domain takes mail, as far as DNS tells."""
    mx = find(domain, "MX")
    routing = mail_routing(mx, domain)
    if mx.status is Status.BOGUS or mx.kind == "loop":
        return _Step("undeliverable", f"the MX records of {domain} are {mx.detail or mx.kind or 'bogus'}", (mx,))
    match routing.kind:
        case "null":
            return _Step("undeliverable", f"{domain} publishes a null MX", (mx,))
        case "not-found":
            return _Step("undeliverable", f"{domain} does not exist", (mx,))
        case "unseen":
            return _Step("unseen", f"{domain} MX: {mx.detail or mx.cause or 'not seen'}", (mx,))
        case "mx":
            return _Step("usable", "", (mx,))
    addresses = (find(domain, "A"), find(domain, "AAAA"))
    if any(lookup.exists for lookup in addresses):
        return _Step("usable", "", (mx, *addresses))
    hidden = next((lookup for lookup in addresses if lookup.unseen), None)
    if hidden is not None:
        return _Step("unseen", f"{domain} {hidden.rdtype}: {hidden.detail or hidden.cause or 'not seen'}", (mx, hidden))
    return _Step("undeliverable", f"{domain} has neither MX nor address", (mx, *addresses))


def _consent(domain: str, destination: str, find: Find) -> _Step:
    """Whether reports about `domain` may go to `destination` (section 7.1): its own reports always may."""
    if _within(destination, domain) or (_within(domain, destination) and "." in destination):
        return _Step("usable")
    name = f"{domain}._report._dmarc.{destination}"
    if not fits(name):
        return _Step("unauthorised", "the name of the consent would be too long")
    seen = text_records(name, find, dmarc_records)
    if seen.found:
        return _Step("usable", "", (seen.lookup,))
    if seen.state == "unseen":
        return _Step("unseen", f"{name} TXT: {seen.lookup.detail or seen.lookup.cause or 'not seen'}", (seen.lookup,))
    if seen.state == "bogus":
        return _Step("unauthorised", f"{name} TXT is bogus: {seen.lookup.detail or ''}", (seen.lookup,))
    shared = _shared(domain, destination)
    if "." in shared:  # one organisation below it, or many, as below co.uk: only the public suffix list could tell
        detail = f"no consent at {name}, which is needed unless {shared} is one organisation's"
        return _Step("unseen", detail, (seen.lookup,))
    return _Step("unauthorised", f"no consent at {name}", (seen.lookup,))


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _shared(one: str, other: str) -> str:
    """The longest domain that holds both names."""
    shared: list[str] = []
    for mine, theirs in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if mine != theirs:
            break
        shared.insert(0, mine)
    return ".".join(shared)
