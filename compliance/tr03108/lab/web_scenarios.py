"""Scenario keys for web pages: `autoconfig`, `autodiscover` and `webmail`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tr03108.lab.pki import Variant
from tr03108.lab.tables import build, exhausted, one_of, optional
from tr03108.lab.tls import TlsSettings
from tr03108.lab.tls_hello_config import HelloConfig, named
from tr03108.lab.web_documents import (
    autoconfig_document,
    autodiscover_document,
    autodiscover_json,
    autodiscover_redirect,
)
from tr03108.lab.web_server import ANY, BEFORE_HTTP, Page, WebFault, WebSite

AUTOCONFIG = "/mail/config-v1.1.xml"
WELL_KNOWN = f"/.well-known/autoconfig{AUTOCONFIG}"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
AUTODISCOVER_JSON = f"/autodiscover/autodiscover.json/{ANY}"
PLACES = {"autoconfig": ("host", "well-known"), "autodiscover": ("host", "domain")}
PLAIN = ("redirect", "refused", "content", "redirect-http", "redirect-elsewhere", "silent", "404")
ELSEWHERE = "https://elsewhere.example/"
HSTS = "max-age=31536000; includeSubDomains"
LOGIN = (
    b'<!DOCTYPE html><html lang="en"><head><title>Webmail</title></head><body><form method="post" action="/login">'
    b'<input name="user"><input name="password" type="password"><button>Log in</button></form></body></html>\n'
)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a web server presents in TLS: by OpenSSL, or by script where `hellos` is there."""

    certificate: Variant = Variant.GOOD
    tls: TlsSettings = field(default_factory=TlsSettings)
    hellos: HelloConfig | None = None

    @property
    def ordinary(self) -> bool:
        """Nothing but the certificate can be special."""
        return self == WebAnswer(self.certificate)


@dataclass(frozen=True, slots=True)
class WebHost:
    """One host with web pages: `secure` at port 443, `plain` at port 80, where None or a refusal is nothing. `tlsa` are
    texts of TLSA records for port 443."""

    name: str
    addresses: tuple[str, ...]
    alias: str | None
    answer: WebAnswer
    secure: WebSite | None = None
    plain: WebSite | None = None
    tlsa: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebScenario:
    """All web pages of a domain. `srv` are zone-file lines; `webmail` is its address, "" where there is none."""

    hosts: tuple[WebHost, ...] = ()
    srv: tuple[str, ...] = ()
    webmail: str = ""


