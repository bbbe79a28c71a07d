"""TLSRPT: the TXT record at `_smtp._tls.<domain>`, read to the letter of RFC 8460 section 3."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from .host_name import host_name

SCHEMES = ("mailto", "https")  # that senders support
_BEGINNING = b"v=TLSRPTv1;"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+\Z")
# RFC 3986 section 3, where RFC 8460 forbids ",", "!" and ";" unless percent-encoded.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@$&'()*+=-]|%[0-9A-Fa-f]{2})+\Z")
_MAILBOX = re.compile(r"[^@]+@[^@]+\Z")
_HTTPS = re.compile(r"//[^/?#]+")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")  # Dot-string, RFC 5321 section 4.1.2
_LONGEST_LOCAL_PART = 64  # octets, RFC 5321 section 4.5.3.1.1


@dataclass(frozen=True, slots=True)
class TlsRptRecord:
    """A TLSRPT record: the report URIs as written, in order, and what is wrong with it (empty: valid)."""

    rua: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def schemes(self) -> tuple[str, ...]:
        """Scheme of each URI, lower case."""
        return tuple(uri.partition(":")[0].lower() for uri in self.rua)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox (RFC 5321 section 4.1.2) that may stand in an SMTP command as it is; `domain` in the form of
    dossiers."""

    local_part: str
    domain: str

    @property
    def text(self) -> str:
        return f"{self.local_part}@{self.domain}"


def mailbox_of(uri: str) -> Mailbox | None:
    """The one mailbox that a mailto URI names (RFC 6068 section 2); None where it is none, or no plain address."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() != "mailto" or not _URI.match(uri):
        return None
    try:
        address = unquote_to_bytes(rest.partition("?")[0]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    local_part, _, domain = address.rpartition("@")
    name = host_name(domain)
    if not name or len(local_part) > _LONGEST_LOCAL_PART or not _LOCAL_PART.match(local_part):
        return None
    return Mailbox(local_part, name)


def tlsrpt_records(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of the TXT records (strings joined) that count: others must be discarded (section 3).

    Among several TXT records only those count that begin with "v=TLSRPTv1;"; without one of these all count that were
    meant to, so that what is wrong with them is told.
    """
    found = tuple(text for text in texts if re.match(rb"v=TLSRPTv1[ \t]*(?:;|\Z)", text))
    return tuple(text for text in found if text.startswith(_BEGINNING)) or found


def parse_record(text: bytes, *, alone: bool = True) -> TlsRptRecord:
    """Reads one TXT record (its strings joined).

    `alone`: the name has no other TXT record. Beside one, senders discard what does not begin with "v=TLSRPTv1;".
    """
    try:
        fields = [field.strip(" \t") for field in text.decode("ascii").split(";")]
    except UnicodeDecodeError:
        return TlsRptRecord((), ("octets outside ASCII",))
    errors: list[str] = []
    if fields[0] != "v=TLSRPTv1":
        errors.append("does not begin with v=TLSRPTv1;")
    elif not alone and not text.startswith(_BEGINNING):
        errors.append("does not begin with v=TLSRPTv1; and is not the only TXT record, so senders discard it")
    if fields[-1] == "" and len(fields) > 1:
        fields.pop()  # one delimiter may end the record
    elif text.endswith((b" ", b"\t")):
        errors.append("white space at the end")
    uris: list[str] = []
    seen = False
    for field in fields[1:]:
        name, equals, value = field.partition("=")
        if not equals or not _NAME.match(name):
            errors.append(f"not a field: {field[:80]!r}")
        elif name == "rua":
            if seen:
                errors.append("more than one rua")
            if value.startswith((" ", "\t")):
                errors.append("white space before the first URI of rua")
            seen = True
            uris += [uri.strip(" \t") for uri in value.split(",")]
        elif not _VALUE.match(value):
            errors.append(f"value of {name} is malformed")
    if not seen:
        errors.append("no rua")
    errors += [problem for uri in uris if (problem := _uri_problem(uri))]
    record = TlsRptRecord(tuple(uris), tuple(errors))
    if seen and not any(scheme in SCHEMES for scheme in record.schemes):
        # Of another scheme senders know nothing; it harms nobody beside one that they support.
        errors.append(f"scheme is neither mailto nor https: {uris[0][:200]!r}")
    return TlsRptRecord(tuple(uris), tuple(errors))


def _uri_problem(uri: str) -> str | None:
    if not _URI.match(uri):
        return f"not a URI: {uri[:200]!r}"
    scheme, _, rest = uri.partition(":")
    match scheme.lower():
        case "mailto":
            return None if _MAILBOX.match(rest.partition("?")[0]) else f"mailto without an address: {uri[:200]!r}"
        case "https":
            return None if _HTTPS.match(rest) else f"https without a host: {uri[:200]!r}"
        case _:
            return None
