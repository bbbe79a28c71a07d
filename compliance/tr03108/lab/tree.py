"""The lab's whole name space in one object: a private root, its zones, and an answer to every query (sans-I/O).

A query with RD is answered as a recursive resolver does, following aliases across zones; one without RD as the name
server of all zones does, with referrals at delegations whose zone is not in the tree. AD is never set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
from dns.message import QueryMessage
from dns.name import Name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType

from tr03108.lab.faults import FaultKind
from tr03108.lab.lookup import Found, Kind, lookup, negative
from tr03108.lab.signing import KeyRing
from tr03108.lab.zone import DENIAL_TYPES, NAME_SERVER, SignedSet, Zone, ZoneSpec

HEADER_SIZE = 12
OUR_PAYLOAD = 1232
PLAIN_UDP_SIZE = 512
MAX_UDP_SIZE = 4096
MAX_TCP_SIZE = 65535
MAX_ALIASES = 16  # as many as common resolvers follow
CACHED_ANSWERS = 8192
CACHED_QUERY_SIZE = 512
TRANSFERS = frozenset({RdataType.AXFR, RdataType.IXFR})
NAME_SERVER_ADDRESSES = (f"{NAME_SERVER} A 192.0.2.53", f"{NAME_SERVER} AAAA 2001:db8::53")


@dataclass(slots=True)
class _Reply:
    """An answer in the making."""

    rcode: Rcode = Rcode.NOERROR
    answer: list[SignedSet] = field(default_factory=list)
    authority: list[SignedSet] = field(default_factory=list)
    authoritative: bool = True
    faults: frozenset[FaultKind] = frozenset()


class Tree:
    """The zones of `zones`, and those they need above them: the root (NSEC) and top-level domains (NSEC3).

    `now` is the time (UTC) to which all signatures relate. `strip_dnssec` makes the resolver one that cannot carry
    DNSSEC. Share `keys` between trees to spare the generation of keys.

    Raises ValueError for a zone given twice, malformed records, and faults on record sets that do not exist.
    """

    def __init__(
        self, zones: Sequence[ZoneSpec], now: datetime, *, keys: KeyRing | None = None, strip_dnssec: bool = False
    ) -> None:
        self._strip_dnssec = strip_dnssec
        self._answers: dict[tuple[bytes, bool], bytes | None] = {}
        self._zones: dict[Name, Zone] = {}
        keys = keys or KeyRing()
        for spec in _with_parents(zones):
            zone = Zone(spec, keys, now)
            if zone.origin in self._zones:
                raise ValueError(f"zone {spec.origin} is given twice")
            self._zones[zone.origin] = zone
        for zone in self._zones.values():
            if zone.origin != dns.name.root:
                self._zone_at(zone.origin.parent()).delegate(zone)
        for zone in self._zones.values():
            zone.check_faults()

    @property
    def trust_anchor(self) -> str:
        """The root's DS records in zone-file form, one a line; empty where the root is unsigned."""
        root = self._zones[dns.name.root]
        return "".join(f". {root.ds().ttl} IN DS {ds}\n" for ds in root.ds()) if root.signed else ""

    def answer(self, wire: bytes, udp: bool) -> bytes | None:
        """The response to a query as received; None where a server stays silent (no query at all, or a fault)."""
        if len(wire) > CACHED_QUERY_SIZE:
            return self._answer(wire, udp)
        key = (wire[2:], udp)
        if key not in self._answers:
            if len(self._answers) >= CACHED_ANSWERS:
                self._answers.clear()
            self._answers[key] = self._answer(wire, udp)
        answer = self._answers[key]
        return None if answer is None else wire[:2] + answer[2:]

    # --------------------------------------------------------------------------------------------------- one query

    def _answer(self, wire: bytes, udp: bool) -> bytes | None:
        if len(wire) < HEADER_SIZE or wire[2] & 0x80:
            return None
        if dns.opcode.from_flags(int.from_bytes(wire[2:4], "big")) is not dns.opcode.QUERY:
            return _bare(wire, Rcode.NOTIMP)
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return _bare(wire, Rcode.FORMERR)
        if not isinstance(query, QueryMessage) or len(query.question) != 1:
            return _bare(wire, Rcode.FORMERR)
        reply = self._reply(query)
        if FaultKind.TIMEOUT in reply.faults:
            return None
        if FaultKind.GARBAGE in reply.faults:
            return _garbage(self._message(query, _Reply(), dnssec=False).to_wire())
        return self._rendered(query, reply, udp)

    def _reply(self, query: QueryMessage) -> _Reply:
        question = query.question[0]
        if query.edns > 0:
            return _Reply(Rcode.BADVERS)
        if question.rdclass is not RdataClass.IN or question.rdtype in TRANSFERS:
            return _Reply(Rcode.REFUSED)
        return self._resolve(question.name, question.rdtype, recursive=bool(query.flags & dns.flags.RD))

    def _resolve(self, name: Name, rdtype: RdataType, recursive: bool) -> _Reply:
        reply = _Reply(authoritative=not recursive)
        seen: set[Name] = set()
        # An alias loop is answered with each of its aliases once, as BIND does.
        while name not in seen and len(seen) <= MAX_ALIASES:
            seen.add(name)
            zone = self._zone_at(name, rdtype)
            reply.faults |= zone.faults_at(name, rdtype)
            if _replaced(reply, zone):
                return reply
            found = lookup(zone, name, rdtype)
            reply.answer += found.answer
            reply.authority += [each for each in found.authority if each not in reply.authority]
            if found.target is None:
                _conclude(reply, found, recursive)
                return reply
            name = found.target
        return reply

    def _zone_at(self, name: Name, rdtype: RdataType | None = None) -> Zone:
        """The zone that holds a record set: the nearest at or above the name; for DS the nearest above."""
        if rdtype is RdataType.DS and name != dns.name.root:
            name = name.parent()
        while name not in self._zones:
            name = name.parent()
        return self._zones[name]

    # --------------------------------------------------------------------------------------------------- rendering

    def _rendered(self, query: QueryMessage, reply: _Reply, udp: bool) -> bytes:
        dnssec = bool(query.ednsflags & dns.flags.DO) and not self._strip_dnssec
        limit = _udp_limit(query) if udp else MAX_TCP_SIZE
        full = self._message(query, reply, dnssec)
        _fill(full, reply, dnssec)
        if not (udp and FaultKind.TRUNCATE_ALWAYS in reply.faults):
            try:
                return full.to_wire(max_size=limit)
            except dns.exception.TooBig:
                if not udp:
                    reply = _Reply(Rcode.SERVFAIL, authoritative=False)
        short = self._message(query, reply, dnssec)
        if udp:
            short.flags |= dns.flags.TC
        return short.to_wire()

    def _message(self, query: QueryMessage, reply: _Reply, dnssec: bool) -> dns.message.Message:
        message = dns.message.make_response(query, recursion_available=True, our_payload=OUR_PAYLOAD, pad=0)
        message.flags |= query.flags & dns.flags.CD
        if reply.authoritative and reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
            message.flags |= dns.flags.AA
        if query.edns >= 0 and dnssec:
            message.want_dnssec(True)
        message.set_rcode(reply.rcode)
        return message


