"""A domain as the user writes it, made into the one form that the rest of the product knows.

RFC 1035 section 2.3.4 (63 octets a label, 255 on the wire), RFC 1123 section 2.1 (letters, digits, hyphens),
UTS #46 and RFC 5891 for internationalised names.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import idna

from tr03108.model import UsageError

_LONGEST_NAME = 253  # characters without the trailing dot: 255 octets on the wire
_LONGEST_LABEL = 63
_SHOWN = 60
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def normalise(text: str) -> str:
    """Lower case, no trailing dot, internationalised labels as A-labels.

    Raises UsageError with one line that says what is wrong with the name.
    """
    name = text.strip()
    if not name:
        raise UsageError("a domain is empty")
    if "@" in name:
        raise _malformed(name, "give the domain alone, without the part before the @")
    if "/" in name:
        raise _malformed(name, "give the domain alone, not a URL")
    if _is_address(name):
        raise _malformed(name, "this is an IP address; give the domain whose mail is audited")
    if not name.isascii():
        name = _to_ascii(name)
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if not all(labels):
        raise _malformed(text, "a label is empty")
    if any(len(label) > _LONGEST_LABEL for label in labels):
        raise _malformed(text, f"a label is longer than {_LONGEST_LABEL} characters")
    if len(name) > _LONGEST_NAME:
        raise _malformed(text, f"it is longer than {_LONGEST_NAME} characters")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise _malformed(text, "labels are letters, digits and inner hyphens")
    if labels[-1].isdigit():
        raise _malformed(text, "the last label cannot be a number")
    return name


def normalise_all(texts: Iterable[str]) -> tuple[str, ...]:
    """Each domain once, in the order given."""
    return tuple(dict.fromkeys(normalise(text) for text in texts))


def _to_ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError as error:
        raise _malformed(name, str(error)) from None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _malformed(name: str, why: str) -> UsageError:
    shown = name.strip().encode("unicode_escape").decode("ascii") if not name.isprintable() else name.strip()
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    why = why.encode("unicode_escape").decode("ascii") if not why.isprintable() else why
    return UsageError(f"malformed domain {shown!r}: {why}")
