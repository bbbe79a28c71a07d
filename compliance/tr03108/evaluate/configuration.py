"""Autoconfig and Autodiscover: what a mail client is told that knows no more than a mail address.

Every place is asked, whatever the others said: which of them a client takes depends on certificates, and those are
judged on the as-of date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from dns.rdtypes.IN.SRV import SRV

from ..wire import autoconfig, autodiscover, web_address
from ..wire.client_configuration import Document, NotADocument, ReportsError, Security, Setting
from ..wire.web_address import WebAddress, header
from .host import Host
from .lookup import Status, present
from .web import Find, Get, Hop, Visit, visit

AUTOCONFIG, AUTODISCOVER = "autoconfig", "autodiscover"
_JSON = f"{AUTODISCOVER}-json"
_DEPTH = 2  # how often Autodiscover may send a client on within its answers
_BROKEN_ENDS = {"redirect": "CONFIGURATION_REDIRECT", "garbage": "CONFIGURATION_INVALID"}
_HEAD = 2000  # octets that tell what a body is meant to be
_SHOWS_HTML = (b"<!doctype html", b"<html")
_SHOWS_CONFIGURATION = (b"clientconfig", b"autodiscover")


@dataclass(frozen=True, slots=True)
class Location:
    """One place and what was found there.

    `state`: "document", "elsewhere" (a document that sends the client to another place, which follows), "credentials"
    (a client has to log in first), "nothing", "broken" (`code` says how), "unseen", or "wanted". `before` are the
    places whose documents sent the client here: one that it does not trust leads nowhere.
    """

    visit: Visit
    state: str
    code: str = ""
    detail: str = ""
    document: Document | None = None
    before: tuple[Visit, ...] = ()

    @property
    def way(self) -> tuple[Visit, ...]:
        return (*self.before, self.visit)

    @property
    def plain(self) -> bool:
        """Whether it is protected by nothing. Autodiscover may be led to HTTPS by plain HTTP, and by that alone."""
        return any(_plain(visit) for visit in self.way)

    def evidence(self) -> dict[str, object]:
        shown = {**self.visit.evidence(), "found": self.state, "detail": self.detail or self.visit.detail}
        if self.document is not None:
            shown["settings"] = [setting.text for setting in self.document.settings]
        return shown


@dataclass(frozen=True, slots=True)
class Configuration:
    """One of the two ways. `unseen` says what of DNS stayed open on the way to its locations."""

    kind: str
    locations: tuple[Location, ...]
    unseen: str = ""

    @property
    def documents(self) -> tuple[Document, ...]:
        """Whatever was read, also where no client would trust it: to know whose servers are meant."""
        return tuple(location.document for location in self.locations if location.document is not None)

    @property
    def lookup_failed(self) -> str:
        """What could not be seen, so that services may be named of which we do not know; else empty."""
        open_ones = (one.detail or one.visit.detail for one in self.locations if one.state in ("unseen", "wanted"))
        # In the clear a document stands for nothing but itself; over HTTPS it is the one that clients take.
        read = any(one.state == "document" and not one.plain for one in self.locations)
        return "" if read else self.unseen or next(open_ones, "")

    def offered(self, roots: tuple[bytes, ...], time: datetime) -> Location:
        """The location that a client ends at, or the one that says best why it ends nowhere.

        A document or a request for credentials counts only over HTTPS with certificates that a client takes at `time`.
        """
        judged = [_trusted(location, roots, time) for location in self.locations]
        for state in ("document", "credentials", "unseen", "wanted", "broken"):
            found = [location for location in judged if location.state == state]
            if state == "unseen" and self.unseen and not found:
                found = [Location(judged[0].visit, "unseen", "", self.unseen)]
            if found:
                return found[0]
        lost = next((location for location in judged if location.state == "elsewhere"), None)
        if lost is not None:
            return replace(lost, state="broken", code="CONFIGURATION_REDIRECT", detail="it leads to no document")
        return judged[0]


def _plain(visit: Visit) -> bool:
    page = visit.hops[-1].page if visit.question.startswith(AUTODISCOVER) else visit.page
    return page.scheme == "http"


def _trusted(location: Location, roots: tuple[bytes, ...], time: datetime) -> Location:
    """The same location as a client sees it that verifies certificates."""
    if location.state not in ("document", "elsewhere", "credentials"):
        return location
    code = next(filter(None, (visit.untrusted(roots, time) for visit in location.way)), None)
    if code is not None:
        return replace(location, state="broken", code="CONFIGURATION_CERTIFICATE", detail=code)
    if location.plain:
        detail = next(visit for visit in location.way if _plain(visit)).hops[-1].page.text
        return replace(location, state="broken", code="CONFIGURATION_HTTP_ONLY", detail=detail)
    return location


class Locations:
    """Asks for the locations of one domain, or finds what was seen of them."""

    def __init__(self, domain: str, families: tuple[int, ...], find: Find, get: Get) -> None:
        self._domain = domain
        self._families = families
        self._find = find
        self._get = get

    def autoconfig(self) -> Configuration:
        """Mozilla's Autoconfig: over HTTPS, and whether it answers over plain HTTP."""
        urls = (*autoconfig.urls(self._domain), *autoconfig.plain_urls(self._domain))
        read = lambda body: autoconfig.parse(body, self._domain)  # noqa: E731
        return Configuration(AUTOCONFIG, tuple(self._locate(AUTOCONFIG, url, n, read) for n, url in enumerate(urls, 1)))

    def autodiscover(self) -> Configuration:
        """Microsoft's Autodiscover with its XML ("POX"): two URLs, a redirect over plain HTTP, an SRV record."""
        found = list(self._autodiscover(f"{autodiscover.LOCAL_PART}@{self._domain}", AUTODISCOVER, ()))
        srv = self._find(f"_autodiscover._tcp.{self._domain}", "SRV")
        # Records or a denial that nobody can believe lead nowhere, and prove nothing.
        hidden = srv.unseen or srv.kind is None or srv.status is Status.BOGUS
        return Configuration(AUTODISCOVER, tuple(found), (srv.detail or "SRV not seen") if hidden else "")

    def json(self) -> Visit:
        """Autodiscover with JSON ("v2")."""
        return self._visit(_JSON, autodiscover.json_url(self._domain))

    def _autodiscover(self, address: str, question: str, before: tuple[Visit, ...]) -> Iterator[Location]:
        domain = address.rpartition("@")[2]
        for number, url in enumerate(autodiscover.urls(domain), 1):
            yield from self._pox(url, f"{question}.{number}", address, before)
        yield from self._pox(autodiscover.redirect_url(domain), f"{question}-plain.1", address, before)
        if before:
            return
        srv = self._find(f"_autodiscover._tcp.{domain}", "SRV")
        records = sorted((r for r in srv.records if isinstance(r, SRV)), key=lambda r: (r.priority, -r.weight))
        if records and srv.status is not Status.BOGUS and (host := present(records[0].target)) != ".":
            yield from self._pox(autodiscover.srv_url(host, records[0].port), f"{question}-srv", address, before)

    def _pox(self, url: str, question: str, address: str, before: tuple[Visit, ...]) -> Iterator[Location]:
        """One URL, asked about a mail address, and where its document sends the client."""
        seen = self._visit(question, url, address)
        location = replace(self._located(seen, autodiscover.parse), before=before)
        document = location.document
        if document is None or not (document.url or document.address):
            yield location
        elif len(before) >= _DEPTH:
            yield replace(location, state="broken", code="CONFIGURATION_REDIRECT", detail="sent on too often")
        else:
            yield replace(location, state="elsewhere")
            if document.url:
                yield from self._pox(document.url, f"{question}-url", address, (*before, seen))
            else:
                yield from self._autodiscover(document.address, f"{question}-address", (*before, seen))

    def _locate(self, question: str, url: str, number: int, read: Callable[[bytes], Document]) -> Location:
        return self._located(self._visit(f"{question}.{number}", url), read)

    def _visit(self, question: str, url: str, posts: str = "") -> Visit:
        page = web_address.parse(url)
        if page is None:  # a name so long that its prefix does not fit, or a URL that a document made up
            nowhere = Host(name=self._domain, a=None, aaaa=None, families=self._families)
            return Visit(question, (Hop(WebAddress("https", self._domain, 443, "/"), nowhere),), "no-address", "no URL")
        return visit(question, page, self._families, self._find, self._get, posts=posts)

    def _located(self, seen: Visit, read: Callable[[bytes], Document]) -> Location:
        """What the last answer means."""
        exchange = seen.exchange
        if seen.end in ("unseen", "wanted"):
            return Location(seen, seen.end)
        if seen.end == "not-global":  # what the domain itself has there is nothing for the public
            return Location(seen, "nothing" if seen.page.host == self._domain else "unseen")
        if seen.end != "answered" or exchange is None or exchange.status is None:
            return self._unless_elsewhere(seen, _BROKEN_ENDS.get(seen.end))
        if exchange.status == 401 and seen.question.startswith(AUTODISCOVER):  # no client logs in for Autoconfig
            return Location(seen, "credentials")
        if exchange.status != 200:
            return self._unless_elsewhere(seen, "CONFIGURATION_STATUS" if exchange.status >= 500 else None)
        encoding = header(exchange.headers, "Content-Encoding") or "identity"
        if encoding != "identity":
            trouble = f"encoded, which nobody asked for: {encoding}"[:80]
        elif exchange.truncated:
            trouble = "longer than any configuration"
        else:
            try:
                return Location(seen, "document", document=read(exchange.body))
            except ReportsError as error:  # another address might get an answer
                return Location(seen, "unseen", detail=str(error))
            except NotADocument as error:
                trouble = str(error)
        head = exchange.body[:_HEAD].replace(b"\0", b"").lower()  # UTF-16 as well
        if any(mark in head for mark in _SHOWS_HTML):
            return Location(seen, "nothing", detail="a page for people")
        if any(mark in head for mark in _SHOWS_CONFIGURATION):
            return Location(seen, "broken", "CONFIGURATION_INVALID", trouble)
        return self._unless_elsewhere(seen, "CONFIGURATION_INVALID", trouble)

    def _unless_elsewhere(self, seen: Visit, code: str | None, detail: str = "") -> Location:
        """Nothing, or broken: at the domain itself any web server may say what it likes of pages that it lacks."""
        if code is None or seen.page.host == self._domain:
            return Location(seen, "nothing", detail=detail)
        return Location(seen, "broken", code, detail)


__all__ = ["AUTOCONFIG", "AUTODISCOVER", "Configuration", "Document", "Location", "Locations", "Security", "Setting"]
