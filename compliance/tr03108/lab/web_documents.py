"""The documents that lead mail clients to their servers: Mozilla Autoconfig, Microsoft Autodiscover (MS-OXDSCLI)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from tr03108.model import SERVICE_KINDS

_SCHEMAS = "http://schemas.microsoft.com/exchange/autodiscover"
_TYPES = {"submission": "smtp", "imap": "imap", "pop3": "pop3"}  # by the family of the kind
_SSL = {"ssl=on": "on", "ssl=off": "off"}  # settings without Encryption

# Kind, host and port of services in the order in which they are named.
Offered = Sequence[tuple[str, str, int]]


def autoconfig_document(
    domain: str, name: Callable[[str], str], lines: Sequence[str] | None, offered: Offered
) -> bytes:
    """clientConfig version 1.1. A line is `type socketType host port`; without lines all `offered` services are named,
    those with TLS from the start first."""
    first = lines if lines is not None else _lines(offered, "SSL", "STARTTLS")
    servers = {"incomingServer": "", "outgoingServer": ""}
    for line in first:
        kind, security, host, port = _setting(line, name)
        element = "outgoingServer" if kind == "smtp" else "incomingServer"
        servers[element] += (
            f'    <{element} type="{escape(kind)}">\n      <hostname>{escape(host)}</hostname>\n'
            f"      <port>{escape(port)}</port>\n      <socketType>{escape(security)}</socketType>\n"
            "      <authentication>password-cleartext</authentication>\n"
            f"      <username>%EMAILADDRESS%</username>\n    </{element}>\n"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">\n'
        f'  <emailProvider id="{domain}">\n    <domain>{domain}</domain>\n'
        f"    <displayName>{domain}</displayName>\n    <displayShortName>{domain}</displayShortName>\n"
        f"{servers['incomingServer']}{servers['outgoingServer']}  </emailProvider>\n</clientConfig>\n"
    ).encode()


def autodiscover_document(
    domain: str, name: Callable[[str], str], lines: Sequence[str] | None, offered: Offered
) -> bytes:
    """The response with settings. A line is `type encryption host port`, where the encryption may be ssl=on or ssl=off
    too (an SSL element and no Encryption) or "-" (neither); without lines, those with TLS from the start are named."""
    blocks = ""
    for line in lines if lines is not None else _lines(offered, "SSL", None):
        kind, security, host, port = _setting(line, name)
        said = f"<SSL>{'off' if security.lower() == 'none' else 'on'}</SSL><Encryption>{escape(security)}</Encryption>"
        if security == "-":
            said = ""
        elif security in _SSL:
            said = f"<SSL>{_SSL[security]}</SSL>"
        blocks += (
            f"      <Protocol><Type>{escape(kind.upper())}</Type><Server>{escape(host)}</Server>"
            f"<Port>{escape(port)}</Port><SPA>off</SPA>{said}<AuthRequired>on</AuthRequired></Protocol>\n"
        )
    return _autodiscover(
        f"    <User><DisplayName>{domain}</DisplayName></User>\n"
        "    <Account><AccountType>email</AccountType><Action>settings</Action>\n"
        f"{blocks}    </Account>\n"
    )


def autodiscover_redirect(action: str, to: str) -> bytes:
    """The response that sends the client elsewhere: redirectUrl or redirectAddr, with the URL or mail address."""
    element = f"R{action[1:]}"
    return _autodiscover(
        f"    <Account><Action>{action}</Action><{element}>{escape(to)}</{element}></Account>\n",
    )


def autodiscover_json(url: str) -> bytes:
    """The answer of Autodiscover v2: where the one with XML is."""
    return json.dumps({"Protocol": "AutodiscoverV1", "Url": url}).encode()


def _autodiscover(content: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{_SCHEMAS}/responseschema/2006">\n'
        f'  <Response xmlns="{_SCHEMAS}/outlook/responseschema/2006a">\n{content}  </Response>\n</Autodiscover>\n'
    ).encode()


def _lines(offered: Offered, implicit: str, upgraded: str | None) -> list[str]:
    """Settings for services, those with TLS from the start first; `upgraded` None leaves the others out."""
    found: list[str] = []
    for wanted, security in ((True, implicit), (False, upgraded)):
        for name, host, port in offered if security is not None else ():
            kind = SERVICE_KINDS[name]
            if kind.implicit is wanted and kind.family in _TYPES:
                found.append(f"{_TYPES[kind.family]} {security} {host}. {port}")
    return found


def _setting(line: str, name: Callable[[str], str]) -> tuple[str, str, str, str]:
    """Type, security, host and port. A host is a name as in scenarios; with a placeholder (%) it is left alone."""
    try:
        kind, security, host, port = line.split()
    except ValueError as error:
        raise ValueError(f"settings: {line!r} is not TYPE SECURITY HOST PORT") from error
    return kind, security, host if "%" in host else name(host), port
