"""Faults that the lab's DNS makes on purpose: on one record set, one question or a whole zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import dns.name
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

WHOLE_ZONE = "*"
ANY_TYPE = "*"


class FaultKind(StrEnum):
    """What is wrong. Which record sets or questions it touches is said by `Fault.name` and `Fault.rdtype`."""

    # signatures of a record set (RFC 4034 section 3)
    EXPIRED = "expired"  # ended more than three days ago
    FUTURE = "future"  # begins in more than three days
    CORRUPT = "corrupt"  # one bit of the signature is flipped
    UNSIGNED = "unsigned"  # no RRSIG
    WRONG_TAG = "wrong-tag"  # key tag of no key in the DNSKEY RRset
    WRONG_KEY = "wrong-key"  # made with a key that is not in the DNSKEY RRset
    WRONG_SIGNER = "wrong-signer"  # signer's name is not the zone
    ALGORITHM_UNKNOWN = "algorithm-unknown"  # an unassigned algorithm number; at DNSKEY also in the keys and the DS
    # the delegation: a fault of the child zone that shows in its parent
    DS_MISMATCH = "ds-mismatch"  # the DS digest fits no key; at the root zone: the trust anchor's digest
    # denial of existence in answers to that name and type
    NO_DENIAL = "no-denial"  # NSEC and NSEC3 records are missing
    CORRUPT_DENIAL = "corrupt-denial"  # their signatures are broken
    # whole answers to that name and type
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"  # no answer at all
    NXDOMAIN = "nxdomain"  # "no such name" without proof
    EMPTY = "empty"  # NOERROR without answer, SOA and proof
    TRUNCATE_ALWAYS = "truncate-always"  # TC over UDP, complete over TCP
    GARBAGE = "garbage"  # right id and question, then nonsense


SIGNATURE_FAULTS = frozenset(
    {
        FaultKind.EXPIRED,
        FaultKind.FUTURE,
        FaultKind.CORRUPT,
        FaultKind.UNSIGNED,
        FaultKind.WRONG_TAG,
        FaultKind.WRONG_KEY,
        FaultKind.WRONG_SIGNER,
        FaultKind.ALGORITHM_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a zone.

    `name` is absolute (`mx1.example.test`, with or without trailing dot), relative to the zone's origin (`mx1`), `@`
    for the origin or `*` for the whole zone; `rdtype` is a type in text or `*` for every type. A fault that names the
    type DS at the origin touches the DS RRset in the parent zone. `kind` may be given as text.

    Raises ValueError for an unknown kind or type.
    """

    kind: FaultKind
    name: str = WHOLE_ZONE
    rdtype: str = ANY_TYPE

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))
        if self.rdtype != ANY_TYPE:
            try:
                dns.rdatatype.from_text(self.rdtype)
            except dns.rdatatype.UnknownRdatatype as error:
                raise ValueError(f"fault {self.kind}: unknown record type {self.rdtype!r}") from error


@dataclass(frozen=True, slots=True)
class _Place:
    kind: FaultKind
    name: Name | None
    rdtype: RdataType | None


class FaultMap:
    """The faults of one zone, to be asked by name and type."""

    def __init__(self, faults: Iterable[Fault], origin: Name) -> None:
        self._places = tuple(
            _Place(
                fault.kind,
                None if fault.name == WHOLE_ZONE else _absolute(fault.name, origin),
                None if fault.rdtype == ANY_TYPE else dns.rdatatype.from_text(fault.rdtype),
            )
            for fault in faults
        )

    def at(self, name: Name, rdtype: RdataType, *, type_named: bool = False) -> frozenset[FaultKind]:
        """The kinds that hold for a record set or question; with `type_named` only those that name the type."""
        return frozenset(
            place.kind
            for place in self._places
            if (place.name is None or place.name == name)
            and (place.rdtype == rdtype or (place.rdtype is None and not type_named))
        )

    def has(self, kind: FaultKind) -> bool:
        """Whether the zone has such a fault anywhere."""
        return any(place.kind is kind for place in self._places)

    def signed_places(self) -> Iterable[tuple[FaultKind, Name, RdataType]]:
        """The signature faults that name one record set exactly."""
        for place in self._places:
            if place.kind in SIGNATURE_FAULTS and place.name is not None and place.rdtype is not None:
                yield place.kind, place.name, place.rdtype


def _absolute(name: str, origin: Name) -> Name:
    absolute = dns.name.from_text(name)
    if name != "@" and (name.endswith(".") or (origin != dns.name.root and absolute.is_subdomain(origin))):
        return absolute
    return dns.name.from_text(name, origin)
