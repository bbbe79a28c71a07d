"""Finds the services of a domain's mail clients and asks them: SRV, Autoconfig, Autodiscover, then well-known names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..evaluate.configuration import Configuration, Locations
from ..evaluate.places import MOST_PLACES, Place, Srv, guess, kinds_of, named_places, srv_of
from ..evaluate.web import Visit, Wanted
from ..model import SERVICE_KINDS, ServiceKind
from ..wire import autodiscover
from ..wire.web_address import WebAddress, parse
from .http import Request
from .https import exchange
from .questions import Questions
from .service import ServiceProbe

ADDRESSES = 16  # of one host that are asked, both families together
_DOCUMENT = 65536  # octets of a configuration, or of the page of webmail, that are taken
_PLAIN_HTTP = 80

T = TypeVar("T")


class ClientsProbe:
    """The clients' side of one domain."""

    def __init__(self, domain: str, questions: Questions) -> None:
        self._domain = domain
        self._questions = questions
        self._plan = questions.plan
        seen = questions.seen
        self._locations = Locations(domain, self._plan.families, questions.validator.lookup, seen.get)

    async def run(self) -> None:
        """Asks everything."""
        kinds = kinds_of(self._plan)
        if not kinds:
            return
        self._questions.say("looking for the services of mail clients")
        async with asyncio.TaskGroup() as group:
            srv = [group.create_task(self._srv(kind)) for kind in kinds if kind.srv]
            autoconfig = group.create_task(self._configuration(self._locations.autoconfig))
            autodiscover = group.create_task(self._configuration(self._locations.autodiscover))
            group.create_task(self._page(self._locations.json))
        found = [task.result() for task in srv]
        configurations = (autoconfig.result(), autodiscover.result())
        places = named_places(self._plan, found, configurations)
        async with asyncio.TaskGroup() as group:
            for place in places[:MOST_PLACES]:
                group.create_task(self._place(place))
            denied = [each.kind for each in found if each.denied]
            for kind in kinds:
                if kind.srv and kind not in denied and all(place.kind is not kind for place in places):
                    group.create_task(self._guess(kind))
            for number, url in enumerate(self._plan.webmail or (), 1):
                if (page := parse(url)) is not None and SERVICE_KINDS["https"] in kinds:
                    group.create_task(self._webmail(page, number))
        beyond = (f"dns/{place.host}/{kind}" for place in places[MOST_PLACES:] for kind in ("A", "AAAA"))
        self._questions.give_up(beyond, f"only {MOST_PLACES} places of client services are examined")

    async def _srv(self, kind: ServiceKind) -> Srv:
        return await self._questions.until(lambda: srv_of(kind, self._domain, self._questions.validator.lookup))

    async def _configuration(self, judge: Callable[[], Configuration]) -> Configuration:
        return await self._pages(judge, lambda seen: [location.visit for location in seen.locations])

    async def _page(self, judge: Callable[[], Visit]) -> Visit:
        return await self._pages(judge, lambda seen: [seen])

    async def _pages(self, judge: Callable[[], T], visits: Callable[[T], list[Visit]]) -> T:
        """Asks for pages until the judgement wants no more."""
        while True:
            seen = await self._questions.until(judge)
            wanted = [visit.wanted for visit in visits(seen) if visit.wanted is not None]
            if not wanted:
                return seen
            await asyncio.gather(*(self._fetch(each) for each in wanted))

    async def _fetch(self, wanted: Wanted) -> None:
        page = wanted.page
        request = Request("GET", page.authority, page.target, "text/xml, application/json", _DOCUMENT)
        if wanted.posts:
            body = autodiscover.request(wanted.posts)
            request = Request(
                "POST", page.authority, page.target, "text/xml", _DOCUMENT, autodiscover.CONTENT_TYPE, body
            )
        await self._exchange(wanted.key, wanted.address, page, request)

    async def _exchange(self, key: str, address: str, page: WebAddress, request: Request) -> None:
        await self._questions.ask(key, lambda: exchange(self._questions.network, page, address, request))

    async def _place(self, place: Place) -> None:
        host = await self._questions.host(place.host)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._questions.tlsa(host, place.port))
            for address in host.addresses[:ADDRESSES]:
                group.create_task(ServiceProbe(self._questions, place.kind, host.name, address, place.port).run())
        where = (f"client/{place.kind.name}/{host.name}/{address}/{place.port}/1" for address in host.addresses)
        self._questions.give_up(list(where)[ADDRESSES:], f"only {ADDRESSES} addresses of a host are examined")

    async def _guess(self, kind: ServiceKind) -> None:
        """One well-known name after the other; where somebody is, all is asked."""
        questions = self._questions
        while True:
            found = await questions.until(
                lambda: guess(kind, self._domain, self._plan.families, questions.validator.lookup, questions.seen.get)
            )
            if found.wanted is None:
                break
            name, address = found.wanted
            await ServiceProbe(questions, kind, name, address, kind.port).first()
        if found.host is not None:
            await self._place(Place(kind, found.host, kind.port, ()))

    async def _webmail(self, page: WebAddress, number: int) -> None:
        host = await self._questions.host(page.host)
        plain = WebAddress("http", page.host, _PLAIN_HTTP, page.target)
        pages: list[Awaitable[None]] = []
        for address in host.addresses[:ADDRESSES]:
            for each, question in ((page, "webmail"), (plain, "webmail-plain")):
                key = f"web/{page.host}/{address}/{each.port}/{question}.{number}"
                request = Request("GET", each.authority, each.target, "text/html", _DOCUMENT)
                pages.append(self._exchange(key, address, each, request))
        await asyncio.gather(*pages)
