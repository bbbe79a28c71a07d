"""Microsoft Autodiscover: "plain old XML" (MS-OXDSCLI), and whether the later one with JSON answers.

Elements count by their local names, values whatever their case, as clients read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from . import web_address
from .client_configuration import Document, NotADocument, ReportsError, Security, Setting
from .host_name import host_name, port_number
from .markup import Element, read, shown

CONTENT_TYPE = "text/xml; charset=utf-8"  # of the request; there are servers that want it letter by letter
MAXIMUM_SETTINGS = 40  # of a document; nobody offers that many
LOCAL_PART = "postmaster"  # the address that exists in every domain (RFC 5321 section 4.5.1)

_SCHEMAS = "http://schemas.microsoft.com/exchange/autodiscover/"
_REQUEST = f"{_SCHEMAS}outlook/requestschema/2006"
_RESPONSE = f"{_SCHEMAS}outlook/responseschema/2006a"
_ENVELOPE = f"{_SCHEMAS}responseschema/2006"
_MOBILE = f"{_SCHEMAS}mobilesync/responseschema/2006"
_PATH = "/autodiscover/autodiscover.xml"

_FAMILIES = {"smtp": "submission", "imap": "imap", "pop3": "pop3"}
_ENCRYPTION = {
    "ssl": Security.IMPLICIT,
    "tls": Security.STARTTLS,
    "none": Security.PLAIN,
    "auto": Security.PLAIN,  # the client may go on without any
}
_SSL = {"": Security.IMPLICIT, "on": Security.IMPLICIT, "off": Security.PLAIN}  # on where it is missing
_ERROR_CODE = re.compile(r"[0-9]{1,10}\Z")
_ADDRESS = re.compile(r"([!-?A-~]{1,64})@([^@\s]{1,255})\Z")


def urls(domain: str) -> tuple[str, ...]:
    """Where clients send their request for a domain (in the form of dossiers), in their order."""
    return f"https://{domain}{_PATH}", f"https://autodiscover.{domain}{_PATH}"


def redirect_url(domain: str) -> str:
    """What clients GET when both are silent; only a redirect to https counts there."""
    return f"http://autodiscover.{domain}{_PATH}"


def srv_url(host: str, port: int) -> str:
    """The place that an SRV record `_autodiscover._tcp` names."""
    return web_address.WebAddress("https", host, port, _PATH).text


def json_url(domain: str) -> str:
    """Where Autodiscover v2 is asked for the place of the one with XML."""
    path = "/autodiscover/autodiscover.json/v1.0/"
    return f"https://autodiscover.{domain}{path}{LOCAL_PART}@{domain}?Protocol=AutodiscoverV1"


def request(address: str) -> bytes:
    """The XML that asks for the settings of a mail address."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{_REQUEST}"><Request>'
        f"<EMailAddress>{escape(address)}</EMailAddress>"
        f"<AcceptableResponseSchema>{_RESPONSE}</AcceptableResponseSchema></Request></Autodiscover>\n"
    ).encode()


def parse(body: bytes) -> Document:
    """Reads a response. Raises NotADocument, ReportsError, for an error that the server reports, too.

    The first Action decides; where it is missing, settings are taken for what is meant.
    """
    root = read(body)
    if (root.name, root.namespace) != ("Autodiscover", _ENVELOPE):
        raise NotADocument("its root element is not Autodiscover of responseschema/2006")
    response = root.first("Response")
    if response is None:
        raise NotADocument("it has no Response")
    error = response.first("Error")
    if error is not None:
        code = error.value("ErrorCode")
        raise ReportsError("the server reports an error" + (f", code {code}" if _ERROR_CODE.match(code) else ""))
    if response.namespace == _MOBILE:
        return Document((), foreign=True)  # for ActiveSync
    if response.namespace != _RESPONSE:
        raise NotADocument("its Response is not of outlook/responseschema/2006a")
    account = response.first("Account")
    if account is None:
        raise NotADocument("it has no Account")
    return _account(account)


def _account(account: Element) -> Document:
    action = account.value("Action").lower()
    if action == "redirecturl":
        return Document((), url=_url(account.value("RedirectUrl")))
    if action == "redirectaddr":
        return Document((), address=_address(account.value("RedirectAddr")))
    if action not in ("", "settings"):
        raise NotADocument("its Action is neither settings nor a redirect")
    protocols = list(account.all("Protocol"))
    if not protocols:
        raise NotADocument("it names no server")
    settings = tuple(_settings(protocols))
    if len(settings) > MAXIMUM_SETTINGS:
        raise NotADocument(f"it has more than {MAXIMUM_SETTINGS} settings")
    return Document(settings, foreign=not settings)


def _url(text: str) -> str:
    address = web_address.parse(text)
    if address is None or address.scheme != "https":
        raise NotADocument("it redirects, but to no https URL")
    return address.text


def _address(text: str) -> str:
    parts = _ADDRESS.match(text)
    host = host_name(parts[2]) if parts else ""
    if parts is None or not host:
        raise NotADocument("it redirects, but to no mail address")
    return f"{parts[1]}@{host}"


def _settings(protocols: list[Element]) -> Iterator[Setting]:
    for protocol in protocols:
        family = _FAMILIES.get(protocol.value("Type").lower())
        if family is None:
            continue
        server, port, ssl = protocol.value("Server"), protocol.value("Port"), protocol.value("SSL")
        encryption = protocol.value("Encryption")
        known, said = (_ENCRYPTION, encryption) if encryption else (_SSL, ssl)
        text = f"{protocol.value('Type')}: Server {server}, Port {port}"
        text += "".join(f", {name} {value}" for name, value in (("SSL", ssl), ("Encryption", encryption)) if value)
        security = known.get(said.lower(), Security.UNKNOWN)
        yield Setting(family, host_name(server), port_number(port), security, shown(text))


def parse_json(body: bytes) -> str | None:
    """The https URL that an answer of Autodiscover v2 names for its `Protocol`; None where it is no such answer."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("Protocol"), str):
        return None
    url = answer.get("Url")
    address = web_address.parse(url) if isinstance(url, str) else None
    return address.text if address is not None and address.scheme == "https" else None
