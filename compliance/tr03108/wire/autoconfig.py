"""Mozilla Autoconfig: where a provider keeps the document, and which servers it names.

Read as Thunderbird does and as draft-ietf-mailmaint-autoconfig wants it: what is unknown is passed over, values of
`type` and `socketType` keep their case.
"""

from __future__ import annotations

from collections.abc import Iterator

from .client_configuration import Document, NotADocument, Security, Setting
from .host_name import host_name, port_number
from .markup import Element, read, shown

MAXIMUM_SETTINGS = 40  # of a document; nobody offers that many
LOCAL_PART = "postmaster"  # the address that exists in every domain (RFC 5321 section 4.5.1)

_PATH = "mail/config-v1.1.xml"
# The places of the provider itself, first choice first; "{domain}" is the mail domain, "{address}" is for the query.
URLS = (
    f"https://autoconfig.{{domain}}/{_PATH}?emailaddress={{address}}",
    f"https://{{domain}}/.well-known/autoconfig/{_PATH}",
)

_FAMILIES = {
    ("incomingServer", "imap"): "imap",
    ("incomingServer", "pop3"): "pop3",
    ("outgoingServer", "smtp"): "submission",
}
_SERVERS = {element for element, _ in _FAMILIES}
_SECURITIES = {"SSL": Security.IMPLICIT, "STARTTLS": Security.STARTTLS, "plain": Security.PLAIN}


def urls(domain: str) -> tuple[str, ...]:
    """Where clients look for the document of a domain (in the form of dossiers), in their order."""
    return tuple(url.format(domain=domain, address=f"{LOCAL_PART}%40{domain}") for url in URLS)


def plain_urls(domain: str) -> tuple[str, ...]:
    """The same places without TLS, where older clients look, too."""
    return tuple(url.replace("https:", "http:", 1) for url in urls(domain))


def parse(body: bytes, domain: str) -> Document:
    """Reads a document for `domain`. Raises NotADocument.

    The version is not looked at: no client does, and the draft forbids to reject a document for it. Nor is it asked
    whether the document is meant for the domain (its elements `domain`).
    """
    root = read(body)
    if root.name != "clientConfig":
        raise NotADocument("its root element is not clientConfig")
    provider = root.first("emailProvider")
    if provider is None:
        raise NotADocument("it has no emailProvider")
    servers = [child for child in provider.children if child.name in _SERVERS]
    if not servers:
        raise NotADocument("it names no server")
    settings = tuple(_settings(servers, domain))
    if len(settings) > MAXIMUM_SETTINGS:
        raise NotADocument(f"it has more than {MAXIMUM_SETTINGS} settings")
    return Document(settings, foreign=not settings)


def _settings(servers: list[Element], domain: str) -> Iterator[Setting]:
    for server in servers:
        kind = server.attributes.get("type", "")
        family = _FAMILIES.get((server.name, kind))
        if family is None:
            continue
        # Clients take the first way that they know.
        ways = [way.text for way in server.all("socketType")]
        security = next((_SECURITIES[way] for way in ways if way in _SECURITIES), Security.UNKNOWN)
        host, port = _replaced(server.value("hostname"), domain), server.value("port")
        text = f"{server.name} {kind}: hostname {host}, port {port}, socketType {' '.join(ways) or 'missing'}"
        yield Setting(family, host_name(host), port_number(port), security, shown(text))


def _replaced(text: str, domain: str) -> str:
    """Placeholders of the address replaced by its parts."""
    text = text.replace("%EMAILADDRESS%", f"{LOCAL_PART}@{domain}")
    return text.replace("%EMAILLOCALPART%", LOCAL_PART).replace("%EMAILDOMAIN%", domain)
