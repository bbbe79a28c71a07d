"""Authenticated denial of existence by NSEC and NSEC3 (RFC 4035 5.4, RFC 5155 section 8, RFC 6840 section 4, RFC 9276).

Works on NSEC and NSEC3 records whose signatures were verified already; asks only what they prove. A proof is one of
`PROVEN`, `OPT_OUT` (an unsigned delegation may be there: no more than insecure), `COSTLY` (iterations above the limit:
counts as insecure, RFC 9276 section 3.2) or not a proof.
"""

from __future__ import annotations

from base64 import b32hexdecode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

NSEC3_ITERATIONS_LIMIT = (
    150  # RFC 9276 section 3.2, RFC 5155 section 10.3 (2048-bit keys allow 500; validators use 150)
)
MAXIMUM_NSEC3_RECORDS = 20  # in one proof; three are needed (CVE-2023-50868)
_OPT_OUT_FLAG = 1


class Proof(Enum):
    """What the records prove of the denial that was asked for."""

    PROVEN = "proven"
    OPT_OUT = "opt-out"
    COSTLY = "iterations"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Nsec:
    """One verified NSEC record."""

    owner: dns.name.Name
    rdata: NSEC

    @property
    def types(self) -> frozenset[int]:
        return _types(self.rdata.windows)

    def covers(self, name: dns.name.Name) -> bool:
        """`name` falls between owner and next name; the last record of a zone wraps to the apex (RFC 4034 4.1.1)."""
        following = self.rdata.next
        if self.owner < following:
            return bool(self.owner < name < following)
        return bool(self.owner < name and name.is_subdomain(following))

    def speaks_for(self, name: dns.name.Name) -> bool:
        """False for a record of the parent, or above a DNAME, about names below (RFC 6840 sections 4.1 and 4.4)."""
        if name == self.owner or not name.is_subdomain(self.owner):
            return True
        delegation = dns.rdatatype.NS in self.types and dns.rdatatype.SOA not in self.types
        return not delegation and dns.rdatatype.DNAME not in self.types


@dataclass(frozen=True, slots=True)
class Nsec3:
    """One verified NSEC3 record of a zone."""

    hashed: bytes  # the owner's first label, decoded
    rdata: NSEC3

    @property
    def types(self) -> frozenset[int]:
        return _types(self.rdata.windows)

    @property
    def opt_out(self) -> bool:
        return bool(self.rdata.flags & _OPT_OUT_FLAG)

    def covers(self, hashed: bytes) -> bool:
        """`hashed` falls strictly between owner and next hash; the last record of the chain wraps."""
        if self.hashed < self.rdata.next:
            return self.hashed < hashed < self.rdata.next
        return hashed > self.hashed or hashed < self.rdata.next


def _types(windows: Iterable[tuple[int, bytes]]) -> frozenset[int]:
    return frozenset(
        window * 256 + index * 8 + bit
        for window, bitmap in windows
        for index, byte in enumerate(bitmap)
        for bit in range(8)
        if byte & (0x80 >> bit)
    )


class NsecProofs:
    """What NSEC records of one zone prove."""

    def __init__(self, records: Sequence[Nsec], zone: dns.name.Name) -> None:
        self.records = records
        self.zone = zone

    def types_at(self, name: dns.name.Name) -> frozenset[int] | None:
        """The types at `name` where a record matches it; empty for an empty non-terminal; None where nothing shows."""
        for record in self.records:
            if record.owner == name:
                return record.types
            if record.covers(name) and record.rdata.next.is_subdomain(name):
                return frozenset()
        return None

    def _cover(self, name: dns.name.Name) -> Nsec | None:
        return next((r for r in self.records if r.covers(name) and r.speaks_for(name)), None)

    def absent(self, name: dns.name.Name) -> Proof:
        """The name itself does not exist (no statement about wildcards)."""
        return Proof.PROVEN if self._cover(name) and self.types_at(name) is None else Proof.NONE

    def closest_encloser(self, name: dns.name.Name) -> dns.name.Name | None:
        """The longest existing ancestor of an absent name: what it shares with the record that covers it."""
        record = self._cover(name)
        if record is None:
            return None
        shared = (name.fullcompare(other)[2] for other in (record.owner, record.rdata.next))
        return dns.name.Name(name.labels[len(name.labels) - max(shared) :])

    def name_error(self, name: dns.name.Name) -> Proof:
        """Neither the name nor a wildcard for it exists."""
        encloser = self.closest_encloser(name)
        if encloser is None or self.absent(name) is Proof.NONE:
            return Proof.NONE
        return self.absent(_wildcard(encloser))

    def wildcard_types(self, name: dns.name.Name) -> frozenset[int] | None:
        """The types at the wildcard that would answer for an absent name."""
        encloser = self.closest_encloser(name)
        if encloser is None or self.absent(name) is Proof.NONE:
            return None
        wildcard = _wildcard(encloser)
        return next((record.types for record in self.records if record.owner == wildcard), None)

    def opt_out(self, name: dns.name.Name) -> bool:
        """NSEC knows no opt-out."""
        return False

    def expanded(self, name: dns.name.Name, encloser_labels: int) -> Proof:
        """No closer match than the wildcard exists for a name that a wildcard answered (RFC 4035 5.3.4).

        That the name itself is absent does not do: were there an ancestor of it below the wildcard's parent, then that
        would be the closest encloser and this wildcard could not answer (RFC 4592 section 3.3.1).
        """
        encloser = self.closest_encloser(name)
        if encloser is None or len(encloser) - 1 != encloser_labels:
            return Proof.NONE
        return self.absent(name)


