"""What our requests see at nginx with webmail and clients' configuration equals what it was told to serve."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from interop.certificates import Authority
from interop.client_documents import IMPLICIT, PLAIN, STARTTLS, Account, autoconfig, autodiscover
from interop.client_servers import client_addresses
from interop.programs import server_folder
from interop.web_servers import HTTP, HTTPS, REDIRECT, SERVE, Site, web_sites
from tr03108.model import SERVICE_KINDS, ClientSession, HttpExchange, ProbePlan
from tr03108.probe.client import client_session
from tr03108.probe.http import Request, Response, converse
from tr03108.probe.https import get
from tr03108.probe.net import Network
from tr03108.probe.tls import TlsClient

DOMAIN = "interop.example"
AUTOCONFIG, AUTODISCOVER = f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}"
WEBMAIL, CLEAR_WEBMAIL = f"webmail.{DOMAIN}", f"clear.{DOMAIN}"
MOZILLA, POX, LOGIN = "/mail/config-v1.1.xml", "/autodiscover/autodiscover.xml", "/index.html"
ACCOUNTS = (
    Account("imap", f"imap.{DOMAIN}", 993, IMPLICIT),
    Account("pop3", f"pop.{DOMAIN}", 110, PLAIN),
    Account("smtp", f"smtp.{DOMAIN}", 587, STARTTLS),
)
FORM = '<form method="post"><input name="user"><input name="password" type="password"></form>\n'
HSTS = "max-age=31536000; includeSubDomains"
FILES = {
    AUTOCONFIG: {MOZILLA: autoconfig(DOMAIN, ACCOUNTS)},
    AUTODISCOVER: {POX: autodiscover(ACCOUNTS)},
    WEBMAIL: {LOGIN: FORM},
    CLEAR_WEBMAIL: {LOGIN: FORM},
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where nginx has all sites: the clear one without redirection and HSTS, the others with redirection."""
    (address,) = client_addresses(1)
    with server_folder() as folder:
        authority = Authority(folder / "pki")
        sites = [
            Site(
                host,
                authority.issue(host),
                files,
                clear=SERVE if host == CLEAR_WEBMAIL else REDIRECT,
                hsts=HSTS if host == WEBMAIL else "",
            )
            for host, files in FILES.items()
        ]
        with web_sites(sites, address, folder / "nginx"):
            yield address


def network() -> Network:
    return Network(ProbePlan(allow_private=True, resolvers=("127.0.0.1:53",)))


@dataclass(frozen=True)
class Heard:
    """How a request ended, and what came of the response."""

    ended: str
    status: int | None
    headers: dict[str, str]
    body: str


def ask(address: str, host: str, port: int, request: Request) -> Heard:
    async def run() -> Heard:
        response = Response()
        async with network() as connected, connected.connect(host, address, port) as stream:
            if port == HTTP:
                ended = await converse(stream, request, response, 15)
            else:
                client = TlsClient(stream, host)
                assert (await client.handshake(15)).ended == "completed"
                ended = await converse(client, request, response, 15)
        return Heard(ended, response.status, dict(response.headers), response.body.decode())

    return asyncio.run(run())


@pytest.mark.parametrize(("host", "path"), [(host, path) for host, files in FILES.items() for path in files])
def test_files_over_https(address: str, host: str, path: str) -> None:
    async def run() -> object:
        async with network() as connected:
            return await get(connected, host, address, HTTPS, path)

    seen = asyncio.run(run())
    assert isinstance(seen, HttpExchange), seen
    assert (seen.ended, seen.status, seen.body.decode()) == ("answered", 200, FILES[host][path])
    assert seen.handshake is not None
    assert (seen.handshake.version, seen.handshake.suite) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    headers = {name.lower(): value for name, value in seen.headers}
    assert headers["content-type"] == ("text/xml" if path.endswith(".xml") else "text/html")
    assert headers.get("strict-transport-security") == (HSTS if host == WEBMAIL else None)


def test_autodiscover_is_asked_by_post(address: str) -> None:
    question = Request("POST", AUTODISCOVER, POX, "*/*", 65536, "text/xml", b"<Autodiscover/>")
    heard = ask(address, AUTODISCOVER, HTTPS, question)
    assert (heard.ended, heard.status, heard.body) == ("answered", 200, FILES[AUTODISCOVER][POX])
    assert heard.headers["content-type"] == "text/xml"


@pytest.mark.parametrize("host", FILES)
def test_what_is_there_without_tls(address: str, host: str) -> None:
    (path,) = FILES[host]
    heard = ask(address, host, HTTP, Request("GET", host, path, "*/*", 65536))
    assert heard.ended == "answered"
    if host == CLEAR_WEBMAIL:
        assert (heard.status, heard.body) == (200, FORM)
    else:
        assert (heard.status, heard.headers["location"]) == (301, f"https://{host}{path}")


def test_a_file_that_is_not_there(address: str) -> None:
    assert ask(address, AUTOCONFIG, HTTPS, Request("GET", AUTOCONFIG, POX, "*/*", 65536)).status == 404


def test_the_handshake_alone(address: str) -> None:
    async def run() -> object:
        async with network() as connected:
            return await client_session(SERVICE_KINDS["https"], connected, WEBMAIL, address, HTTPS)

    seen = asyncio.run(run())
    assert isinstance(seen, ClientSession), seen
    assert (seen.state, seen.ended, seen.lines, seen.inside) == ("handshake", "done", (), ())
    assert seen.handshake is not None
    assert (seen.handshake.ended, seen.handshake.server_name) == ("completed", WEBMAIL)
