"""DNS messages read from bytes (RFC 1035 section 4), with limits for hostile ones.

Records are dnspython's, but for a TLSA record whose data breaks its own rules (a digest of the wrong length): dnspython
refuses the whole message then, though the record is signed, seen and a fact about the target. It is kept as it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.wire

MAXIMUM_RECORDS = 3000  # in one message; of the smallest records 5,900 would fit into 64 KiB
_HEADER = "!HHHHHH"
_UNREADABLE = (dns.exception.DNSException, ValueError, IndexError, OverflowError, struct.error)
_OPAQUE_IF_ODD = (
    dns.rdatatype.TLSA,
)  # types without names in their data, so that the octets as received are canonical

RRset = dns.rrset.RRset
_Key = tuple[dns.name.Name, int, int, int]


class Malformed(Exception):
    """The bytes are not one complete DNS message."""


@dataclass(frozen=True, slots=True)
class Question:
    """One entry of the question section."""

    name: dns.name.Name
    rdtype: int
    rdclass: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `rcode` with the upper bits of EDNS, sections as RRsets (RRSIGs by the type they cover)."""

    id: int
    flags: int
    rcode: int
    questions: tuple[Question, ...]
    answer: tuple[RRset, ...]
    authority: tuple[RRset, ...]
    edns_flags: int | None = None  # of the OPT record (RFC 6891 section 6.1.4); None where there is none

    @property
    def opcode(self) -> int:
        return (self.flags >> 11) & 0xF

    @property
    def complete(self) -> bool:
        """An answer, and not a truncated one."""
        return bool(self.flags & dns.flags.QR) and not self.flags & dns.flags.TC


def read_message(wire: bytes) -> Message:
    """Reads one message to its end. Raises Malformed."""
    try:
        parser = dns.wire.Parser(wire)
        ident, flags, questions, *counts = parser.get_struct(_HEADER)
        if questions > 1 or sum(counts) > MAXIMUM_RECORDS:
            raise Malformed(f"{questions} questions, {sum(counts)} records")
        asked = tuple(Question(_name(parser, wire), *parser.get_struct("!HH")) for _ in range(questions))
        options: list[int] = []
        answer, authority, _ = (_section(parser, wire, count, options) for count in counts)
        if parser.remaining() or len(options) > 1:
            raise Malformed("octets after the last record, or more than one OPT record")
    except _UNREADABLE as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:200]) from error
    rcode = (flags & 0xF) | (options[0] >> 24 << 4 if options else 0)
    return Message(ident, flags, rcode, asked, answer, authority, options[0] & 0xFFFF if options else None)


def _section(parser: dns.wire.Parser, wire: bytes, count: int, options: list[int]) -> tuple[RRset, ...]:
    """The RRsets of one section; `options` gets the TTL field of an OPT record: rcode, version and flags of EDNS."""
    found: dict[_Key, RRset] = {}
    for _ in range(count):
        name = _name(parser, wire)
        number, class_number, ttl, length = parser.get_struct("!HHIH")
        start = parser.current
        parser.get_bytes(length)
        if number == dns.rdatatype.OPT:
            options.append(ttl)
            continue
        rdtype, rdclass = dns.rdatatype.RdataType.make(number), dns.rdataclass.RdataClass.make(class_number)
        rdata = _rdata(rdclass, rdtype, wire, start, length)
        covers = rdata.covers()
        key = (name, rdclass, rdtype, covers)
        if key not in found:
            found[key] = RRset(name, rdclass, rdtype, covers)
        found[key].add(rdata, ttl if ttl <= 0x7FFFFFFF else 0)  # RFC 2181 section 8
    return tuple(found.values())


def _name(parser: dns.wire.Parser, wire: bytes) -> dns.name.Name:
    """The next name, compressed or not."""
    name, used = dns.name.from_wire(wire, parser.current)
    parser.get_bytes(used)
    return name


def _rdata(
    rdclass: dns.rdataclass.RdataClass, rdtype: dns.rdatatype.RdataType, wire: bytes, start: int, length: int
) -> dns.rdata.Rdata:
    try:
        return dns.rdata.from_wire(rdclass, rdtype, wire, start, length)
    except dns.exception.DNSException:
        if rdtype not in _OPAQUE_IF_ODD:
            raise
        return dns.rdata.GenericRdata(rdclass, rdtype, wire[start : start + length])
