"""Webmail: what is served without TLS, and whether browsers are told to use nothing else (RFC 6797)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..model import Failure, HttpExchange, Observation
from ..wire.web_address import WebAddress, header, redirected
from .clients import Webmail, within
from .starttls import FAILURE_CODES

_LOGIN = re.compile(rb"<form\b|type\s*=\s*[\"']?password", re.IGNORECASE)
_PASSWORD = re.compile(rb"type\s*=\s*[\"']?password", re.IGNORECASE)
_REFUSALS = (400, 403, 404, 410, 421, 426)  # nothing is to be had here, and nothing is asked
_MAX_AGE = re.compile(r"(?:\A|;)\s*max-age\s*=\s*\"?([0-9]{1,12})\"?\s*(?:;|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlainPage:
    """What a browser gets without TLS. `code`: "OK", "WEBMAIL_PLAINTEXT", "WEBMAIL_REDIRECT_ELSEWHERE" or
    "WEBMAIL_UNSEEN"; `reason` says why, `target` where it is sent."""

    code: str
    reason: str | None = None
    target: str = ""
    status: int | None = None
    because: str | None = None


def plain_page(webmail: Webmail) -> PlainPage:
    """Judges the answer at port 80."""
    if webmail.plain is None:
        return PlainPage("WEBMAIL_UNSEEN", because="NOT_PROBED")
    exchange = webmail.plain.value
    if exchange is None:
        return PlainPage("WEBMAIL_UNSEEN", because=_because(webmail.plain.failure))
    if exchange.ended == "refused":
        return PlainPage("OK", "PORT_REFUSED")
    status = exchange.status
    if exchange.ended != "answered" or status is None:
        return PlainPage(
            "WEBMAIL_UNSEEN", because="SERVICE_TIMEOUT" if exchange.ended == "silent" else "SERVICE_ABORTED"
        )
    page = WebAddress("http", webmail.page.host, 80, webmail.page.target)
    target = redirected(page, status, exchange.headers)
    if target is None:
        return _without_redirect(status, exchange.body)
    if target.scheme != "https" or _LOGIN.search(exchange.body):
        return PlainPage("WEBMAIL_PLAINTEXT", "REDIRECT_IN_CLEAR", target.text, status)
    if _same_site(target.host, webmail):
        return PlainPage("OK", "REDIRECT_TO_HTTPS", target.text, status)
    return PlainPage("WEBMAIL_REDIRECT_ELSEWHERE", None, target.text, status)


def _without_redirect(status: int, body: bytes) -> PlainPage:
    if status in _REFUSALS and _PASSWORD.search(body):  # a page that asks for one, whatever its status says
        return PlainPage("WEBMAIL_PLAINTEXT", "PAGE_IN_CLEAR", status=status)
    if status in _REFUSALS:
        return PlainPage("OK", "PAGE_REFUSED", status=status)
    if 200 <= status < 300 or status == 401:  # 401: a browser would send name and password in the clear
        return PlainPage("WEBMAIL_PLAINTEXT", "PAGE_IN_CLEAR", status=status)
    return PlainPage("WEBMAIL_UNSEEN", because="PAGE_STATUS", status=status)


def _same_site(host: str, webmail: Webmail) -> bool:
    """The host itself, one below it, or one of the mail domain. One beside it may be anybody's, as below co.uk."""
    return any(within(host, site) for site in (webmail.page.host, webmail.domain))


@dataclass(frozen=True, slots=True)
class Hsts:
    """`code`: "OK", "HSTS_MISSING" or "WEBMAIL_UNSEEN"; `value` is the header as sent, at most 200 characters."""

    code: str
    value: str = ""
    because: str | None = None


def hsts(webmail: Webmail) -> Hsts:
    """Judges the header of the answer over HTTPS."""
    seen: Observation[HttpExchange] | None = webmail.secured
    if seen is None:
        return Hsts("WEBMAIL_UNSEEN", because="NOT_PROBED")
    exchange = seen.value
    if exchange is None:
        return Hsts("WEBMAIL_UNSEEN", because=_because(seen.failure))
    if exchange.ended != "answered":
        known = {"refused": "PORT_REFUSED", "silent": "SERVICE_TIMEOUT"}
        return Hsts("WEBMAIL_UNSEEN", because=known.get(exchange.ended, "SERVICE_ABORTED"))
    value = header(exchange.headers, "Strict-Transport-Security") or ""
    age = _MAX_AGE.search(value)
    return Hsts("OK" if age is not None and int(age[1]) > 0 else "HSTS_MISSING", value[:200])


def _because(failure: Failure | None) -> str | None:
    return FAILURE_CODES[failure.reason] if failure is not None else None
