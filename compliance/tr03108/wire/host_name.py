"""Host names and ports as strangers write them, in settings and in URLs, read into the form of dossiers."""

from __future__ import annotations

import re

import idna

_LONGEST_NAME = 253  # characters without the trailing dot: 255 octets on the wire (RFC 1035 section 2.3.4)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")  # RFC 1123 section 2.1
# A name that ends so is no name: programs read it as an IPv4 address, some the hexadecimal forms, too.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")


def host_name(text: str) -> str:
    """Lower case, internationalised labels as A-labels (UTS #46), no trailing dot; "" where it is no host name.

    A literal address is no host name. A single label is one: it resolves nowhere outside, but names a host.
    """
    if len(text) > _LONGEST_NAME + 1:
        return ""
    name = text
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, transitional=False).decode("ascii")
        except UnicodeError:  # idna.IDNAError is one
            return ""
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.match(label) for label in labels) or _NUMBER.match(labels[-1]):
        return ""
    return name


def port_number(text: str) -> int | None:
    """1 to 65535 from at most five plain digits, else None."""
    if not _PORT.match(text):
        return None
    return int(text) if 1 <= int(text) <= 65535 else None
