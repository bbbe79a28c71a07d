"""DMARC: the policy record at `_dmarc.<domain>`, and the consent to foreign reports, to the letter of RFC 7489."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .host_name import host_name

POLICIES = ("none", "quarantine", "reject")
_MOST_URIS = 50
# Section 6.4: white space around "=" and before ";" is allowed; the version itself has case.
_VERSION = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_TAG = re.compile(r"([A-Za-z][A-Za-z0-9_]*)[ \t]*=([\x20-\x3a\x3c-\x7e\t]*)\Z")
# RFC 3986 section 3; "," and "!" have to be percent-encoded (section 6.2), then an optional limit of size.
_URI = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9._~:/?#\[\]@$&'()*+=-]|%[0-9A-Fa-f]{2})+)(?:![0-9]{1,20}[kmgt]?)?\Z",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(?:100|[0-9]{1,2})\Z")


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One address of `rua` as written. `domain`: where its mail goes, in the form of dossiers; "" where it is not a
    mail address that reports can be sent to."""

    text: str
    domain: str


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A policy record. `policy` in lower case, "" where there is none; `percent` is that of the messages to which it
    applies; any of `errors` makes the record no policy for whoever reads it strictly (section 6.3)."""

    policy: str
    percent: int
    rua: tuple[ReportUri, ...]
    errors: tuple[str, ...]


def dmarc_records(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of the TXT records (strings joined) that begin with the version; others are discarded (6.6.3 step 2)."""
    return tuple(text for text in texts if _VERSION.match(text))


def parse_record(text: bytes) -> DmarcRecord:
    """Reads one policy record. `v` and `p` come first, in this order (section 6.3); unknown tags are ignored."""
    try:
        fields = [field.strip(" \t") for field in text.decode("ascii").split(";")]
    except UnicodeDecodeError:
        return DmarcRecord("", 100, (), ("octets outside ASCII",))
    if fields[-1] == "" and len(fields) > 1:
        fields.pop()  # one delimiter may end the record
    tags: dict[str, str] = {}
    errors: list[str] = []
    for field in fields[:100]:
        match = _TAG.match(field)
        if match is None:
            errors.append(f"not a tag with a value: {field[:80]!r}")
        elif match[1] in tags:
            errors.append(f"a second {match[1][:80]}")  # RFC 6376 section 3.2: then the whole list is invalid
        else:
            tags[match[1]] = match[2].strip(" \t")
    if len(fields) > 100:
        errors.append("more than 100 tags")
    policy = tags.get("p", "").lower()
    if "p" not in tags:
        errors.append("no p")
    elif list(tags)[1:2] != ["p"]:
        errors.append("p is not the second tag")
    for name in ("p", "sp"):
        if name in tags and tags[name].lower() not in POLICIES:
            errors.append(f"{name} is none of {', '.join(POLICIES)}: {tags[name][:80]!r}")
    percent = tags.get("pct", "100")
    if not _PERCENT.match(percent):
        errors.append(f"pct is no number from 0 to 100: {percent[:80]!r}")
        percent = "100"
    written = tags["rua"].split(",") if "rua" in tags else []
    rua = tuple(_report_uri(uri.strip(" \t")) for uri in written[:_MOST_URIS])
    return DmarcRecord(policy if policy in POLICIES else "", int(percent), rua, tuple(errors[:20]))


def _report_uri(text: str) -> ReportUri:
    match = _URI.match(text)
    if match is None or match[1].lower() != "mailto":
        return ReportUri(text[:500], "")
    mailbox, at, domain = match[2].partition("?")[0].rpartition("@")
    return ReportUri(text[:500], host_name(domain) if mailbox and at else "")