def _with_parents(zones: Sequence[ZoneSpec]) -> list[ZoneSpec]:
    """The zones and the missing root and top-level domains; the root also gets the address of the name server."""
    specs = list(zones)
    given = {dns.name.from_text(spec.origin) for spec in zones}
    tops = {origin.split(2)[1] for origin in given if origin != dns.name.root}
    if dns.name.root not in given:
        specs.append(ZoneSpec("."))
    specs += [ZoneSpec(str(top), denial="nsec3") for top in sorted(tops - given)]
    return [_with_name_server(spec) if dns.name.from_text(spec.origin) == dns.name.root else spec for spec in specs]


def _with_name_server(root: ZoneSpec) -> ZoneSpec:
    return replace(root, records=(*root.records, *NAME_SERVER_ADDRESSES))


def _replaced(reply: _Reply, zone: Zone) -> bool:
    """Whether a fault takes the place of the whole answer; if so the reply is made what the fault says."""
    faults = reply.faults
    if faults & {FaultKind.TIMEOUT, FaultKind.GARBAGE}:
        return True
    for kind, rcode in ((FaultKind.SERVFAIL, Rcode.SERVFAIL), (FaultKind.REFUSED, Rcode.REFUSED)):
        if kind in faults:
            reply.rcode, reply.answer, reply.authority = rcode, [], []
            return True
    if FaultKind.NXDOMAIN in faults:
        reply.rcode = Rcode.NXDOMAIN
        reply.authority += negative(zone, Kind.NXDOMAIN, []).authority
        return True
    return FaultKind.EMPTY in faults


def _conclude(reply: _Reply, found: Found, recursive: bool) -> None:
    if found.kind is Kind.NXDOMAIN:
        reply.rcode = Rcode.NXDOMAIN
    elif found.kind is Kind.TOO_LONG:
        reply.rcode = Rcode.YXDOMAIN
    elif found.kind is Kind.REFERRAL:
        reply.authoritative = False
        if recursive:  # nobody answers for that zone
            reply.rcode, reply.answer, reply.authority = Rcode.SERVFAIL, [], []


def _fill(message: dns.message.Message, reply: _Reply, dnssec: bool) -> None:
    for section, sets in ((message.answer, reply.answer), (message.authority, reply.authority)):
        for each in sets:
            if section is message.authority and each.rdataset.rdtype in DENIAL_TYPES and not dnssec:
                continue
            section.append(_rrset(each.name, each.rdataset))
            if dnssec and each.rrsigs is not None:
                section.append(_rrset(each.name, each.rrsigs))


def _rrset(name: Name, rdataset: Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))


def _udp_limit(query: QueryMessage) -> int:
    return min(max(query.payload, PLAIN_UDP_SIZE), MAX_UDP_SIZE) if query.edns >= 0 else PLAIN_UDP_SIZE


def _bare(wire: bytes, rcode: Rcode) -> bytes:
    """A response of a header alone: id, opcode and RD of the query, and a response code."""
    return wire[:2] + bytes([0x80 | wire[2] & 0x79, rcode]) + bytes(8)


def _garbage(response: bytes) -> bytes:
    """A response made malformed: it announces an answer record and ends in nonsense."""
    return response[:6] + b"\x00\x01" + response[8:] + b"\xc0\xff" + b"\xff" * 24
