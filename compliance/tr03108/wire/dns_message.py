"""DNS messages read from bytes (RFC 1035 section 4), with limits for hostile ones.

Records are dnspython's, but for a TLSA record whose data breaks its own rules (a digest of the wrong length): dnspython
refuses the whole message then, though the record is signed, seen and a fact about the target. It is kept as it is.
The walk over the message is ours: reading is half the cost of validation, and most owner names are pointers to a name
that was read before. The data of the additional section decides nothing and is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

MAXIMUM_RECORDS = 3000  # in one message; of the smallest records 5,900 would fit into 64 KiB
_HEADER, _QUESTION, _RECORD = struct.Struct("!HHHHHH"), struct.Struct("!HH"), struct.Struct("!HHIH")
_POINTER = 0xC0  # the two highest bits of a label's length octet (RFC 1035 section 4.1.4)
_UNREADABLE = (dns.exception.DNSException, ValueError, IndexError, OverflowError, struct.error)
_OPAQUE_IF_ODD = (
    dns.rdatatype.TLSA,
)  # types without names in their data, so that the octets as received are canonical

_Key = tuple[dns.name.Name, RdataClass, RdataType, RdataType]


class Malformed(Exception):
    """The bytes are not one complete DNS message."""


@dataclass(frozen=True, slots=True)
class Question:
    """One entry of the question section."""

    name: dns.name.Name
    rdtype: int
    rdclass: int


@dataclass(frozen=True, slots=True)
class RRset:
    """The records of one name, class and type, each once, with the lowest TTL (RRSIGs: of one covered type).

    dnspython's own RRset hashes the canonical form of every record; here that is done only where there are several.
    """

    name: dns.name.Name
    rdclass: RdataClass
    rdtype: RdataType
    covers: RdataType
    ttl: int
    rdatas: tuple[dns.rdata.Rdata, ...]

    def __iter__(self) -> Iterator[dns.rdata.Rdata]:
        return iter(self.rdatas)

    def __len__(self) -> int:
        return len(self.rdatas)

    def __getitem__(self, index: int) -> dns.rdata.Rdata:
        return self.rdatas[index]


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
        reader = _Reader(wire)
        ident, flags, *counts = reader.unpack(_HEADER)
        questions, answers, authorities, additional = counts
        records = answers + authorities + additional
        if questions > 1 or records > MAXIMUM_RECORDS:
            raise Malformed(f"{questions} questions, {records} records")
        asked = tuple(Question(reader.name(), *reader.unpack(_QUESTION)) for _ in range(questions))
        answer, authority = reader.section(answers), reader.section(authorities)
        for _ in range(additional):
            reader.record()
        if reader.position != len(wire) or len(reader.options) > 1:
            raise Malformed("octets after the last record, or more than one OPT record")
    except _UNREADABLE as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:200]) from error
    edns = reader.options[0] if reader.options else None
    rcode = (flags & 0xF) | ((edns or 0) >> 24 << 4)
    return Message(ident, flags, rcode, asked, answer, authority, None if edns is None else edns & 0xFFFF)


def read_questions(wire: bytes) -> tuple[Question, ...]:
    """The question section alone. Raises Malformed."""
    try:
        reader = _Reader(wire)
        _, _, questions, *_ = reader.unpack(_HEADER)
        return tuple(Question(reader.name(), *reader.unpack(_QUESTION)) for _ in range(questions))
    except _UNREADABLE as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:200]) from error


@dataclass(slots=True)
class _Found:
    """One RRset in the making."""

    ttl: int
    rdatas: list[dns.rdata.Rdata]


@dataclass(slots=True)
class _Reader:
    """Walks over a message; `options` gets the TTL field of OPT records: rcode, version and flags of EDNS."""

    wire: bytes
    position: int = 0
    options: list[int] = field(default_factory=list)
    _names: dict[int, dns.name.Name] = field(default_factory=dict)  # by where they begin

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        values = form.unpack_from(self.wire, self.position)
        self.position += form.size
        return values

    def name(self) -> dns.name.Name:
        """The next name, compressed or not."""
        start = self.position
        begins = start
        if self.wire[start] >= _POINTER:
            begins = (self.wire[start] & ~_POINTER) << 8 | self.wire[start + 1]
            known = self._names.get(begins)
            if known is not None:
                self.position = start + 2
                return known
        name, used = dns.name.from_wire(self.wire, start)
        self.position = start + used
        self._names[begins] = name
        return name

    def record(self) -> tuple[dns.name.Name, int, int, int, int]:
        """Owner, type, class, TTL and the length of the data of the next record, which `position` is behind then."""
        name = self.name()
        rdtype, rdclass, ttl, length = self.unpack(_RECORD)
        self.position += length
        if self.position > len(self.wire):
            raise Malformed("a record goes beyond the end of the message")
        if rdtype == dns.rdatatype.OPT:
            self.options.append(ttl)
        return name, rdtype, rdclass, ttl, length

    def section(self, count: int) -> tuple[RRset, ...]:
        """The RRsets of the next `count` records, OPT left out."""
        found: dict[_Key, _Found] = {}
        for _ in range(count):
            name, number, class_number, ttl, length = self.record()
            if number == dns.rdatatype.OPT:
                continue
            rdata = _rdata(class_number, number, self.wire, self.position - length, length)
            ttl = ttl if ttl <= 0x7FFFFFFF else 0  # RFC 2181 section 8
            same = found.setdefault((name, rdata.rdclass, rdata.rdtype, rdata.covers()), _Found(ttl, []))
            same.ttl = min(same.ttl, ttl)
            same.rdatas.append(rdata)
        return tuple(RRset(*key, same.ttl, _each_once(same.rdatas)) for key, same in found.items())


def _each_once(rdatas: list[dns.rdata.Rdata]) -> tuple[dns.rdata.Rdata, ...]:
    return tuple(rdatas if len(rdatas) == 1 else dict.fromkeys(rdatas))


def _rdata(class_number: int, number: int, wire: bytes, start: int, length: int) -> dns.rdata.Rdata:
    rdclass, rdtype = RdataClass.make(class_number), RdataType.make(number)
    try:
        return dns.rdata.from_wire(rdclass, rdtype, wire, start, length)
    except dns.exception.DNSException:
        if rdtype not in _OPAQUE_IF_ODD:
            raise
        return dns.rdata.GenericRdata(rdclass, rdtype, wire[start : start + length])
