"""A web server of the lab: many hosts on one port, pages well or in one named wrong way, every request recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import h11
from OpenSSL import SSL

from tr03108.lab.service import PATIENCE, Service, reset, until_client_leaves
from tr03108.lab.tls import PlainStream, Stream, TlsStream
from tr03108.lab.tls_hellos import Hellos, HelloStream
from tr03108.lab.web_bodies import BAIT, endless_header, external_entity, gzip_bomb, malformed, oversized, xml_bomb

ANY = "*"  # at the end of a path: the page of all that begin so and have none; alone: of all paths
MAX_REQUEST = 65536  # octets, of head and of body
PAUSE = 0.2  # seconds between the octets of a slow body
BLOCK = b" " * 16384  # of a body without end
HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>Welcome<br>to our pages</body></html>\n"
_FORBIDDEN = ("authorization", "proxy-authorization", "cookie")  # what an auditor never sends


class WebFault(StrEnum):
    """How a web server misbehaves."""

    # of a whole host: before HTTP
    REFUSED = "refused"  # nothing listens
    RESET_ON_CONNECT = "reset-on-connect"
    SILENT = "silent"  # accepts and says nothing
    NO_TLS = "no-tls"  # answers in the clear
    # of a page: the way in which it comes
    CLOSE = "close"  # after the request, without an answer
    TRUNCATED = "truncated"  # less body than Content-Length says
    SLOW = "slow"  # one octet at a time
    ENDLESS = "endless"  # a body without end, in chunks
    HEADERS_ENDLESS = "headers-endless"
    # what comes
    OVERSIZED = "oversized"
    GZIP_BOMB = "gzip-bomb"  # Content-Encoding: gzip, 1 GiB when inflated
    REDIRECT_LOOP = "redirect-loop"  # to itself
    REDIRECT_CHAIN = "redirect-chain"  # to ever new addresses, each of which redirects
    REDIRECT_HTTP = "redirect-http"  # to the same page in the clear
    XML_BOMB = "xml-bomb"
    EXTERNAL_ENTITY = "external-entity"
    MALFORMED = "malformed"  # half of the document
    HTML = "html"  # a page for people instead
    STATUS_404 = "status-404"
    STATUS_500 = "status-500"


BEFORE_HTTP = (WebFault.REFUSED, WebFault.RESET_ON_CONNECT, WebFault.SILENT, WebFault.NO_TLS)


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered at a path, to `method` alone (and HEAD, where that is GET; "": to all). With `location` it is a
    redirect. With `raw` that is sent as it stands, whatever else is there; `before` are the answers to the first
    requests for it."""

    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    method: str = "GET"
    location: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    fault: WebFault | None = None
    raw: bytes = b""
    before: tuple[Page, ...] = ()


