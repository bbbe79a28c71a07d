"""The TLSA records of one MX host: where they were found and whether a sender may use them (RFC 7672 section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.TLSA import TLSA

from .dane import TlsaRecord, unusable
from .lookup import Lookup, Status


@dataclass(frozen=True, slots=True)
class Tlsa:
    """`code` is "OK" where secure, usable records are there; else why not. `unseen`: the question stayed open.

    `base` is the TLSA base domain at which the records were found; `lookup` the lookup that decided.
    """

    code: str
    unseen: bool
    base: str | None
    records: tuple[TlsaRecord, ...]
    lookup: Lookup | None

    @property
    def cause(self) -> str | None:
        """The DNS or DNSSEC cause behind the code."""
        return self.lookup.cause if self.lookup is not None else None

    @property
    def detail(self) -> str:
        return (self.lookup.detail or "") if self.lookup is not None else "TLSA was not asked"

    def evidence(self) -> Mapping[str, object]:
        shown: dict[str, object] = {"code": self.code, "base": self.base}
        if self.lookup is not None:
            shown["lookup"] = self.lookup.evidence()
        return shown


def tlsa_of(lookups: Mapping[str, Lookup | None], *, smtp: bool = True) -> Tlsa:
    """The TLSA records that senders use (not `smtp`: clients), from the lookups below each base domain in their order.

    The first base domain that has secure records, or whose question stayed open or is bogus, decides: a sender may not
    go on as if there were none (RFC 7672 section 2.1.1). Records that are not secure count as none: the next base
    domain is tried (RFC 7672 section 2.2.2).
    """
    last = Tlsa("NOT_PROBED", True, None, (), None)
    for base, lookup in lookups.items():
        if lookup is None:
            return Tlsa("NOT_PROBED", True, base, (), None)
        records = tuple(_record(rdata) for rdata in lookup.records if rdata.rdtype == dns.rdatatype.TLSA)
        if lookup.unseen:
            return Tlsa("TLSA_UNSEEN", True, base, records, lookup)
        if lookup.status is Status.BOGUS:
            return Tlsa("TLSA_BOGUS", False, base, records, lookup)
        if not lookup.exists:
            last = last if last.code == "TLSA_INSECURE" else Tlsa("TLSA_MISSING", False, base, (), lookup)
        elif not lookup.secure:
            last = Tlsa("TLSA_INSECURE", False, base, records, lookup)
        elif all(unusable(record, smtp=smtp) for record in records):
            return Tlsa("TLSA_UNUSABLE", False, base, records, lookup)
        else:
            return Tlsa("OK", False, base, records, lookup)
    return last


def _record(rdata: dns.rdata.Rdata) -> TlsaRecord:
    """A record as its octets say (RFC 6698 section 2.1); one too short for its fields gets what nobody can use."""
    if isinstance(rdata, TLSA):
        return TlsaRecord(rdata.usage, rdata.selector, rdata.mtype, bytes(rdata.cert))
    octets = rdata.to_generic().data
    if len(octets) < 3:
        return TlsaRecord(255, 255, 255, octets)
    return TlsaRecord(octets[0], octets[1], octets[2], octets[3:])
