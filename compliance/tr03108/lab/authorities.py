"""Authoritative servers of one scenario's zone with a fault of their own: the same zone, told wrongly by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.signing import KeyRing
from tr03108.lab.tree import Tree
from tr03108.lab.zone import NAME_SERVER, SOA_NUMBERS, ZoneSpec

_FORMERR, _REFUSED = 1, 5
_AA = 0x04  # in the third octet of the header
_OTHER_MAIL_HOST = "@ MX 99 elsewhere"
_OTHER_SERIAL = SOA_NUMBERS.replace("1 ", "2 ", 1)


class ServerFault(StrEnum):
    """What is wrong at one authoritative server."""

    SILENT = "silent"  # no answer at all
    LAME = "lame"  # REFUSED: not a server of the zone
    NOT_AUTHORITATIVE = "not-authoritative"  # answers without AA
    UNSIGNED = "unsigned"  # the zone without its signatures
    BOGUS = "bogus"  # signatures that do not verify
    OTHER_RECORDS = "other-records"  # one more MX record, correctly signed
    OTHER_SERIAL = "other-serial"  # the same records with another serial, correctly signed
    NO_EDNS = "no-edns"  # FORMERR to EDNS, as servers before RFC 2671 say
    NO_TCP = "no-tcp"  # nobody listens on TCP


@dataclass(frozen=True, slots=True)
class Authority:
    """One name server of a domain: its name, address and fault (None: as it should be)."""

    name: str
    address: str
    fault: ServerFault | None = None


class Answering(Protocol):
    """What a NameServer serves."""

    def answer(self, wire: bytes, udp: bool) -> bytes | None: ...


class FaultyServer:
    """The tree's answers, changed on their way out."""

    def __init__(self, tree: Answering, fault: ServerFault) -> None:
        self._tree = tree
        self._fault = fault

    def answer(self, wire: bytes, udp: bool) -> bytes | None:
        if self._fault is ServerFault.SILENT or len(wire) < 12:
            return None
        if self._fault in (ServerFault.LAME, ServerFault.NO_EDNS):
            rcode = _REFUSED if self._fault is ServerFault.LAME else _FORMERR
            return wire[:2] + bytes([0x80 | wire[2] & 0x79, rcode]) + bytes(8)
        answer = self._tree.answer(wire, udp)
        if answer is not None and self._fault is ServerFault.NOT_AUTHORITATIVE:
            return answer[:2] + bytes([answer[2] & ~_AA]) + answer[3:]
        return answer


def told_by(
    fault: ServerFault, tree: Tree, zones: Sequence[ZoneSpec], origin: str, now: datetime, keys: KeyRing
) -> Answering:
    """What a server with this fault answers from. `zones` are the scenario's; `keys` those of `tree`."""
    if fault is ServerFault.UNSIGNED:
        return Tree(zones, now, keys=keys, strip_dnssec=True)
    change = {
        ServerFault.OTHER_RECORDS: _Change(records=(_OTHER_MAIL_HOST,)),
        ServerFault.OTHER_SERIAL: _Change(records=(f"@ SOA {NAME_SERVER} hostmaster.{NAME_SERVER} {_OTHER_SERIAL}",)),
        ServerFault.BOGUS: _Change(faults=(Fault(FaultKind.CORRUPT),)),
    }.get(fault)
    if change is None:
        return FaultyServer(tree, fault)
    return Tree([change.of(spec) if spec.origin == origin else spec for spec in zones], now, keys=keys)


@dataclass(frozen=True, slots=True)
class _Change:
    """More records and faults than a zone has."""

    records: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    def of(self, spec: ZoneSpec) -> ZoneSpec:
        return replace(spec, records=(*spec.records, *self.records), faults=(*spec.faults, *self.faults))