class WebKeys:
    """Reads the keys of one scenario. `addresses` makes addresses of a name and wishes (None: the default), `name` an
    absolute name; `offered` are kind, host and port of the services that documents name by default."""

    def __init__(
        self,
        domain: str,
        addresses: Callable[[str, Sequence[str] | None], Mapping[str, str]],
        name: Callable[[str], str],
        offered: Sequence[tuple[str, str, int]],
    ) -> None:
        self._domain = domain
        self._addresses = addresses
        self._name = name
        self._offered = offered
        self._hosts: dict[str, WebHost] = {}
        self._srv: list[str] = []

    def read(self, table: dict[str, Any], *, default: bool) -> WebScenario:
        """Takes its keys out of a scenario's table; `default`: documents are there unless it says otherwise."""
        for what in PLACES:
            given = table.pop(what, default)
            if given is not False:
                self._document(what, {} if given is True else dict(given))
        webmail = table.pop("webmail", None)
        url = "" if webmail is None else self._webmail(dict(webmail))
        return WebScenario(tuple(self._hosts.values()), tuple(self._srv), url)

    def _document(self, what: str, table: dict[str, Any]) -> None:
        take = table.pop
        place = one_of(take("at", "host"), PLACES[what])
        path = AUTODISCOVER if what == "autodiscover" else AUTOCONFIG if place == "host" else WELL_KNOWN
        srv = take("srv", None) if what == "autodiscover" else None
        json = take("json", False) if what == "autodiscover" else False
        name = self._name(srv or (what if place == "host" else "@"))
        if srv is not None:
            self._srv.append(f"_autodiscover._tcp.{self._domain}. SRV 0 0 443 {name}.")
        location = take("redirect_to", "").replace("{domain}", self._domain)
        page = Page(
            body=self._text(what, table),
            content_type=take("content_type", "text/xml; charset=utf-8"),
            status=take("status", 302 if location else 200),
            method="" if location else "POST" if what == "autodiscover" else "GET",
            location=location,
        )
        secure = one_of(take("scheme", "https"), ("https", "http")) == "https"
        self._place(what, name, path, page, table, secure=secure)
        if json:
            pointer = Page(autodiscover_json(f"https://{name}{path}"), "application/json; charset=utf-8")
            self._place(what, name, AUTODISCOVER_JSON, pointer, {}, secure=secure)

    def _text(self, what: str, table: dict[str, Any]) -> bytes:
        """The body that the table asks for, in one way only: all others are unknown keys then."""
        if "text" in table:
            return str(table.pop("text")).replace("{domain}", self._domain).encode()
        if what == "autodiscover":
            for key, action in (("redirect_url", "redirectUrl"), ("redirect_address", "redirectAddr")):
                if key in table:
                    return autodiscover_redirect(action, table.pop(key).replace("{domain}", self._domain))
        make = autoconfig_document if what == "autoconfig" else autodiscover_document
        return make(self._domain, self._name, table.pop("settings", None), self._offered)

    def _webmail(self, table: dict[str, Any]) -> str:
        take = table.pop
        name, path, hsts = self._name(take("name", "webmail")), take("path", "/"), take("hsts", True)
        plain = one_of(take("plain", "redirect"), PLAIN)
        transport = (("Strict-Transport-Security", HSTS if hsts is True else hsts),) if hsts else ()
        page = Page(LOGIN, status=take("status", 200), headers=transport)
        self._place("webmail", name, path, page, table, secure=True, plain=_plain(plain, name, path))
        return f"https://{name}{path}"

    def _place(
        self,
        what: str,
        name: str,
        path: str,
        page: Page,
        table: dict[str, Any],
        *,
        secure: bool,
        plain: WebSite | None = None,
    ) -> None:
        """Adds a page to its host, with what the rest of `table` says about page and host."""
        take = table.pop
        fault = optional(WebFault, take("fault", None))
        alias, hellos = take("alias", None), take("hellos", None)
        before = fault if fault in BEFORE_HTTP else None
        site = WebSite({path: page if before else replace(page, fault=fault)}, before)
        if secure and fault is WebFault.REDIRECT_HTTP:  # a client that follows gets what it wants
            plain = WebSite({path: page})
        host = WebHost(
            name=name,
            addresses=tuple(self._addresses(name, take("addresses", None)).values()),
            alias=None if alias is None else self._name(alias),
            answer=WebAnswer(
                Variant(take("certificate", Variant.GOOD)),
                build(TlsSettings, take("tls", {})),
                None if hellos is None else named(hellos),
            ),
            secure=site if secure else None,
            plain=plain if secure else site,
            tlsa=tuple(take("tlsa", ())),
        )
        exhausted(what, table)
        self._hosts[name] = _together(self._hosts[name], host) if name in self._hosts else host


def _together(one: WebHost, other: WebHost) -> WebHost:
    """Two documents on one host. Raises ValueError where the host would have to be two."""
    if other.answer not in (one.answer, WebAnswer()) or other.alias not in (one.alias, None):
        raise ValueError(f"{one.name}: certificate, tls, hellos and alias belong to the first of its pages")
    return replace(
        one,
        secure=_joined(one.secure, other.secure),
        plain=_joined(one.plain, other.plain),
        tlsa=(*one.tlsa, *other.tlsa),
    )


def _joined(one: WebSite | None, other: WebSite | None) -> WebSite | None:
    if one is None or other is None:
        return one or other
    return WebSite({**one.pages, **other.pages}, one.fault or other.fault)


def _plain(what: str, name: str, path: str) -> WebSite | None:
    """What port 80 of a webmail host does."""
    match what:
        case "refused":
            return None
        case "silent":
            return WebSite(fault=WebFault.SILENT)
        case "404":
            return WebSite()
        case "content":
            return WebSite({path: Page(LOGIN)})
        case "redirect-http":
            return WebSite({path: Page(status=301, location=f"http://{name}/login"), "/login": Page(LOGIN)})
        case "redirect-elsewhere":
            return WebSite({ANY: Page(status=301, location=ELSEWHERE)})
        case _:
            return WebSite({ANY: Page(status=301, location=f"https://{name}{path}")})