class Nsec3Proofs:
    """What NSEC3 records of one zone prove; `records` is not empty and shares its parameters (RFC 5155 section 8.2)."""

    def __init__(self, records: Sequence[Nsec3], zone: dns.name.Name) -> None:
        self.records = records[:MAXIMUM_NSEC3_RECORDS]
        self.zone = zone
        self._hashes: dict[dns.name.Name, bytes] = {}

    @property
    def costly(self) -> bool:
        return any(record.rdata.iterations > NSEC3_ITERATIONS_LIMIT for record in self.records)

    def _hash(self, name: dns.name.Name) -> bytes:
        if name not in self._hashes:
            first = self.records[0].rdata
            text = dns.dnssec.nsec3_hash(name, first.salt, first.iterations, dns.dnssectypes.NSEC3Hash.SHA1)
            self._hashes[name] = b32hexdecode(text)
        return self._hashes[name]

    def _match(self, name: dns.name.Name) -> Nsec3 | None:
        return next((r for r in self.records if r.hashed == self._hash(name)), None)

    def _cover(self, name: dns.name.Name) -> Nsec3 | None:
        return next((r for r in self.records if r.covers(self._hash(name))), None)

    def types_at(self, name: dns.name.Name) -> frozenset[int] | None:
        """The types at `name` where a record matches it (none: empty non-terminal); None where nothing shows."""
        record = self._match(name)
        return None if record is None else record.types

    def _encloser(self, name: dns.name.Name) -> tuple[dns.name.Name, Nsec3] | None:
        """Closest encloser and the record covering the next closer name (RFC 5155 section 8.3)."""
        next_closer = name
        while next_closer != self.zone:
            candidate = next_closer.parent()
            match = self._match(candidate)
            if match is not None:
                if dns.rdatatype.DNAME in match.types:
                    return None
                if dns.rdatatype.NS in match.types and dns.rdatatype.SOA not in match.types:
                    return None
                cover = self._cover(next_closer)
                return None if cover is None else (candidate, cover)
            next_closer = candidate
        return None

    def name_error(self, name: dns.name.Name) -> Proof:
        """Neither the name nor a wildcard for it exists (RFC 5155 section 8.4)."""
        found = self._encloser(name)
        if found is None or self._match(name) is not None:
            return Proof.NONE
        encloser, cover = found
        if self._cover(_wildcard(encloser)) is None:
            return Proof.NONE
        return Proof.OPT_OUT if cover.opt_out else Proof.PROVEN

    def wildcard_types(self, name: dns.name.Name) -> frozenset[int] | None:
        """The types at the wildcard that would answer for an absent name (RFC 5155 section 8.7)."""
        found = self._encloser(name)
        return None if found is None else self.types_at(_wildcard(found[0]))

    def opt_out(self, name: dns.name.Name) -> bool:
        """An unsigned delegation at `name` may exist: its next closer name falls into an opt-out span."""
        found = self._encloser(name)
        return found is not None and found[1].opt_out

    def expanded(self, name: dns.name.Name, encloser_labels: int) -> Proof:
        """No closer match than the wildcard exists for a name that a wildcard answered (RFC 5155 section 8.8)."""
        if self.costly:
            return Proof.COSTLY
        next_closer = dns.name.Name(name.labels[-(encloser_labels + 2) :])
        cover = self._cover(next_closer)
        if cover is None:
            return Proof.NONE
        return Proof.OPT_OUT if cover.opt_out else Proof.PROVEN


Proofs = NsecProofs | Nsec3Proofs


def deny(proofs: Proofs, name: dns.name.Name, rdtype: int | None) -> Proof:
    """Whether `name` is proven not to exist (`rdtype` None), or to exist without this type."""
    if isinstance(proofs, Nsec3Proofs) and proofs.costly:
        return Proof.COSTLY
    return proofs.name_error(name) if rdtype is None else _nodata(proofs, name, rdtype)


def _nodata(proofs: Proofs, name: dns.name.Name, rdtype: int) -> Proof:
    """The name exists, or a wildcard does, but has no record of this type and no alias."""
    types = proofs.types_at(name)
    if types is not None:
        return Proof.PROVEN if _lacks(types, rdtype, name) else Proof.NONE
    if rdtype == dns.rdatatype.DS and proofs.opt_out(name):
        return Proof.OPT_OUT  # an unsigned delegation beside a wildcard: its types say nothing of it (RFC 5155 8.6)
    types = proofs.wildcard_types(name)
    if types is not None:
        if types & {rdtype, dns.rdatatype.CNAME}:
            return Proof.NONE
        # RFC 5155 section 9.2: what an opt-out span leaves open is not proven, whatever the wildcard says.
        return Proof.OPT_OUT if proofs.opt_out(name) else Proof.PROVEN
    # Beyond DS: the empty non-terminals above unsigned delegations have no NSEC3 either (RFC 5155 errata 3441).
    return Proof.OPT_OUT if proofs.opt_out(name) else Proof.NONE


def _lacks(types: frozenset[int], rdtype: int, name: dns.name.Name) -> bool:
    """The type bitmap denies `rdtype`, and is of the right side of a zone cut (RFC 5155 8.6, RFC 6840 4.1)."""
    if types & {rdtype, dns.rdatatype.CNAME}:
        return False
    has_soa, has_ns = dns.rdatatype.SOA in types, dns.rdatatype.NS in types
    if rdtype == dns.rdatatype.DS:
        return not has_soa or name == dns.name.root
    return not has_ns or has_soa


def _wildcard(encloser: dns.name.Name) -> dns.name.Name:
    return dns.name.Name((b"*", *encloser.labels))