@dataclass(frozen=True, slots=True)
class WebSite:
    """One host: its pages by path (without query; see ANY), and what happens before HTTP."""

    pages: Mapping[str, Page] = field(default_factory=dict)
    fault: WebFault | None = None

    def page(self, path: str) -> Page | None:
        starts = [known for known in self.pages if known.endswith(ANY) and path.startswith(known.removesuffix(ANY))]
        return self.pages.get(path) or self.pages.get(max(starts, key=len, default=""))


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What one client asked for. `host` is that of the Host header, without port; `server_name` that of SNI."""

    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    body: bytes
    secure: bool
    server_name: str | None = None

    @property
    def violations(self) -> Iterator[str]:
        """What an auditor must never send, or fetch."""
        place = f"{self.method} {'https' if self.secure else 'http'}://{self.host}{self.target}"
        yield from (f"{place}: {name}" for name in _FORBIDDEN if name in self.headers)
        if self.target == BAIT:
            yield f"{place}: external entity"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class WebServer(Service):
    """`sites` by host name on one port: with TLS as `context` has it, or in the clear.

    Which host is meant is said by the Host header. A single host also answers to clients that name another; only a
    single one can misbehave before HTTP.
    """

    def __init__(
        self, sites: Mapping[str, WebSite], context: SSL.Context | Hellos | None, patience: float = PATIENCE
    ) -> None:
        super().__init__(patience)
        self.sites = dict(sites)
        self.context = context
        self.requests: list[WebRequest] = []
        self._single = next(iter(self.sites.values())) if len(self.sites) == 1 else None

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain = PlainStream(reader, writer)
        match self._single.fault if self._single else None:
            case WebFault.RESET_ON_CONNECT:
                reset(writer)
                return
            case WebFault.SILENT:
                await until_client_leaves(reader)
                return
            case WebFault.NO_TLS:
                await plain.read()
                await plain.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                return
        context = self.context
        if context is None:
            await self._serve(plain, None)
            return
        channel = HelloStream(plain, context) if isinstance(context, Hellos) else TlsStream(plain, context)
        await channel.handshake()
        await self._serve(channel, channel.server_name)
        await channel.close()

    async def _serve(self, channel: Stream, server_name: str | None) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST)
        try:
            request = await self._request(http, channel, server_name)
        except h11.RemoteProtocolError:
            return
        if request is None:
            return
        earlier = sum(one.host == request.host and one.target == request.target for one in self.requests)
        self.requests.append(request)
        path, _, query = request.target.partition("?")
        site = self.sites.get(request.host, self._single)
        page = site.page(path) if site is not None else None
        if page is not None and earlier < len(page.before):
            page = page.before[earlier]
        if page is None:
            await _send(http, channel, request, _Answer(404, (("Content-Type", "text/plain"),), b"not found\n"))
        elif page.method not in ("", request.method) and (request.method, page.method) != ("HEAD", "GET"):
            await _send(http, channel, request, _Answer(405, (("Allow", page.method),), b""))
        elif page.raw:
            await channel.write(page.raw)
        elif page.fault is WebFault.HEADERS_ENDLESS:
            await channel.write(b"HTTP/1.1 200 OK\r\n")
            await _flood(channel, endless_header)
        elif page.fault is not WebFault.CLOSE:
            await _send(http, channel, request, _answer(page, request, path, query), page.fault)

    async def _request(self, http: h11.Connection, channel: Stream, server_name: str | None) -> WebRequest | None:
        """The next request with its body. Raises RemoteProtocolError."""
        head: h11.Request | None = None
        body = b""
        while len(body) <= MAX_REQUEST:
            match http.next_event():
                case h11.NEED_DATA:
                    http.receive_data(await channel.read())
                case h11.Request() as head:
                    if http.they_are_waiting_for_100_continue:
                        await channel.write(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                case h11.Data() as data:
                    body += data.data
                case h11.EndOfMessage() if head is not None:
                    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
                    return WebRequest(
                        head.method.decode("ascii"),
                        head.target.decode("latin-1"),
                        headers.get("host", "").partition(":")[0].lower(),
                        headers,
                        body,
                        self.context is not None,
                        server_name,
                    )
                case _:
                    return None
        return None


async def _send(
    http: h11.Connection, channel: Stream, request: WebRequest, answer: _Answer, fault: WebFault | None = None
) -> None:
    announced = len(answer.body) + (100 if fault is WebFault.TRUNCATED else 0)
    framing = ("Content-Length", str(announced))
    if fault is WebFault.ENDLESS:
        framing = ("Transfer-Encoding", "chunked")
    headers = [*answer.headers, framing, ("Connection", "close")]
    await channel.write(http.send(h11.Response(status_code=answer.status, headers=headers)) or b"")
    if request.method == "HEAD":
        return
    step = 1 if fault is WebFault.SLOW else len(answer.body) or 1
    for start in range(0, len(answer.body), step):
        await channel.write(http.send(h11.Data(data=answer.body[start : start + step])) or b"")
        if fault is WebFault.SLOW:
            await asyncio.sleep(PAUSE)
    if fault is WebFault.ENDLESS:
        await _flood(channel, lambda: http.send(h11.Data(data=BLOCK)) or b"")


async def _flood(channel: Stream, block: Callable[[], bytes]) -> None:
    """Blocks without end, until the client or our patience is gone."""
    while True:
        await channel.write(block())
        await asyncio.sleep(0)  # a stream that takes everything never gives way otherwise


def _answer(page: Page, request: WebRequest, path: str, query: str) -> _Answer:
    """The page as its fault has it."""
    here = f"{'https' if request.secure else 'http'}://{request.host}{path}"
    kind, body = ("Content-Type", page.content_type), page.body
    match page.fault:
        case WebFault.STATUS_404:
            return _Answer(404, (kind,), b"not found\n")
        case WebFault.STATUS_500:
            return _Answer(500, (kind,), b"internal error\n")
        case WebFault.REDIRECT_LOOP:
            return _Answer(302, (("Location", here),), b"")
        case WebFault.REDIRECT_CHAIN:
            hop = int(query) if query.isdecimal() and len(query) < 9 else 0
            return _Answer(302, (("Location", f"{here}?{hop + 1}"),), b"")
        case WebFault.REDIRECT_HTTP:
            return _Answer(302, (("Location", here.replace("https:", "http:", 1)),), b"")
        case WebFault.GZIP_BOMB:
            return _Answer(200, (kind, ("Content-Encoding", "gzip")), gzip_bomb())
        case WebFault.HTML:
            return _Answer(200, (("Content-Type", "text/html; charset=utf-8"),), HTML)
        case WebFault.OVERSIZED:
            body = oversized(body)
        case WebFault.XML_BOMB:
            body = xml_bomb(body)
        case WebFault.EXTERNAL_ENTITY:
            body = external_entity(body, request.host)
        case WebFault.MALFORMED:
            body = malformed(body)
    headers = [kind, *page.headers]
    if page.location:
        headers.append(("Location", page.location))
    if page.status == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="lab"'))
    return _Answer(page.status, tuple(headers), body)
