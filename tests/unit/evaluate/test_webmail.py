"""Webmail: what port 80 does, and the header of HSTS."""

from __future__ import annotations

import pytest

from tr03108.evaluate.clients import Webmail
from tr03108.evaluate.webmail import hsts, plain_page
from tr03108.model import Failure, HttpExchange, Reason
from tr03108.wire.web_address import parse
from unit.evaluate.web_pages import TIMEOUT, V4, exchange, observed, refused

LOGIN = b'<form action="/"><input type="password"></form>'


def webmail(plain: object = None, secured: object = None, url: str = "https://webmail.example.org/") -> Webmail:
    page = parse(url)
    assert page is not None
    seen = [None if value is None else observed("web", value) for value in (secured, plain)]
    return Webmail("example.org", page, V4, *seen)


def answer(status: int | None, body: bytes = b"", ended: str = "answered", **headers: str) -> HttpExchange:
    return exchange("http://webmail.example.org/", status, body, ended, **headers)


def to(place: str, body: bytes = b"") -> HttpExchange:
    return answer(301, body, Location=place)


PAGES: dict[str, tuple[object, str, str | None]] = {
    "not asked": (None, "WEBMAIL_UNSEEN", None),
    "silent": (TIMEOUT, "WEBMAIL_UNSEEN", None),
    "budget": (Failure(Reason.BUDGET, ""), "WEBMAIL_UNSEEN", None),
    "no answer": (answer(None, ended="silent"), "WEBMAIL_UNSEEN", None),
    "garbage": (answer(None, ended="garbage"), "WEBMAIL_UNSEEN", None),
    "half an answer": (answer(404, ended="closed"), "WEBMAIL_UNSEEN", None),
    "nobody": (refused("http://webmail.example.org/"), "OK", "PORT_REFUSED"),
    "missing": (answer(404, b"nothing here"), "OK", "PAGE_REFUSED"),
    "upgrade": (answer(426), "OK", "PAGE_REFUSED"),
    "search form on an error page": (answer(404, b'<form><input type="text"></form>'), "OK", "PAGE_REFUSED"),
    "error page with a login": (answer(403, LOGIN), "WEBMAIL_PLAINTEXT", "PAGE_IN_CLEAR"),
    "login": (answer(200, LOGIN), "WEBMAIL_PLAINTEXT", "PAGE_IN_CLEAR"),
    "any page": (answer(200), "WEBMAIL_PLAINTEXT", "PAGE_IN_CLEAR"),
    "basic login": (answer(401), "WEBMAIL_PLAINTEXT", "PAGE_IN_CLEAR"),
    "error of the server": (answer(500), "WEBMAIL_UNSEEN", None),
    "to HTTPS": (to("https://webmail.example.org/"), "OK", "REDIRECT_TO_HTTPS"),
    "below": (to("https://login.webmail.example.org/"), "OK", "REDIRECT_TO_HTTPS"),
    "the mail domain": (to("https://example.org/mail"), "OK", "REDIRECT_TO_HTTPS"),
    "of the mail domain": (to("https://sso.example.org:8443/"), "OK", "REDIRECT_TO_HTTPS"),
    "elsewhere": (to("https://example.net/"), "WEBMAIL_REDIRECT_ELSEWHERE", None),
    "a like name": (to("https://notexample.org/"), "WEBMAIL_REDIRECT_ELSEWHERE", None),
    "a like name behind": (to("https://example.org.example.net/"), "WEBMAIL_REDIRECT_ELSEWHERE", None),
    "to HTTP": (to("http://webmail.example.org/login"), "WEBMAIL_PLAINTEXT", "REDIRECT_IN_CLEAR"),
    "with a login": (to("https://webmail.example.org/", LOGIN), "WEBMAIL_PLAINTEXT", "REDIRECT_IN_CLEAR"),
    "to nowhere": (answer(302), "WEBMAIL_UNSEEN", None),
    "to an address": (to("http://192.0.2.1/"), "WEBMAIL_UNSEEN", None),
}


@pytest.mark.parametrize("name", PAGES)
def test_without_tls(name: str) -> None:
    plain, code, reason = PAGES[name]
    found = plain_page(webmail(plain))
    assert (found.code, found.reason) == (code, reason)
    assert (found.because is not None) is (code == "WEBMAIL_UNSEEN")


def test_a_neighbour_may_be_anybody() -> None:
    """Below co.uk all are neighbours; who belongs together cannot be read from names alone."""
    found = plain_page(webmail(to("https://anybody.co.uk/"), url="https://provider.co.uk/"))
    assert found.code == "WEBMAIL_REDIRECT_ELSEWHERE"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("max-age=31536000", "OK"),
        ('includeSubDomains; MAX-AGE = "1"'.replace(" = ", "="), "OK"),
        ("max-age=0", "HSTS_MISSING"),
        ("x-max-age=5", "HSTS_MISSING"),
        ("max-age=-1", "HSTS_MISSING"),
        (f"max-age={'9' * 5000}", "HSTS_MISSING"),
        ("", "HSTS_MISSING"),
    ],
)
def test_hsts(value: str, code: str) -> None:
    found = hsts(webmail(secured=exchange(Strict_Transport_Security=value)))
    assert (found.code, len(found.value) <= 200) == (code, True)


@pytest.mark.parametrize("secured", [None, TIMEOUT, refused(), exchange(status=None, ended="garbage")])
def test_hsts_unseen(secured: object) -> None:
    found = hsts(webmail(secured=secured))
    assert (found.code, found.because is not None) == ("WEBMAIL_UNSEEN", True)


def test_no_hsts_at_all() -> None:
    assert hsts(webmail(secured=exchange())).code == "HSTS_MISSING"


def test_a_page_over_https_that_leads_to_plain_http_is_used_in_the_clear() -> None:
    closed = refused("http://webmail.example.org/")
    for place, code in (("http://mail.example.net/", "WEBMAIL_PLAINTEXT"), ("https://mail.example.net/", "OK")):
        assert plain_page(webmail(closed, to(place))).code == code
