"""Scenarios with web pages: Autoconfig, Autodiscover and webmail, right and wrong, as a prober sees them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from cryptography import x509

from tr03108.lab.pki import Variant
from tr03108.lab.scenarios import Scenario
from tr03108.lab.web_scenarios import AUTOCONFIG, AUTODISCOVER, HSTS, LOGIN, WELL_KNOWN
from tr03108.lab.web_server import WebFault
from tr03108.lab.world import World
from tr03108.model import Handshake
from tr03108.probe.http import Response
from tr03108.probe.net import Network
from tr03108.wire import autoconfig, autodiscover
from tr03108.wire.client_configuration import Setting
from unit.lab.one_scenario import ask_dns, fetch, in_world, read

DOMAIN = "one.example"
CONFIG, DISCOVER = f"https://autoconfig.{DOMAIN}{AUTOCONFIG}", f"https://autodiscover.{DOMAIN}{AUTODISCOVER}"
WEBMAIL = f"https://webmail.{DOMAIN}/"
CLIENTS = "clients = [{}]\n"
Seen = tuple[str, Response, Handshake | None]


def address_of(scenario: Scenario, url: str) -> str:
    name = url.split("/")[2]
    hosts = (*scenario.clients.web, *scenario.clients.hosts, *scenario.hosts)
    return next(host.addresses[0] for host in hosts if host.name == name)


def seen(scenario: Scenario, url: str, method: str = "", body: bytes = b"", seconds: float = 2) -> Seen:
    method = method or ("POST" if url.endswith(AUTODISCOVER) else "GET")
    body = body or (b"<question/>" if method == "POST" else b"")

    async def work(_: World, network: Network) -> Seen:
        return await fetch(network, address_of(scenario, url), url, method, body)

    return in_world(scenario, work, seconds)


def answer(folder: Path, text: str, url: str, method: str = "") -> Response:
    ended, response, _ = seen(read(folder, text), url, method)
    assert ended == "answered"
    return response


def said(settings: tuple[Setting, ...]) -> list[str]:
    return [f"{each.family} {each.security.value} {each.host}:{each.port}" for each in settings]


def configured(folder: Path, text: str, url: str = CONFIG) -> list[str]:
    return said(autoconfig.parse(bytes(answer(folder, text, url).body), DOMAIN).settings)


def discovered(folder: Path, text: str, url: str = DISCOVER) -> list[str]:
    return said(autodiscover.parse(bytes(answer(folder, text, url).body)).settings)


# Reading


def test_defaults(tmp_path: Path) -> None:
    one = read(tmp_path, "")
    assert (one.clients.web, one.clients.webmail, one.plan) == ((), "", {})
    one = read(tmp_path, CLIENTS)
    assert [host.name for host in one.clients.web] == [f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}"]
    assert len({address for host in one.clients.web for address in host.addresses}) == 2
    assert all(host.plain is None for host in one.clients.web)
    assert "webmail" not in one.plan


def test_without_documents(tmp_path: Path) -> None:
    one = read(tmp_path, f"{CLIENTS}autoconfig = false\nautodiscover = false")
    assert one.clients.web == ()
    assert in_world(one, lambda world, _: ask_dns(world, f"autoconfig.{DOMAIN}", "A")) == []


def test_webmail_is_in_the_plan(tmp_path: Path) -> None:
    one = read(tmp_path, 'webmail = { path = "/login" }')
    assert one.plan == {"webmail": (f"https://webmail.{DOMAIN}/login",)}
    one = read(tmp_path, 'webmail = {}\nplan = { webmail = ["https://a.example/"], mode = "full" }')
    assert one.plan == {"webmail": ("https://a.example/",), "mode": "full"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("autoconfig = { setting = [] }", "setting"),
        ('autoconfig = { fault = "slwo" }', "slwo"),
        ('autoconfig = { at = "domain" }', "domain"),
        ('autodiscover = { at = "well-known" }', "well-known"),
        ('autoconfig = { srv = "a" }', "srv"),
        ('autoconfig = { settings = ["imap SSL mail"] }', "imap SSL mail"),
        ('autoconfig = { scheme = "ftp" }', "ftp"),
        ('autodiscover = { certificate = "god" }', "god"),
        ('webmail = { plain = "maybe" }', "maybe"),
        ("webmail = { paht = 1 }", "paht"),
        (
            'autoconfig = { at = "well-known" }\nautodiscover = { at = "domain", certificate = "expired" }',
            "belong to the first",
        ),
    ],
)
def test_unknown_words_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"scenario one.*{complaint}"):
        read(tmp_path, text)


# Documents


def test_flawless_documents(tmp_path: Path) -> None:
    assert configured(tmp_path, CLIENTS) == [
        f"imap implicit mail.{DOMAIN}:993",
        f"pop3 implicit mail.{DOMAIN}:995",
        f"imap starttls mail.{DOMAIN}:143",
        f"pop3 starttls mail.{DOMAIN}:110",
        f"submission implicit mail.{DOMAIN}:465",
        f"submission starttls mail.{DOMAIN}:587",
    ]
    assert sorted(discovered(tmp_path, CLIENTS)) == [
        f"imap implicit mail.{DOMAIN}:993",
        f"pop3 implicit mail.{DOMAIN}:995",
        f"submission implicit mail.{DOMAIN}:465",
    ]


def test_documents_name_what_there_is(tmp_path: Path) -> None:
    clients = 'clients = [{ name = "imap", services = ["imaps", "sieve"], ports = { imaps = 10993 } }]\n'
    assert configured(tmp_path, clients) == discovered(tmp_path, clients) == [f"imap implicit imap.{DOMAIN}:10993"]


def test_settings(tmp_path: Path) -> None:
    settings = (
        'settings = ["imap plain mail 143", "smtp SSL smtp.elsewhere.example. 465", "pop3 SSL %EMAILDOMAIN% 995"]'
    )
    assert configured(tmp_path, f"autoconfig = {{ {settings} }}") == [
        f"imap plain mail.{DOMAIN}:143",
        f"pop3 implicit {DOMAIN}:995",
        "submission implicit smtp.elsewhere.example:465",
    ]
    lines = ["imap ssl=off mail 143", "imap ssl=on @ 993", "pop3 - mail 995", "smtp TLS a 587", "smtp None a 25"]
    assert discovered(tmp_path, f"autodiscover = {{ settings = {lines} }}") == [
        f"imap plain mail.{DOMAIN}:143",
        f"imap implicit {DOMAIN}:993",
        f"pop3 implicit mail.{DOMAIN}:995",
        f"submission starttls a.{DOMAIN}:587",
        f"submission plain a.{DOMAIN}:25",
    ]


def test_other_bodies(tmp_path: Path) -> None:
    one = answer(tmp_path, 'autoconfig = { text = "of {domain}", content_type = "text/plain", status = 203 }', CONFIG)
    assert (one.status, bytes(one.body), dict(one.headers)["content-type"]) == (203, b"of one.example", "text/plain")


def test_autodiscover_is_posted(tmp_path: Path) -> None:
    assert answer(tmp_path, CLIENTS, DISCOVER, "GET").status == 405
    assert answer(tmp_path, CLIENTS, DISCOVER.replace("discover.xml", "discover.json"), "POST").status == 404
    one = answer(tmp_path, "autodiscover = { status = 401 }", DISCOVER)
    assert (one.status, "www-authenticate" in dict(one.headers)) == (401, True)


def test_documents_at_the_domain(tmp_path: Path) -> None:
    text = f'{CLIENTS}autoconfig = {{ at = "well-known" }}\nautodiscover = {{ at = "domain" }}'
    one = read(tmp_path, text)
    (host,) = one.clients.web
    assert in_world(one, lambda world, _: ask_dns(world, DOMAIN, "A")) == list(host.addresses)
    assert len(configured(tmp_path, text, f"https://{DOMAIN}{WELL_KNOWN}")) == 6
    assert len(discovered(tmp_path, text, f"https://{DOMAIN}{AUTODISCOVER}")) == 3


def test_a_document_where_services_are(tmp_path: Path) -> None:
    one = read(tmp_path, 'clients = [{ name = "@" }]\nautoconfig = { at = "well-known" }')
    assert one.clients.web[0].addresses == one.clients.hosts[0].addresses
    assert seen(one, f"https://{DOMAIN}{WELL_KNOWN}")[0] == "answered"


def test_only_in_the_clear(tmp_path: Path) -> None:
    text = 'autoconfig = { scheme = "http", settings = [] }'
    assert answer(tmp_path, text, CONFIG.replace("https", "http")).status == 200
    assert seen(read(tmp_path, text), CONFIG)[0] == "refused"
    assert seen(read(tmp_path, CLIENTS), CONFIG.replace("https", "http"))[0] == "refused"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_documents_elsewhere(tmp_path: Path, method: str) -> None:
    text = f'autodiscover = {{ scheme = "http", redirect_to = "https://{{domain}}{AUTODISCOVER}" }}'
    one = answer(tmp_path, text, DISCOVER.replace("https", "http"), method)
    assert (one.status, dict(one.headers)["location"]) == (302, f"https://{DOMAIN}{AUTODISCOVER}")


def test_autodiscover_by_srv(tmp_path: Path) -> None:
    text = f'{CLIENTS}srv = []\nautodiscover = {{ srv = "discover" }}'
    one = read(tmp_path, text)
    assert one.clients.srv == (f"_autodiscover._tcp.{DOMAIN}. SRV 0 0 443 discover.{DOMAIN}.",)
    assert in_world(one, lambda world, _: ask_dns(world, f"autodiscover.{DOMAIN}", "A")) == []
    assert len(discovered(tmp_path, text, f"https://discover.{DOMAIN}{AUTODISCOVER}")) == 3


@pytest.mark.parametrize(
    ("key", "url", "address"),
    [
        ("redirect_url", "https://discover.one.example/a.xml", ""),
        ("redirect_address", "", "someone@one.example"),
    ],
)
def test_documents_that_lead_elsewhere(tmp_path: Path, key: str, url: str, address: str) -> None:
    to = (url or address).replace(DOMAIN, "{domain}")
    document = autodiscover.parse(bytes(answer(tmp_path, f'autodiscover = {{ {key} = "{to}" }}', DISCOVER).body))
    assert (document.url, document.address, document.settings) == (url, address, ())


def test_autodiscover_with_json(tmp_path: Path) -> None:
    url = autodiscover.json_url(DOMAIN)
    found = answer(tmp_path, f"{CLIENTS}autodiscover = {{ json = true }}", url)
    assert json.loads(bytes(found.body))["Url"] == DISCOVER
    assert answer(tmp_path, CLIENTS, url).status == 404


def test_aliases(tmp_path: Path) -> None:
    one = read(tmp_path, 'autoconfig = { alias = "autoconfig.provider.example.", settings = [] }')
    records = in_world(one, lambda world, _: ask_dns(world, f"autoconfig.{DOMAIN}", "A"))
    assert records == ["autoconfig.provider.example."]
    one = read(tmp_path, 'autoconfig = { alias = "real", settings = [] }')
    records = in_world(one, lambda world, _: ask_dns(world, f"autoconfig.{DOMAIN}", "A"))
    assert records == sorted([*one.clients.web[0].addresses, f"real.{DOMAIN}."])


@pytest.mark.parametrize("what", ["autoconfig", "autodiscover", "webmail"])
@pytest.mark.parametrize(
    ("fault", "ended", "status"),
    [
        ("refused", "refused", None),
        ("reset-on-connect", "reset", None),
        ("silent", "silent", None),
        ("no-tls", "garbage", None),
        ("close", "closed", None),
        ("truncated", "closed", 200),
        ("status-404", "answered", 404),
        ("redirect-loop", "answered", 302),
        ("endless", "answered", 200),
        ("html", "answered", 200),
        ("headers-endless", "overflow", None),
    ],
)
def test_faults(tmp_path: Path, what: str, fault: str, ended: str, status: int | None) -> None:
    scenario = read(tmp_path, f'{CLIENTS}{what} = {{ fault = "{fault}" }}')
    url = {"autoconfig": CONFIG, "autodiscover": DISCOVER, "webmail": WEBMAIL}[what]
    found, response, _ = seen(scenario, url, seconds=1)
    assert (found, response.status) == (ended, status)
    # The other document is as it should be.
    assert seen(scenario, CONFIG if what == "autodiscover" else DISCOVER)[1].status == 200


@pytest.mark.parametrize("fault", ["xml-bomb", "external-entity", "malformed", "html"])
def test_what_is_no_document(tmp_path: Path, fault: str) -> None:
    body = bytes(answer(tmp_path, f'{CLIENTS}autoconfig = {{ fault = "{fault}" }}', CONFIG).body)
    with pytest.raises(autoconfig.NotADocument):
        autoconfig.parse(body, DOMAIN)


def test_a_redirect_to_http_leads_to_the_page(tmp_path: Path) -> None:
    text = f'{CLIENTS}autoconfig = {{ fault = "redirect-http" }}'
    location = dict(answer(tmp_path, text, CONFIG).headers)["location"]
    assert location == CONFIG.replace("https", "http")
    assert len(configured(tmp_path, text, location)) == 6


@pytest.mark.parametrize(
    "keys", ['tls = { maximum = "TLSv1.2" }', 'hellos = "flawless"', 'certificate = "self-signed"']
)
def test_tls(tmp_path: Path, keys: str) -> None:
    ended, response, handshake = seen(read(tmp_path, f"{CLIENTS}webmail = {{ {keys} }}"), WEBMAIL)
    assert handshake is not None
    assert (ended, response.status) == ("answered", 200)
    assert (handshake.version == "TLSv1.2") == ("1.2" in keys)
    assert (len(handshake.chain) == 1) == ("self" in keys)
    leaf = x509.load_der_x509_certificate(handshake.chain[0])
    assert leaf.subject.rfc4514_string() == f"CN=webmail.{DOMAIN}"


def test_tlsa(tmp_path: Path) -> None:
    one = read(tmp_path, 'webmail = { tlsa = ["3 1 1", "3 1 1 mismatch"] }')
    records = in_world(one, lambda world, _: ask_dns(world, f"_443._tcp.webmail.{DOMAIN}", "TLSA"))
    assert [record.startswith("3 1 1 ") for record in records] == [True, True]


# Webmail


@pytest.mark.parametrize(
    ("plain", "ended", "status", "location"),
    [
        ("redirect", "answered", 301, WEBMAIL),
        ("redirect-http", "answered", 301, f"http://webmail.{DOMAIN}/login"),
        ("redirect-elsewhere", "answered", 301, "https://elsewhere.example/"),
        ("content", "answered", 200, None),
        ("404", "answered", 404, None),
        ("silent", "silent", None, None),
        ("refused", "refused", None, None),
    ],
)
def test_webmail_in_the_clear(tmp_path: Path, plain: str, ended: str, status: int | None, location: str | None) -> None:
    scenario = read(tmp_path, f'webmail = {{ plain = "{plain}" }}')
    found, response, _ = seen(scenario, WEBMAIL.replace("https", "http"), seconds=1)
    assert (found, response.status, dict(response.headers).get("location")) == (ended, status, location)
    if location is not None and location.startswith("http:"):
        assert bytes(seen(scenario, location)[1].body) == LOGIN


def test_webmail(tmp_path: Path) -> None:
    one = answer(tmp_path, "webmail = {}", WEBMAIL)
    assert (one.status, bytes(one.body), dict(one.headers)["strict-transport-security"]) == (200, LOGIN, HSTS)
    one = answer(tmp_path, "webmail = { hsts = false }", WEBMAIL)
    assert "strict-transport-security" not in dict(one.headers)
    one = answer(tmp_path, 'webmail = { hsts = "max-age=0" }', WEBMAIL)
    assert dict(one.headers)["strict-transport-security"] == "max-age=0"


def test_https_of_a_client_host(tmp_path: Path) -> None:
    url = f"https://mail.{DOMAIN}/"
    clients = 'clients = [{{ services = ["imaps", "https"], faults = {{ {} }} }}]\n'
    assert answer(tmp_path, clients.format(""), url).status == 200
    assert answer(tmp_path, clients.format('https = "status-500"'), url).status == 500
    one = read(tmp_path, clients.format('https = "refused"'))
    assert one.clients.hosts[0].answer.web_fault is WebFault.REFUSED
    assert one.clients.hosts[0].answer.certificate is Variant.GOOD
    assert seen(one, url)[0] == "refused"
    one = read(tmp_path, clients.format("") + 'webmail = { name = "mail" }')
    with pytest.raises(ValueError, match=r"two servers for .*, port 443"):
        seen(one, url)


def test_what_was_asked_is_recorded(tmp_path: Path) -> None:
    scenario = read(tmp_path, CLIENTS + "webmail = {}")

    async def run() -> None:
        async with World((scenario,)) as world:
            to = {line.partition("=")[0]: int(line.rpartition(":")[2]) for line in world.connect}
            port = to[f"{address_of(scenario, WEBMAIL)}:80"]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /?q HTTP/1.1\r\nHost: webmail.{DOMAIN}\r\nAuthorization: Basic QQ==\r\n\r\n".encode())
            await reader.read()
            writer.close()
            (request,) = world.web_requests
            assert (request.method, request.target, request.host) == ("GET", "/?q", f"webmail.{DOMAIN}")
            assert world.violations == (f"GET http://webmail.{DOMAIN}/?q: authorization",)

    asyncio.run(run())
