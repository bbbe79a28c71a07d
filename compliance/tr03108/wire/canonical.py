"""What a signature is made over: fields of the RRSIG, then the RRset in canonical form (RFC 4034 section 3.1.8.1)."""

from __future__ import annotations

import struct

import dns.name
from dns.rdtypes.ANY.RRSIG import RRSIG

from .dns_message import RRset

_FIELDS = struct.Struct("!HBBIIIH")
_RECORD, _LENGTH = struct.Struct("!HHI"), struct.Struct("!H")


def signed_data(rrset: RRset, rrsig: RRSIG) -> bytes:
    """The octets that `rrsig` signs. Raises ValueError where it cannot be a signature over `rrset`."""
    if rrsig.type_covered != rrset.rdtype or rrsig.rdclass != rrset.rdclass:
        raise ValueError("the RRSIG covers another type or class")
    fields = _FIELDS.pack(
        rrsig.type_covered,
        rrsig.algorithm,
        rrsig.labels,
        rrsig.original_ttl,
        rrsig.expiration,
        rrsig.inception,
        rrsig.key_tag,
    )
    before = _owner(rrset.name, rrsig.labels) + _RECORD.pack(rrset.rdtype, rrset.rdclass, rrsig.original_ttl)
    records = sorted({rdata.to_digestable() for rdata in rrset})
    signed = (part for data in records for part in (before, _LENGTH.pack(len(data)), data))
    return b"".join((fields, rrsig.signer.to_digestable(), *signed))


def _owner(name: dns.name.Name, labels: int) -> bytes:
    """The owner name as it was signed: that of the wildcard, where the RRSIG counts fewer labels (RFC 4035 5.3.2)."""
    there = len(name) - 1
    if labels > there or (name.is_wild() and labels != there - 1):
        raise ValueError("the owner name does not fit the number of labels")
    if name.is_wild() or labels == there:
        return name.to_digestable()
    return b"\x01*" + dns.name.Name(name.labels[there - labels :]).to_digestable()
