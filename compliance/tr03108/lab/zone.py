"""One zone of the lab: its records, its delegations, and its signatures, each made when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import dns.exception
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.zonefile
from dns.name import Name
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.SOA import SOA

from tr03108.lab.denial import DenialChain, Nsec3Chain, NsecChain, OwnerName
from tr03108.lab.faults import Fault, FaultKind, FaultMap
from tr03108.lab.signing import ALGORITHMS, KeyRing, Signer, Validity

DENIALS = ("nsec", "nsec3", "nsec3-optout", "none")
DEFAULT_TTL = 3600
NAME_SERVER = "dns-lab."  # every zone's name server; it lives in the root zone
SOA_NUMBERS = "1 3600 600 86400 300"
DENIAL_TYPES = frozenset({RdataType.NSEC, RdataType.NSEC3})


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """What a zone is made of.

    `records` are zone-file lines with a name each, absolute (trailing dot) or relative to `origin`; class and TTL may
    be left out. SOA and NS of the apex are added where missing, DNSKEY, DS and denial always. `denial` "none" leaves
    the zone unsigned and without DS. `begins` and `ends` are when its signatures begin and end, relative to the tree's
    time. `nsec3_salt` is in hex. `ds_digest` is SHA1 or SHA256. Keys of `second_algorithm` stand in the DNSKEY RRset,
    which they sign, and sign nothing else (RFC 4035 section 2.2 forbids it).

    Raises ValueError for an unknown algorithm or denial.
    """

    origin: str
    records: tuple[str, ...] = ()
    algorithm: str = "ECDSAP256SHA256"
    denial: str = "nsec"
    faults: tuple[Fault, ...] = ()
    nsec3_iterations: int = 0
    nsec3_salt: str = ""
    begins: timedelta = timedelta(days=-1)
    ends: timedelta = timedelta(days=14)
    ds_digest: str = "SHA256"
    second_algorithm: str = ""

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"zone {self.origin}: unknown algorithm {self.algorithm!r}")
        if self.second_algorithm and self.second_algorithm not in ALGORITHMS:
            raise ValueError(f"zone {self.origin}: unknown algorithm {self.second_algorithm!r}")
        if self.ds_digest not in ("SHA1", "SHA256"):
            raise ValueError(f"zone {self.origin}: unknown digest {self.ds_digest!r}")
        if self.denial not in DENIALS:
            raise ValueError(f"zone {self.origin}: unknown denial {self.denial!r}")


@dataclass(frozen=True, slots=True)
class SignedSet:
    """A record set under the name it is answered for, and its RRSIGs where it has any."""

    name: Name
    rdataset: Rdataset
    rrsigs: Rdataset | None = None


class Zone:
    """One zone. The tree links children with `delegate` before the first lookup.

    Raises ValueError for malformed records, records outside the zone and faults on record sets that do not exist.
    """

    def __init__(self, spec: ZoneSpec, keys: KeyRing, now: datetime) -> None:
        self.origin = dns.name.from_text(spec.origin)
        self.signed = spec.denial != "none"
        self._spec = spec
        self._faults = FaultMap(spec.faults, self.origin)
        self._children: dict[Name, Zone] = {}
        self._signatures: dict[tuple[Name, RdataType], Rdataset | None] = {}
        unknown = FaultKind.ALGORITHM_UNKNOWN in self._faults.at(self.origin, RdataType.DNSKEY)
        validity = Validity(now + spec.begins, now + spec.ends)
        self._signer = Signer(
            self.origin, spec.algorithm, keys, now, validity, unknown, spec.ds_digest, spec.second_algorithm
        )
        self._nodes: dict[Name, dict[RdataType, Rdataset]] = {}
        for line in spec.records:
            self._add(line)
        self._add_apex()

    # ---------------------------------------------------------------------------------------------------- building

    def _add(self, line: str) -> None:
        try:
            rrsets = dns.zonefile.read_rrsets(line, origin=self.origin, default_ttl=DEFAULT_TTL)
        except dns.exception.DNSException as error:
            raise ValueError(f"zone {self.origin}: {line!r}: {error}") from error
        if not rrsets:
            raise ValueError(f"zone {self.origin}: {line!r} is no record of this zone")
        for rrset in rrsets:
            node = self._nodes.setdefault(rrset.name, {})
            known = node.get(rrset.rdtype, ())
            node[rrset.rdtype] = dns.rdataset.from_rdata_list(rrset.ttl, [*known, *rrset])
            if RdataType.CNAME in node and len(node) > 1:
                raise ValueError(f"zone {self.origin}: {line!r}: CNAME and other data")

    def _add_apex(self) -> None:
        apex = self._nodes.setdefault(self.origin, {})
        if RdataType.SOA not in apex:
            self._add(f"@ SOA {NAME_SERVER} hostmaster.{NAME_SERVER} {SOA_NUMBERS}")
        if RdataType.NS not in apex:
            self._add(f"@ NS {NAME_SERVER}")
        if self.signed and self._spec.denial != "nsec":
            salt = self._spec.nsec3_salt or "-"
            self._add(f"@ 0 NSEC3PARAM 1 0 {self._spec.nsec3_iterations} {salt}")

    def delegate(self, child: Zone) -> None:
        """Add the delegation of a child zone: NS where missing; DS (lazily) where both zones are signed."""
        self._children[child.origin] = child
        if RdataType.NS not in self._nodes.get(child.origin, {}):
            self._add(f"{child.origin} NS {NAME_SERVER}")

    def check_faults(self) -> None:
        """Refuse signature faults that name a record set which is not there, so that a typing error is not silent."""
        for kind, name, rdtype in self._faults.signed_places():
            at_parent = rdtype is RdataType.DS and name == self.origin
            if not at_parent and rdtype not in DENIAL_TYPES and self.rdataset(name, rdtype) is None:
                raise ValueError(f"zone {self.origin}: fault {kind}: there is no {rdtype.name} at {name}")

    # ------------------------------------------------------------------------------------------------------ content

    def faults_at(self, name: Name, rdtype: RdataType) -> frozenset[FaultKind]:
        """The faults of a record set or question; those a child names for its DS count here, at the parent."""
        faults = self._faults.at(name, rdtype)
        if rdtype is RdataType.DS and name in self._children:
            faults |= self._children[name]._faults.at(name, rdtype, type_named=True)
        return faults

    def ds(self) -> Rdataset:
        """The DS RRset of this zone, as its parent or a trust anchor publishes it."""
        faults = self._faults.at(self.origin, RdataType.DS, type_named=True)
        if self._faults.has(FaultKind.DS_MISMATCH):
            faults |= {FaultKind.DS_MISMATCH}
        return dns.rdataset.from_rdata(DEFAULT_TTL, self._signer.ds(faults))

    def _has_ds(self, name: Name) -> bool:
        child = self._children.get(name)
        return RdataType.DS in self._nodes.get(name, {}) or (self.signed and child is not None and child.signed)

    def types(self, name: Name) -> frozenset[RdataType]:
        """The types at a name; at a delegation only those that the parent answers for. Without RRSIG and NSEC."""
        types = set(self._nodes.get(name, {}))
        if name == self.origin and self.signed:
            types.add(RdataType.DNSKEY)
        elif RdataType.NS in types:
            types = {RdataType.NS}
            if self._has_ds(name):
                types.add(RdataType.DS)
        return frozenset(types)

    def rdataset(self, name: Name, rdtype: RdataType) -> Rdataset | None:
        """The record set at a name; keys, DS and NSEC are made here."""
        if rdtype is RdataType.DNSKEY and name == self.origin and self.signed:
            return self._signer.dnskey_set(DEFAULT_TTL)
        rdataset = self._nodes.get(name, {}).get(rdtype)
        if rdataset is None and rdtype is RdataType.DS and name != self.origin and self._has_ds(name):
            return self._children[name].ds()
        if rdataset is None and rdtype is RdataType.NSEC and isinstance(self.chain, NsecChain):
            return self.chain.at(name)
        return rdataset

    @cached_property
    def existing(self) -> frozenset[Name]:
        """All names, empty non-terminals included; also names below delegations."""
        return frozenset(ancestor for name in self._nodes for ancestor in self.up_to_origin(name))

    def up_to_origin(self, name: Name) -> Iterator[Name]:
        """The name and its ancestors up to the origin."""
        while name != self.origin:
            yield name
            name = name.parent()
        yield name

    def cut(self, name: Name) -> Name | None:
        """The delegation at or above a name, nearest to the apex."""
        cuts = [a for a in self.up_to_origin(name) if a != self.origin and RdataType.NS in self._nodes.get(a, {})]
        return cuts[-1] if cuts else None

    @cached_property
    def chain(self) -> DenialChain | None:
        """The denial of existence; None in an unsigned zone."""
        if not self.signed:
            return None
        names = [
            OwnerName(name, self.types(name), self.cut(name) == name and not self._has_ds(name))
            for name in self.existing
            if self.cut(name) in (None, name)
        ]
        ttl = min(self._soa_ttl, DEFAULT_TTL)
        if self._spec.denial == "nsec":
            return NsecChain(names, ttl)
        return Nsec3Chain(
            names,
            self.origin,
            ttl,
            iterations=self._spec.nsec3_iterations,
            salt=bytes.fromhex(self._spec.nsec3_salt),
            opt_out=self._spec.denial == "nsec3-optout",
        )

    @property
    def _soa_ttl(self) -> int:
        """The TTL of negative answers (RFC 2308 section 5)."""
        rdataset = self._nodes[self.origin][RdataType.SOA]
        soa = rdataset[0]
        assert isinstance(soa, SOA)
        return min(rdataset.ttl, soa.minimum)

    def _sign(self, owner: Name, rdataset: Rdataset) -> Rdataset | None:
        if not self.signed:
            return None
        place = (owner, rdataset.rdtype)
        if place not in self._signatures:
            self._signatures[place] = self._signer.sign(owner, rdataset, self.faults_at(owner, rdataset.rdtype))
        return self._signatures[place]

    def signed_set(self, owner: Name, rdataset: Rdataset, answered_for: Name | None = None) -> SignedSet:
        """A record set with its signatures; a wildcard's is answered for another name than its owner's."""
        return SignedSet(answered_for or owner, rdataset, self._sign(owner, rdataset))
