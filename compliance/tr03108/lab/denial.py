"""Denial of existence: NSEC chains (RFC 4034, 4035) and NSEC3 chains (RFC 5155) of one zone, and their proofs."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype
from dns.dnssectypes import NSEC3Hash
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType

Owned = tuple[Name, Rdataset]
OPT_OUT = 1


@dataclass(frozen=True, slots=True)
class OwnerName:
    """A name of the zone that is not below a delegation; no types at an empty non-terminal."""

    name: Name
    types: frozenset[RdataType]
    insecure_delegation: bool


class DenialChain(Protocol):
    """The proofs that a negative or wildcard answer needs. `encloser` is the closest existing ancestor of `name`."""

    def no_type(self, name: Name) -> list[Owned]:
        """The name exists (perhaps as empty non-terminal) but not with this type."""
        ...

    def no_name(self, name: Name, encloser: Name) -> list[Owned]:
        """Neither the name nor a wildcard for it exists."""
        ...

    def expanded(self, name: Name, encloser: Name) -> list[Owned]:
        """The answer comes from a wildcard: the name itself does not exist."""
        ...

    def expanded_no_type(self, name: Name, encloser: Name) -> list[Owned]:
        """A wildcard covers the name but does not have the type."""
        ...

    def no_ds(self, delegation: Name) -> list[Owned]:
        """The delegation is insecure."""
        ...


class NsecChain:
    """One NSEC record per name with records, in canonical order."""

    def __init__(self, names: Iterable[OwnerName], ttl: int) -> None:
        present = sorted((owner for owner in names if owner.types), key=lambda owner: owner.name)
        self._names = [owner.name for owner in present]
        self._records: list[Owned] = []
        for index, owner in enumerate(present):
            following = present[(index + 1) % len(present)].name
            types = _bitmap([*owner.types, RdataType.NSEC, RdataType.RRSIG])
            rdata = dns.rdata.from_text(RdataClass.IN, RdataType.NSEC, f"{following} {types}")
            self._records.append((owner.name, dns.rdataset.from_rdata(ttl, rdata)))

    def at(self, name: Name) -> Rdataset | None:
        """The NSEC RRset of a name, which may also be asked for directly."""
        owner, rdataset = self._at_or_before(name)
        return rdataset if owner == name else None

    def _at_or_before(self, name: Name) -> Owned:
        return self._records[bisect_right(self._names, name) - 1]

    def no_type(self, name: Name) -> list[Owned]:
        return [self._at_or_before(name)]

    def no_name(self, name: Name, encloser: Name) -> list[Owned]:
        return [self._at_or_before(name), self._at_or_before(wildcard(encloser))]

    def expanded(self, name: Name, encloser: Name) -> list[Owned]:
        return [self._at_or_before(name)]

    def expanded_no_type(self, name: Name, encloser: Name) -> list[Owned]:
        return [self._at_or_before(name), self._at_or_before(wildcard(encloser))]

    def no_ds(self, delegation: Name) -> list[Owned]:
        return [self._at_or_before(delegation)]


class Nsec3Chain:
    """One NSEC3 record per name, empty non-terminals included; with opt-out, insecure delegations have none."""

    def __init__(
        self, names: Iterable[OwnerName], origin: Name, ttl: int, *, iterations: int, salt: bytes, opt_out: bool
    ) -> None:
        self._iterations = iterations
        self._salt = salt
        flags = OPT_OUT if opt_out else 0
        owners = {self._hash(o.name): o for o in names if not (opt_out and o.insecure_delegation)}
        self._hashes = sorted(owners)
        self._records: list[Owned] = []
        for index, digest in enumerate(self._hashes):
            following = self._hashes[(index + 1) % len(self._hashes)]
            owner = owners[digest]
            # Without any signed record set at the name (empty non-terminal, insecure delegation) there is no RRSIG.
            unsigned = not owner.types or owner.insecure_delegation
            types = [*owner.types] if unsigned else [*owner.types, RdataType.RRSIG]
            following_label = base64.b32hexencode(following).decode()
            text = f"1 {flags} {iterations} {salt.hex() or '-'} {following_label} {_bitmap(types)}"
            rdata = dns.rdata.from_text(RdataClass.IN, RdataType.NSEC3, text)
            label = base64.b32hexencode(digest).decode().lower()
            self._records.append((dns.name.from_text(label, origin), dns.rdataset.from_rdata(ttl, rdata)))

    def _hash(self, name: Name) -> bytes:
        return base64.b32hexdecode(dns.dnssec.nsec3_hash(name, self._salt, self._iterations, NSEC3Hash.SHA1))

    def _has(self, name: Name) -> bool:
        return self._hash(name) in self._hashes

    def _at_or_before(self, name: Name) -> Owned:
        # Index -1, before the first hash, is the last record: the chain is a ring.
        return self._records[bisect_right(self._hashes, self._hash(name)) - 1]

    def _closest(self, name: Name, encloser: Name) -> list[Owned]:
        """The closest encloser proof: the encloser exists, the name one label longer does not (7.2.1)."""
        _, next_closer = name.split(len(encloser) + 1)
        return [self._at_or_before(encloser), self._at_or_before(next_closer)]

    def no_type(self, name: Name) -> list[Owned]:
        return [self._at_or_before(name)]

    def no_name(self, name: Name, encloser: Name) -> list[Owned]:
        return [*self._closest(name, encloser), self._at_or_before(wildcard(encloser))]

    def expanded(self, name: Name, encloser: Name) -> list[Owned]:
        # The signature's label count already names the encloser (7.2.6).
        return self._closest(name, encloser)[1:]

    def expanded_no_type(self, name: Name, encloser: Name) -> list[Owned]:
        return [*self._closest(name, encloser), self._at_or_before(wildcard(encloser))]

    def no_ds(self, delegation: Name) -> list[Owned]:
        if self._has(delegation):
            return [self._at_or_before(delegation)]
        encloser = delegation.parent()
        while not self._has(encloser):
            encloser = encloser.parent()
        return self._closest(delegation, encloser)


def wildcard(encloser: Name) -> Name:
    """The wildcard directly below a name."""
    return dns.name.from_text("*", encloser)


def _bitmap(types: Iterable[RdataType]) -> str:
    return " ".join(dns.rdatatype.to_text(rdtype) for rdtype in types)
