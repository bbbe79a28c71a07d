"""Trust anchors of the DNS root, as DS or DNSKEY records in zone-file form (RFC 7958, RFC 5011 not needed here)."""

from __future__ import annotations

from pathlib import Path

import dns.rdatatype

from .evaluate.anchors import parse_anchors
from .model import UsageError

# IANA's root anchors as published at data.iana.org/root-anchors: KSK-2017 (tag 20326) and KSK-2024 (tag 38696).
IANA_ANCHORS = (
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)
_MAXIMUM_BYTES = 64 * 1024


def trust_anchors(file: Path | None) -> tuple[str, ...]:
    """The root's anchors in `file`, one record a string; IANA's where no file is given. Raises UsageError."""
    if file is None:
        return IANA_ANCHORS
    try:
        if file.stat().st_size > _MAXIMUM_BYTES:
            raise UsageError(f"{file}: too large for a trust-anchor file (at most {_MAXIMUM_BYTES} bytes)")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot read the trust anchor: {error}") from None
    try:
        anchors = parse_anchors(text)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    if not anchors:
        raise UsageError(f"{file}: no DS or DNSKEY record of the root zone in it")
    return tuple(f". IN {dns.rdatatype.to_text(anchor.rdtype)} {anchor.to_text()}" for anchor in anchors)
