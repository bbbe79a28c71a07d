"""Addresses of web pages: http and https URLs as strangers write them, and where a response sends us (RFC 3986)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from .host_name import host_name, port_number

MAXIMUM_OCTETS = 2000  # of a URL; no page that we ask for needs more
REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110 section 15.4

_PORTS = {"http": 80, "https": 443}
_PARTS = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?\Z", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"([^:@\[\]]+)(?::([0-9]*))?\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE | re.ASCII)  # section 3.1
_REFUSED = re.compile(r"[\x00-\x20\x7f]")
_PRINTABLE = "".join(chr(number) for number in range(0x21, 0x7F))

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WebAddress:
    """`scheme` is "http" or "https", `host` in the form of dossiers, `target` path and query as they are sent:
    printable ASCII that begins with "/"."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The host, with the port only where it is not the scheme's own."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """The URL."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(url: str) -> WebAddress | None:
    """Reads a URL; None where it is none of http or https, is too long, or has user information, a literal address
    or characters that no URL has. Its fragment is dropped, what is not ASCII is encoded (UTF-8)."""
    if len(url) > MAXIMUM_OCTETS or _REFUSED.search(url):
        return None
    parts = _PARTS.match(url)
    authority = _AUTHORITY.match(parts[2]) if parts else None
    if parts is None or authority is None:
        return None
    scheme, host = parts[1].lower(), host_name(authority[1])
    port = port_number(authority[2]) if authority[2] else _PORTS[scheme]
    if not host or port is None:
        return None
    try:
        target = quote(_without_dots(parts[3]) + (parts[4] or ""), safe=_PRINTABLE)
    except UnicodeEncodeError:  # half a surrogate pair, as JSON can have it
        return None
    address = WebAddress(scheme, host, port, target)
    return address if len(address.text) <= MAXIMUM_OCTETS else None


def header(headers: Headers, name: str) -> str | None:
    """The first header of that name, however it is written; None where there is none."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def redirected(address: WebAddress, status: int | None, headers: Headers) -> WebAddress | None:
    """Where a response from `address` sends the client; None where it sends it nowhere that can be asked.

    Several Location headers that differ send nowhere, as browsers have it.
    """
    places = {value.strip(" \t") for key, value in headers if key.lower() == "location"}
    if status not in REDIRECTS or len(places) != 1:
        return None
    reference = _as_utf8(places.pop())
    if not reference or len(reference) > MAXIMUM_OCTETS:
        return None
    return parse(_resolved(address, reference))


def _as_utf8(reference: str) -> str:
    """Headers come as Latin-1; what is not ASCII in them is in truth nearly always UTF-8."""
    try:
        return reference.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return reference


def _resolved(base: WebAddress, reference: str) -> str:
    """RFC 3986 section 5.2.2; dot segments go where the result is parsed."""
    if _SCHEME.match(reference):
        return reference
    if reference.startswith("//"):
        return f"{base.scheme}:{reference}"
    origin = WebAddress(base.scheme, base.host, base.port, "").text
    path, question, query = base.target.partition("?")
    if reference.startswith("/"):
        return origin + reference
    if reference.startswith("?"):
        return origin + path + reference
    if reference.startswith("#"):
        return origin + path + question + query
    return origin + path[: path.rindex("/") + 1] + reference


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4 for a path that is empty or begins with "/"; the empty one becomes "/"."""
    kept: list[str] = []
    segments = path.split("/")[1:] or [""]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
