"""The lab's web server, asked as the prober asks: pages, hosts, and every way to be wrong."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tr03108.lab.pki import Pki
from tr03108.lab.tls import TlsSettings, by_server_name, context
from tr03108.lab.tls_hello_config import presets
from tr03108.lab.tls_hellos import hellos
from tr03108.lab.web_bodies import BAIT, INFLATED, OVERSIZED, external_entity, gzip_bomb, malformed, oversized, xml_bomb
from tr03108.lab.web_server import ANY, HTML, Page, WebFault, WebRequest, WebServer, WebSite
from tr03108.model import Handshake, ProbePlan
from tr03108.probe.http import Request, Response, converse
from tr03108.probe.net import Network
from tr03108.probe.tls import TlsClient

HOST, OTHER, ADDRESS = "www.lab.example", "other.lab.example", "192.0.2.1"
PKI = Pki(datetime.now(UTC))
CONTEXT = context(PKI.chain(HOST), TlsSettings())
DOCUMENT = b'<?xml version="1.0"?>\n<a><b>some text</b></a>\n'
LIMIT = 65536


@dataclass(frozen=True)
class Fetched:
    """How one request ended, what came, and what the server recorded."""

    ended: str
    response: Response
    handshake: Handshake | None
    requests: list[WebRequest]

    @property
    def header(self) -> Mapping[str, str]:
        return dict(self.response.headers)

    @property
    def body(self) -> bytes:
        return bytes(self.response.body)


def ask(
    sites: Mapping[str, WebSite],
    path: str = "/",
    method: str = "GET",
    host: str = HOST,
    body: bytes = b"",
    tls: object = CONTEXT,
    seconds: float = 2,
    limit: int = LIMIT,
) -> Fetched:
    async def run() -> Fetched:
        async with WebServer(sites, tls, patience=5) as server:  # type: ignore[arg-type]
            plan = ProbePlan(connect=(f":443=127.0.0.1:{server.port}",), timeout=seconds)
            async with Network(plan) as network:
                async with asyncio.timeout(10):
                    ended, response, handshake = await fetch(network)
        assert len(asyncio.all_tasks()) == 1
        return Fetched(ended, response, handshake, server.requests)

    async def fetch(network: Network) -> tuple[str, Response, Handshake | None]:
        request, response = Request(method, host, path, "*/*", limit, "text/plain" if body else "", body), Response()
        async with network.connect(host, ADDRESS, 443) as stream:
            if tls is None:
                return await converse(stream, request, response, seconds), response, None
            client = TlsClient(stream, host)
            handshake = await client.handshake(seconds)
            if handshake.ended != "completed":
                return handshake.ended, response, handshake
            return await converse(client, request, response, seconds), response, handshake

    return asyncio.run(run())


def faulty(fault: WebFault, **more: object) -> Fetched:
    return ask({HOST: WebSite({"/": Page(DOCUMENT, "text/xml", fault=fault)})}, **more)  # type: ignore[arg-type]


def test_pages() -> None:
    sites = {HOST: WebSite({"/a": Page(DOCUMENT, "text/xml", headers=(("X-Lab", "yes"),))})}
    seen = ask(sites, "/a?b=c")
    assert (seen.ended, seen.response.status, seen.body) == ("answered", 200, DOCUMENT)
    assert (seen.header["content-type"], seen.header["x-lab"]) == ("text/xml", "yes")
    (request,) = seen.requests
    assert (request.method, request.target, request.host) == ("GET", "/a?b=c", HOST)
    assert (request.secure, request.server_name, request.body) == (True, HOST, b"")
    assert request.headers["user-agent"] == "tr03108"
    assert ask(sites, "/b").response.status == 404


def test_the_page_of_all_other_paths() -> None:
    site = WebSite({"/a": Page(b"a"), ANY: Page(status=301, location="https://elsewhere.example/")})
    assert ask({HOST: site}, "/a").body == b"a"
    site = WebSite({**site.pages, f"/c/{ANY}": Page(b"c")})
    assert ask({HOST: site}, "/c/d").body == b"c"
    seen = ask({HOST: site}, "/b")
    assert (seen.response.status, seen.header["location"]) == (301, "https://elsewhere.example/")


def test_methods() -> None:
    sites = {
        HOST: WebSite({"/get": Page(DOCUMENT), "/post": Page(DOCUMENT, method="POST"), "/all": Page(b"a", method="")})
    }
    seen = ask(sites, "/post", "POST", body=b"question")
    assert (seen.response.status, seen.requests[0].body) == (200, b"question")
    assert seen.requests[0].headers["content-type"] == "text/plain"
    seen = ask(sites, "/post")
    assert (seen.response.status, seen.header["allow"]) == (405, "POST")
    seen = ask(sites, "/get", "HEAD")
    assert (seen.ended, seen.response.status, seen.body) == ("answered", 200, b"")
    assert [ask(sites, "/get", "POST").response.status, ask(sites, "/all", "POST").response.status] == [405, 200]


def test_who_is_to_log_in() -> None:
    seen = ask({HOST: WebSite({"/": Page(status=401)})})
    assert (seen.response.status, seen.header["www-authenticate"]) == (401, 'Basic realm="lab"')


def test_hosts_on_one_port() -> None:
    sites = {HOST: WebSite({"/": Page(b"one")}), OTHER: WebSite({"/": Page(b"other")})}
    default = context(PKI.chain("web.invalid"), TlsSettings())
    contexts = {host: context(PKI.chain(host), TlsSettings()) for host in sites}
    for tls in (by_server_name(default, contexts), None):
        assert [ask(sites, host=host, tls=tls).body for host in (HOST, OTHER)] == [b"one", b"other"]
        assert ask(sites, host="third.lab.example", tls=tls).response.status == 404


def test_in_the_clear() -> None:
    seen = ask({HOST: WebSite({"/": Page(DOCUMENT)})}, tls=None)
    assert (seen.body, seen.requests[0].secure, seen.requests[0].server_name) == (DOCUMENT, False, None)


def test_by_script() -> None:
    seen = ask({HOST: WebSite({"/": Page(DOCUMENT)})}, tls=hellos(presets()["flawless"], PKI, HOST))
    assert (seen.ended, seen.body) == ("answered", DOCUMENT)


@pytest.mark.parametrize(
    ("fault", "ended"),
    [(WebFault.RESET_ON_CONNECT, "reset"), (WebFault.SILENT, "silent"), (WebFault.NO_TLS, "garbage")],
)
def test_before_http(fault: WebFault, ended: str) -> None:
    seen = ask({HOST: WebSite(fault=fault)}, seconds=0.5)
    assert seen.handshake is not None
    assert (seen.handshake.ended, seen.requests) == (ended, [])


@pytest.mark.parametrize(
    ("fault", "ended", "status"),
    [
        (WebFault.CLOSE, "closed", None),
        (WebFault.TRUNCATED, "closed", 200),
        (WebFault.SLOW, "silent", 200),
        (WebFault.ENDLESS, "answered", 200),
        (WebFault.HEADERS_ENDLESS, "overflow", None),
        (WebFault.OVERSIZED, "answered", 200),
        (WebFault.GZIP_BOMB, "answered", 200),
        (WebFault.REDIRECT_LOOP, "answered", 302),
        (WebFault.XML_BOMB, "answered", 200),
        (WebFault.HTML, "answered", 200),
        (WebFault.STATUS_404, "answered", 404),
        (WebFault.STATUS_500, "answered", 500),
    ],
)
@pytest.mark.parametrize("tls", [CONTEXT, None], ids=["https", "http"])
def test_faults_of_pages(tls: object, fault: WebFault, ended: str, status: int | None) -> None:
    seen = faulty(fault, seconds=1, tls=tls)
    assert (seen.ended, seen.response.status) == (ended, status)
    assert len(seen.requests) == 1


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (WebFault.TRUNCATED, DOCUMENT),
        (WebFault.XML_BOMB, xml_bomb(DOCUMENT)),
        (WebFault.EXTERNAL_ENTITY, external_entity(DOCUMENT, HOST)),
        (WebFault.MALFORMED, malformed(DOCUMENT)),
        (WebFault.HTML, HTML),
        (WebFault.OVERSIZED, oversized(DOCUMENT)[:LIMIT]),
        (WebFault.ENDLESS, oversized(DOCUMENT)[:LIMIT]),
        (WebFault.GZIP_BOMB, gzip_bomb()[:LIMIT]),
    ],
)
def test_bodies(fault: WebFault, body: bytes) -> None:
    seen = faulty(fault)
    assert seen.body == body
    assert seen.response.truncated == (len(body) == LIMIT)
    assert ("content-encoding" in seen.header) == (fault is WebFault.GZIP_BOMB)


def test_redirects() -> None:
    here = f"https://{HOST}/"
    assert faulty(WebFault.REDIRECT_LOOP).header["location"] == here
    assert faulty(WebFault.REDIRECT_HTTP).header["location"] == f"http://{HOST}/"
    chain = [faulty(WebFault.REDIRECT_CHAIN, path=path).header["location"] for path in ("/", "/?1", "/?2", "/?x")]
    assert chain == [f"{here}?{hop}" for hop in (1, 2, 3, 1)]


def test_the_bomb_of_a_gibibyte() -> None:
    assert len(gzip_bomb()) < 2 * 2**20
    size = 0
    with gzip.open(io.BytesIO(gzip_bomb())) as inflated:  # which proves the checksum, too
        while block := inflated.read(2**24):
            size += len(block)
    assert size == INFLATED


def test_the_bomb_of_entities_is_well_formed() -> None:
    small = xml_bomb(DOCUMENT).replace(b"&e9;", b"&e1;")
    root = ElementTree.fromstring(small)
    assert "".join(root.itertext()) == "some text" + "lol" * 10
    assert xml_bomb(DOCUMENT).count(b"<!ENTITY") == 10
    assert len(oversized(b"")) == OVERSIZED


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "Cookie"])
def test_what_an_auditor_must_not_send(name: str) -> None:
    request = WebRequest("POST", "/a", HOST, {name.lower(): "Basic AGEAYg=="}, b"", True)
    assert list(request.violations) == [f"POST https://{HOST}/a: {name.lower()}"]


def test_what_an_auditor_must_not_fetch() -> None:
    assert BAIT.encode() in external_entity(DOCUMENT, HOST)
    seen = ask({HOST: WebSite({"/": Page(DOCUMENT)})}, BAIT)
    assert list(seen.requests[0].violations) == [f"GET https://{HOST}{BAIT}: external entity"]
    assert list(ask({HOST: WebSite({"/": Page(DOCUMENT)})}).requests[0].violations) == []


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x00\xff", b"GET / HTTP/1.1\r\n\r\n", b"A" * 200000, b"\r\n\r\n"])
def test_junk_does_no_harm(junk: bytes) -> None:
    async def run() -> list[WebRequest]:
        async with WebServer({HOST: WebSite({"/": Page(b"a")})}, None, patience=1) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(junk)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        return server.requests

    assert asyncio.run(run()) == []
