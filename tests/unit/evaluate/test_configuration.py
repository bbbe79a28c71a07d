"""Autoconfig and Autodiscover: what was found at each place, and at which of them a client ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tr03108.evaluate.configuration import Configuration, Location, Locations
from tr03108.model import Failure, HttpExchange, Reason
from tr03108.wire import autoconfig, autodiscover
from unit.evaluate.chains import Maker, der
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import TIMEOUT, V4, Dns, exchange, handshake, refused, seen

DOMAIN, OTHER = "one.example", "other.example"
CONFIG, DISCOVER = f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}"
SERVER = "<hostname>imap.one.example</hostname><port>993</port><socketType>SSL</socketType>"
XML = (
    f'<clientConfig version="1.1"><emailProvider id="x"><incomingServer type="imap">{SERVER}</incomingServer>'
    "</emailProvider></clientConfig>"
).encode()
MAKER = Maker(NOW)
ROOTS = (der(MAKER.root),)
NAMES = (DOMAIN, CONFIG, DISCOVER, OTHER, f"autodiscover.{OTHER}", "srv.example")
GOOD = (der(MAKER.leaf(MAKER.intermediate, names=NAMES)), der(MAKER.intermediate))
BAD = (der(MAKER.leaf(MAKER.intermediate, names=("else.example",))), der(MAKER.intermediate))
NOT_HERE = exchange(status=404)


def pox(account: str) -> bytes:
    """An answer of Autodiscover."""
    schemas = "http://schemas.microsoft.com/exchange/autodiscover"
    response = f'<Response xmlns="{schemas}/outlook/responseschema/2006a"><Account>{account}</Account></Response>'
    return f'<Autodiscover xmlns="{schemas}/responseschema/2006">{response}</Autodiscover>'.encode()


IMAP = "<Protocol><Type>IMAP</Type><Server>imap.one.example</Server><Port>993</Port><SSL>on</SSL></Protocol>"
SETTINGS = pox(f"<Action>settings</Action>{IMAP}")
FOREIGN = pox("<Action>settings</Action><Protocol><Type>EXCH</Type></Protocol>")


def to_url(url: str) -> bytes:
    return pox(f"<Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl>")


def to_address(domain: str) -> bytes:
    return pox(f"<Action>redirectAddr</Action><RedirectAddr>postmaster@{domain}</RedirectAddr>")


def page(body: bytes = b"", status: int = 200, chain: tuple[bytes, ...] = GOOD, **headers: str) -> HttpExchange:
    return exchange(status=status, body=body, tls=handshake(chain=chain), **headers)


def plain(body: bytes = b"", status: int = 200, **headers: str) -> HttpExchange:
    return exchange("http://web.example/", status, body, **headers)


class Site:
    """Answers by host and question; hosts have one address each, all other pages are 404."""

    def __init__(self, **answers: object) -> None:
        self.dns = Dns()
        for name in NAMES:
            self.dns.host(name, V4)
        self.answers: dict[str, object] = {}
        self.asked: list[str] = []

    def put(self, host: str, question: str, answer: object, port: int = 443) -> Site:
        self.answers[f"web/{host}/{V4}/{port}/{question}"] = answer
        return self

    def _get(self, key: str) -> Any:
        self.asked.append(key)
        return seen({key: self.answers.get(key, page(status=404) if "/443/" in key else plain(status=404))})[key]

    def locations(self, domain: str = DOMAIN) -> Locations:
        return Locations(domain, (4, 6), self.dns, self._get)

    @property
    def autoconfig(self) -> Configuration:
        return self.locations().autoconfig()

    @property
    def autodiscover(self) -> Configuration:
        return self.locations().autodiscover()


def config(answer: object) -> Configuration:
    return Site().put(CONFIG, "autoconfig.1.1", answer).autoconfig


def ended(configuration: Configuration) -> tuple[str, str]:
    found = configuration.offered(ROOTS, NOW)
    return found.state, found.code


def test_the_places_of_both() -> None:
    site = Site()
    pages = [location.visit.page.text for location in (*site.autoconfig.locations, *site.autodiscover.locations)]
    assert pages == [
        *autoconfig.urls(DOMAIN),
        *autoconfig.plain_urls(DOMAIN),
        *autodiscover.urls(DOMAIN),
        autodiscover.redirect_url(DOMAIN),
    ]
    assert ended(site.autoconfig) == ended(site.autodiscover) == ("nothing", "")


FOUND = {
    "document": (page(XML), "document", ""),
    "missing": (page(status=404), "nothing", ""),
    "refused": (refused(), "nothing", ""),
    "for people": (page(b"\xef\xbb\xbf\n<!DOCTYPE HTML><html>"), "nothing", ""),
    "for people, long": (exchange(body=b"<html>", truncated=True, tls=handshake(chain=GOOD)), "nothing", ""),
    "a server's error": (page(status=503), "broken", "CONFIGURATION_STATUS"),
    "half": (page(XML[:90]), "broken", "CONFIGURATION_INVALID"),
    "empty": (page(b""), "broken", "CONFIGURATION_INVALID"),
    "encoded": (page(XML, Content_Encoding="gzip"), "broken", "CONFIGURATION_INVALID"),
    "identity": (page(XML, Content_Encoding="identity"), "document", ""),
    "bomb": (page(b'<!DOCTYPE x [<!ENTITY a "b">]>' + XML), "broken", "CONFIGURATION_INVALID"),
    "cut off": (exchange(body=XML, truncated=True, tls=handshake(chain=GOOD)), "broken", "CONFIGURATION_INVALID"),
    "headers without end": (exchange(status=None, ended="overflow"), "broken", "CONFIGURATION_INVALID"),
    "no HTTP": (exchange(status=None, ended="garbage"), "broken", "CONFIGURATION_INVALID"),
    "no TLS": (exchange(status=None, ended="closed", tls=handshake("alert")), "nothing", ""),
    "circle": (page(status=302, Location=autoconfig.urls(DOMAIN)[0]), "broken", "CONFIGURATION_REDIRECT"),
    "to plain HTTP": (page(status=302, Location="http://one.example/"), "broken", "CONFIGURATION_REDIRECT"),
    "to nowhere": (page(status=302), "broken", "CONFIGURATION_REDIRECT"),
    "silent": (TIMEOUT, "unseen", ""),
    "other certificate": (page(XML, chain=BAD), "broken", "CONFIGURATION_CERTIFICATE"),
    "no certificate": (page(XML, chain=()), "broken", "CONFIGURATION_CERTIFICATE"),
    "login": (page(status=401), "nothing", ""),  # no client logs in to fetch it, so it may be anybody's 401
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found_at_one_place(name: str) -> None:
    answer, state, code = FOUND[name]
    assert ended(config(answer)) == (state, code)


def test_what_the_domains_own_web_server_says_of_pages_that_it_lacks() -> None:
    long = exchange(body=b"<!-- made by hand --><html>" + b"x" * 9000, truncated=True, tls=handshake(chain=GOOD))
    texts = [page(body) for body in (b"", b"OK", b'{"error": 404}', b"<?xml version='1.0'?><rss/>")]
    for answer in (page(status=503), page(status=302), exchange(status=None, ended="garbage"), long, *texts):
        assert ended(Site().put(DOMAIN, "autoconfig.2.1", answer).autoconfig) == ("nothing", "")


def test_a_document_that_was_meant_to_be_one_is_broken_at_the_domain_itself_as_well() -> None:
    for body in (XML[:90], XML.replace(b"</", b"<", 1), b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + XML):
        found = Site().put(DOMAIN, "autoconfig.2.1", page(body)).autoconfig
        assert ended(found) == ("broken", "CONFIGURATION_INVALID")


NO_SETTINGS = (
    b"",
    b"It works!",
    b'{"error": 404}',
    b"<!-- shop --><!DOCTYPE html><html>",
    b"<?xml version='1.0'?><!DOCTYPE html><html>",
)


@pytest.mark.parametrize("body", NO_SETTINGS)
def test_what_speaks_of_no_settings_is_nothing_at_the_domain_itself(body: bytes) -> None:
    site = Site().put(DOMAIN, "autoconfig.2.1", page(body)).put(DOMAIN, "autodiscover.1.1", page(body))
    assert ended(site.autoconfig) == ended(site.autodiscover) == ("nothing", "")


def test_a_document_cut_in_half_is_broken_at_the_domain_itself_too() -> None:
    for body in (XML[:90], XML[:90].decode().encode("utf-16")):
        assert ended(Site().put(DOMAIN, "autoconfig.2.1", page(body)).autoconfig) == ("broken", "CONFIGURATION_INVALID")


def test_plain_http_is_no_document() -> None:
    site = Site().put(CONFIG, "autoconfig.3.1", plain(XML), 80)
    assert ended(site.autoconfig) == ("broken", "CONFIGURATION_HTTP_ONLY")
    assert site.autoconfig.documents, "whose servers are meant is known all the same"


def test_plain_http_that_leads_to_https_is_no_document_of_autoconfig() -> None:
    site = Site().put(CONFIG, "autoconfig.3.1", plain(status=301, Location=f"https://{OTHER}/"), 80)
    site.put(OTHER, "autoconfig.3.2", page(XML))
    assert ended(site.autoconfig) == ("broken", "CONFIGURATION_HTTP_ONLY")


def test_the_certificate_is_judged_on_the_date_asked_for() -> None:
    found = config(page(XML))
    assert found.offered(ROOTS, NOW).state == "document"
    assert found.offered(ROOTS, NOW + timedelta(days=11)).code == "CONFIGURATION_CERTIFICATE"
    assert found.offered((), NOW).code == "CONFIGURATION_CERTIFICATE"


ORDER: list[tuple[object, object, str]] = [
    (page(XML, chain=BAD), page(XML), "document"),
    (TIMEOUT, page(XML), "document"),
    (page(status=503), TIMEOUT, "unseen"),
    (TIMEOUT, page(status=404), "unseen"),
    (page(XML, chain=BAD), page(status=404), "broken"),
]


@pytest.mark.parametrize(("first", "second", "state"), ORDER)
def test_the_place_that_counts(first: object, second: object, state: str) -> None:
    site = Site().put(CONFIG, "autoconfig.1.1", first).put(DOMAIN, "autoconfig.2.1", second)
    assert ended(site.autoconfig)[0] == state


def discover(answer: object) -> Site:
    return Site().put(DISCOVER, "autodiscover.2.1", answer)


def test_autodiscover_that_wants_a_login() -> None:
    assert ended(discover(page(status=401)).autodiscover) == ("credentials", "")
    assert ended(discover(page(status=401, chain=BAD)).autodiscover) == ("broken", "CONFIGURATION_CERTIFICATE")
    bare = Site().put(DISCOVER, "autodiscover-plain.1.1", plain(status=401), 80)
    assert ended(bare.autodiscover) == ("broken", "CONFIGURATION_HTTP_ONLY")


def test_autodiscover_led_to_https_by_plain_http() -> None:
    site = Site().put(DISCOVER, "autodiscover-plain.1.1", plain(status=302, Location=f"https://{OTHER}/x"), 80)
    site.put(OTHER, "autodiscover-plain.1.2", page(SETTINGS))
    assert ended(site.autodiscover) == ("document", "")


def test_autodiscover_itself_over_plain_http() -> None:
    site = Site().put(DISCOVER, "autodiscover-plain.1.1", plain(SETTINGS), 80)
    assert ended(site.autodiscover) == ("broken", "CONFIGURATION_HTTP_ONLY")


class TestSentOn:
    """Documents of Autodiscover that name another place."""

    @pytest.mark.parametrize(
        ("sends", "host", "question"),
        [
            (to_url(f"https://{OTHER}/x"), OTHER, "autodiscover.2-url.1"),
            (to_address(OTHER), OTHER, "autodiscover.2-address.1.1"),
            (to_address(OTHER), f"autodiscover.{OTHER}", "autodiscover.2-address.2.1"),
        ],
    )
    def test_the_document_at_the_end_counts(self, sends: bytes, host: str, question: str) -> None:
        site = discover(page(sends)).put(host, question, page(SETTINGS))
        found = site.autodiscover.offered(ROOTS, NOW)
        assert (found.state, found.visit.page.host) == ("document", host)
        assert found.document is not None
        assert [setting.host for setting in found.document.settings] == ["imap.one.example"]

    @pytest.mark.parametrize("sends", [to_url(f"https://{OTHER}/x"), to_address(OTHER)])
    def test_to_where_nothing_is(self, sends: bytes) -> None:
        """A document without settings is none that configures anything."""
        assert ended(discover(page(sends)).autodiscover) == ("broken", "CONFIGURATION_REDIRECT")

    def test_to_where_nobody_answers(self) -> None:
        site = discover(page(to_url(f"https://{OTHER}/x"))).put(OTHER, "autodiscover.2-url.1", TIMEOUT)
        assert ended(site.autodiscover) == ("unseen", "")

    def test_by_a_place_that_no_client_trusts(self) -> None:
        site = discover(page(to_url(f"https://{OTHER}/x"), chain=BAD))
        site.put(OTHER, "autodiscover.2-url.1", page(SETTINGS))
        assert ended(site.autodiscover) == ("broken", "CONFIGURATION_CERTIFICATE")

    def test_by_a_document_in_the_clear(self) -> None:
        site = Site().put(DISCOVER, "autodiscover-plain.1.1", plain(to_url(f"https://{OTHER}/x")), 80)
        site.put(OTHER, "autodiscover-plain.1-url.1", page(SETTINGS))
        assert ended(site.autodiscover) == ("broken", "CONFIGURATION_HTTP_ONLY")
        assert site.autodiscover.documents[-1].settings, "but it is known whose servers are meant"

    def test_to_plain_http(self) -> None:
        assert ended(discover(page(to_url(f"http://{OTHER}/x"))).autodiscover) == ("broken", "CONFIGURATION_INVALID")

    @pytest.mark.parametrize("sends", [to_url(f"https://{DISCOVER}/x"), to_address(DOMAIN)])
    def test_without_end(self, sends: bytes) -> None:
        site = Site()
        site._get = lambda key: seen({key: page(sends)})[key]  # type: ignore[method-assign]
        assert ended(site.autodiscover) == ("broken", "CONFIGURATION_REDIRECT")
        assert len(site.autodiscover.locations) < 100


def srv(text: str = "0 0 443 srv.example.", status: str = "secure") -> Site:
    site = Site().put("srv.example", "autodiscover-srv.1", page(SETTINGS))
    site.dns.put(f"_autodiscover._tcp.{DOMAIN}", "SRV", *([text] if text else []), status=status)
    return site


def test_autodiscover_by_srv() -> None:
    assert ended(srv().autodiscover) == ("document", "")
    assert ended(srv(status="insecure").autodiscover) == ("document", "")
    assert ended(srv("0 0 443 .").autodiscover) == ("nothing", "")


@pytest.mark.parametrize("text", ["0 0 443 srv.example.", "0 0 443 .", ""])
def test_srv_records_that_nobody_can_believe(text: str) -> None:
    site = srv(text, "bogus")
    assert ended(site.autodiscover) == ("unseen", "")
    assert not any("srv.example" in key for key in site.asked)
    assert site.autodiscover.lookup_failed


def test_srv_that_nobody_saw() -> None:
    site = Site()
    site.dns.hide(f"_autodiscover._tcp.{DOMAIN}", "SRV")
    assert ended(site.autodiscover) == ("unseen", "")
    assert site.autodiscover.lookup_failed
    site.put(DISCOVER, "autodiscover.2.1", page(SETTINGS))
    assert ended(site.autodiscover) == ("document", "")


FAILED: dict[str, tuple[Callable[[], Configuration], bool]] = {
    "nothing anywhere": (lambda: Site().autoconfig, False),
    "one place silent": (lambda: config(TIMEOUT), True),
    "read over HTTPS": (lambda: Site().put(CONFIG, "autoconfig.1.1", page(XML)).autoconfig, False),
    "read at the second place": (
        lambda: Site().put(CONFIG, "autoconfig.1.1", TIMEOUT).put(DOMAIN, "autoconfig.2.1", page(XML)).autoconfig,
        False,
    ),
    "read in the clear alone": (
        lambda: Site().put(CONFIG, "autoconfig.1.1", TIMEOUT).put(CONFIG, "autoconfig.3.1", plain(XML), 80).autoconfig,
        True,
    ),
    "sent on to silence": (
        lambda: discover(page(to_url(f"https://{OTHER}/x"))).put(OTHER, "autodiscover.2-url.1", TIMEOUT).autodiscover,
        True,
    ),
}


@pytest.mark.parametrize("name", FAILED)
def test_whether_services_may_be_named_of_which_we_do_not_know(name: str) -> None:
    make, failed = FAILED[name]
    assert bool(make().lookup_failed) is failed


def test_settings_for_others_are_a_document() -> None:
    found = discover(page(FOREIGN)).autodiscover.offered(ROOTS, NOW)
    assert isinstance(found, Location)
    assert (found.state, found.document is not None and found.document.foreign) == ("document", True)


@pytest.mark.parametrize("length", [243, 249])
def test_domains_so_long_that_no_prefix_fits(length: int) -> None:
    domain = (("a" * 49 + ".") * 6)[:length]
    assert Site().locations(domain).autoconfig().locations
    assert Site().locations(domain).json().end == "no-address"


def test_addresses_that_the_public_cannot_reach() -> None:
    """At the domain itself they are no place of a configuration; a host of its own is one that was not looked at."""
    private = Failure(Reason.NOT_GLOBAL, "not contacted", (), "connect")
    assert ended(Site().put(DOMAIN, "autoconfig.2.1", private).autoconfig) == ("nothing", "")
    assert ended(Site().put(CONFIG, "autoconfig.1.1", private).autoconfig) == ("unseen", "")


def test_an_error_of_autodiscover_is_about_one_address_alone() -> None:
    schemas = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
    error = (
        f'<Autodiscover xmlns="{schemas}"><Response><Error><ErrorCode>500</ErrorCode></Error></Response></Autodiscover>'
    )
    assert ended(discover(page(error.encode())).autodiscover) == ("unseen", "")
