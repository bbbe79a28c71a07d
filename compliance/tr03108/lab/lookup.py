"""What one zone answers: RFC 1034 section 4.3.2 with the proofs of RFC 4035 section 3.1 and RFC 5155 section 7.2."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import dns.name
import dns.rdataset
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.DNAME import DNAME

from tr03108.lab.denial import Owned, wildcard
from tr03108.lab.faults import FaultKind
from tr03108.lab.signing import corrupted_set
from tr03108.lab.zone import DENIAL_TYPES, SignedSet, Zone


class Kind(StrEnum):
    """What a lookup in one zone ended in."""

    ANSWER = "answer"
    ALIAS = "alias"  # CNAME or DNAME: go on at `Found.target`
    TOO_LONG = "too-long"  # a DNAME leads to a name over 255 octets
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    REFERRAL = "referral"


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a lookup, with the sections of the answer it gives."""

    kind: Kind
    answer: tuple[SignedSet, ...] = ()
    authority: tuple[SignedSet, ...] = ()
    target: Name | None = None


def lookup(zone: Zone, name: Name, rdtype: RdataType) -> Found:
    """Answer a question from one zone alone, with the zone's denial faults; `name` is at or below its origin."""
    found = _sound(zone, name, rdtype)
    faults = zone.faults_at(name, rdtype)
    if FaultKind.NO_DENIAL in faults:
        found = replace(found, authority=tuple(s for s in found.authority if s.rdataset.rdtype not in DENIAL_TYPES))
    if FaultKind.CORRUPT_DENIAL in faults:
        found = replace(found, authority=tuple(_corrupt_denial(s) for s in found.authority))
    return found


def negative(zone: Zone, kind: Kind, proof: list[Owned]) -> Found:
    """A negative answer with the zone's SOA and a proof."""
    soa = zone.rdataset(zone.origin, RdataType.SOA)
    assert soa is not None
    return Found(kind, (), (zone.signed_set(zone.origin, soa), *_proof(zone, proof)))


def _sound(zone: Zone, name: Name, rdtype: RdataType) -> Found:
    cut = zone.cut(name)
    if cut is not None and not (cut == name and rdtype is RdataType.DS):
        return _referral(zone, cut)
    if (alias := _dname(zone, name)) is not None:
        return alias
    if name in zone.existing:
        found = _at(zone, name, name, rdtype)
        return found or negative(zone, Kind.NODATA, _no_type(zone, name, cut))
    return _missing(zone, name, rdtype)


def _missing(zone: Zone, name: Name, rdtype: RdataType) -> Found:
    """The answer for a name that is not in the zone: from a wildcard, or none."""
    chain = zone.chain
    encloser = next(ancestor for ancestor in zone.up_to_origin(name) if ancestor in zone.existing)
    source = wildcard(encloser)
    if source not in zone.existing:
        return negative(zone, Kind.NXDOMAIN, chain.no_name(name, encloser) if chain else [])
    found = _at(zone, source, name, rdtype)
    if found is None:
        return negative(zone, Kind.NODATA, chain.expanded_no_type(name, encloser) if chain else [])
    return replace(found, authority=_proof(zone, chain.expanded(name, encloser) if chain else []))


def _no_type(zone: Zone, name: Name, cut: Name | None) -> list[Owned]:
    if zone.chain is None:
        return []
    return zone.chain.no_type(name) if cut is None else zone.chain.no_ds(name)


def _proof(zone: Zone, records: list[Owned]) -> tuple[SignedSet, ...]:
    # One record often serves for two statements; it is sent once.
    return tuple(zone.signed_set(owner, rdataset) for owner, rdataset in dict(records).items())


def _at(zone: Zone, owner: Name, name: Name, rdtype: RdataType) -> Found | None:
    """The answer from an existing node; `owner` differs from `name` where a wildcard is expanded."""
    if rdtype in (RdataType.ANY, RdataType.RRSIG):
        return _all(zone, owner, name, rdtype)
    if (rdataset := zone.rdataset(owner, rdtype)) is not None and not (rdtype is RdataType.NSEC and owner != name):
        return Found(Kind.ANSWER, (zone.signed_set(owner, rdataset, name),))
    alias = zone.rdataset(owner, RdataType.CNAME)
    if alias is None or rdtype is RdataType.NSEC:
        return None
    cname = alias[0]
    assert isinstance(cname, CNAME)
    return Found(Kind.ALIAS, (zone.signed_set(owner, alias, name),), target=cname.target)


def _all(zone: Zone, owner: Name, name: Name, rdtype: RdataType) -> Found | None:
    """Every record set of a node (ANY), or every signature."""
    rdatasets = [zone.rdataset(owner, each) for each in sorted(zone.types(owner))]
    sets = [zone.signed_set(owner, rdataset, name) for rdataset in rdatasets if rdataset is not None]
    if rdtype is RdataType.RRSIG:
        sets = [SignedSet(name, each.rrsigs) for each in sets if each.rrsigs]
    return Found(Kind.ANSWER, tuple(sets)) if sets else None


def _dname(zone: Zone, name: Name) -> Found | None:
    """A DNAME above the name, with the CNAME made from it (RFC 6672 section 3)."""
    for owner in zone.up_to_origin(name):
        rdataset = zone.rdataset(owner, RdataType.DNAME)
        if rdataset is None or owner == name:
            continue
        dname = rdataset[0]
        assert isinstance(dname, DNAME)
        signed = zone.signed_set(owner, rdataset)
        try:
            target = name.relativize(owner).concatenate(dname.target)
        except dns.name.NameTooLong:
            return Found(Kind.TOO_LONG, (signed,))
        cname = dns.rdataset.from_text(RdataClass.IN, RdataType.CNAME, rdataset.ttl, str(target))
        return Found(Kind.ALIAS, (signed, SignedSet(name, cname)), target=target)
    return None


def _referral(zone: Zone, cut: Name) -> Found:
    """The delegation to a zone that is not asked here, with its DS or the proof that it has none."""
    delegation = zone.rdataset(cut, RdataType.NS)
    assert delegation is not None
    ds = zone.rdataset(cut, RdataType.DS)
    if ds is not None:
        return Found(Kind.REFERRAL, (), (SignedSet(cut, delegation), zone.signed_set(cut, ds)))
    proof = _proof(zone, zone.chain.no_ds(cut) if zone.chain else [])
    return Found(Kind.REFERRAL, (), (SignedSet(cut, delegation), *proof))


def _corrupt_denial(signed: SignedSet) -> SignedSet:
    if signed.rdataset.rdtype not in DENIAL_TYPES or signed.rrsigs is None:
        return signed
    return replace(signed, rrsigs=corrupted_set(signed.rrsigs))
