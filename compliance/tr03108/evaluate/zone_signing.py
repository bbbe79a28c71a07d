"""How a zone is signed, apart from whether its signatures hold: algorithms, key lengths, digests, NSEC3 parameters.

Facts only; what is good is for the checks to say. Sources of the rules behind: RFC 4035 section 2.2 (every algorithm
signs everything), RFC 3110 section 2 (RSA keys), RFC 5155 section 4 (NSEC3PARAM), RFC 9276 section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rdtypes.ANY.NSEC3PARAM import NSEC3PARAM

from .answer import Answer, NoAnswer, Signed
from .chain import Zone
from .dnssec import Validator
from .lookup import Lookup, NotAsked, Status, algorithm_text, parse_name, present

RSA_ALGORITHMS = frozenset({1, 5, 7, 8, 10})
SHA1_ALGORITHMS = frozenset({3, 5, 6, 7})  # DSA too (RFC 2536)
SHA1_DIGEST = 1


@dataclass(frozen=True, slots=True)
class ZoneKey:
    """One zone key: key tag, algorithm, and for RSA the length of its modulus in bits."""

    tag: int
    algorithm: int
    bits: int | None

    @property
    def text(self) -> str:
        length = "" if self.bits is None else f", {self.bits} bits"
        return f"key tag {self.tag}, {algorithm_text(self.algorithm)}{length}"


@dataclass(frozen=True, slots=True)
class ZoneSigning:
    """One zone: status, keys, digest types of its DS records, and what its answers show.

    `incomplete` names RRsets that lack a signature of an algorithm of the zone's keys, with these algorithms; `nsec3`
    the parameters seen as (iterations, salt in hex); `nsec`: denials are made with NSEC. `cause` and `detail` say why a
    zone is not secure.
    """

    name: str
    status: Status
    keys: tuple[ZoneKey, ...] = ()
    digests: tuple[int, ...] = ()
    incomplete: tuple[str, ...] = ()
    nsec3: tuple[tuple[int, str], ...] = ()
    nsec: bool = False
    cause: str | None = None
    detail: str = ""

    @property
    def sha1(self) -> str | None:
        """Where SHA-1 is relied on: in signatures, or as the only digest of the delegation."""
        keys = [key.text for key in self.keys if key.algorithm in SHA1_ALGORITHMS]
        if keys:
            return "; ".join(keys)
        return "DS records with SHA-1 digests alone" if set(self.digests) == {SHA1_DIGEST} else None

    def evidence(self) -> dict[str, object]:
        """What the report shows of it."""
        return {
            "zone": self.name,
            "status": self.status.value,
            "keys": [key.text for key in self.keys],
            "ds_digest_types": list(self.digests),
            "incomplete": list(self.incomplete),
            "nsec3": [f"{iterations} iterations, salt {salt or 'none'}" for iterations, salt in self.nsec3],
        }


def zones_of(lookups: Iterable[Lookup]) -> tuple[str, ...]:
    """The zones in which the names of some lookups lie, as far as the chain of trust was followed."""
    found: dict[str, None] = {}
    for lookup in lookups:
        for name in {lookup.name, lookup.owner}:
            above = [link.zone for link in lookup.zones if parse_name(name).is_subdomain(parse_name(link.zone))]
            if above:
                found[max(above, key=lambda zone: len(parse_name(zone)))] = None
    return tuple(sorted(found))


def zone_signing(validator: Validator, name: str, asked: Iterable[tuple[str, str]]) -> ZoneSigning:
    """How the zone `name` is signed, from the answers to all questions that were asked."""
    zone = validator.zone(name)
    if zone.status is not Status.SECURE:
        trouble = zone.trouble
        code, detail = (trouble.code, trouble.detail) if trouble else (None, "")
        return ZoneSigning(name, zone.status, cause=code, detail=detail)
    keys = tuple(ZoneKey(key.tag, int(key.dnskey.algorithm), rsa_bits(key.dnskey)) for key in zone.keys)
    incomplete: dict[str, None] = {}
    nsec3: dict[tuple[int, str], None] = {}
    nsec = False
    for answer in _answers(validator, asked):
        for signed in (*answer.answer, *answer.authority):
            if not any(rrsig.signer == zone.name for rrsig in signed.signatures):
                continue
            missing = _missing(signed, zone)
            if missing:
                incomplete[missing] = None
            nsec = nsec or signed.rrset.rdtype == dns.rdatatype.NSEC
            for rdata in signed.rrset:
                if isinstance(rdata, NSEC3 | NSEC3PARAM):
                    nsec3[rdata.iterations, rdata.salt.hex()] = None
    digests = _digests(validator, name)
    return ZoneSigning(name, zone.status, keys, digests, tuple(incomplete), tuple(nsec3), nsec)


def rsa_bits(key: DNSKEY) -> int | None:
    """The length of an RSA key's modulus in bits (RFC 3110 section 2); None for other keys."""
    if key.algorithm not in RSA_ALGORITHMS or not key.key:
        return None
    start = 1 + key.key[0] if key.key[0] else 3 + int.from_bytes(key.key[1:3], "big")
    return int.from_bytes(key.key[start:], "big").bit_length()


def _answers(validator: Validator, asked: Iterable[tuple[str, str]]) -> Iterable[Answer]:
    for name, rdtype in asked:
        try:
            answer = validator.answer(name, rdtype)
        except NotAsked:
            continue
        if not isinstance(answer, NoAnswer):
            yield answer


def _missing(signed: Signed, zone: Zone) -> str | None:
    """An RRset without a signature of an algorithm that the zone's keys have (RFC 4035 section 2.2)."""
    used = {int(rrsig.algorithm) for rrsig in signed.signatures if rrsig.signer == zone.name}
    missing = sorted({int(key.dnskey.algorithm) for key in zone.keys} - used)
    if not missing:
        return None
    names = ", ".join(algorithm_text(number) for number in missing)
    return f"{present(signed.rrset.name)} {dns.rdatatype.to_text(signed.rrset.rdtype)} without {names}"


def _digests(validator: Validator, name: str) -> tuple[int, ...]:
    """The digest types of the zone's DS records; none for the root."""
    if name == ".":
        return ()
    answer = validator.answer(name, "DS")
    found = None if isinstance(answer, NoAnswer) else answer.find(parse_name(name), dns.rdatatype.DS)
    records = found.rrset if found is not None else ()
    return tuple(sorted({int(rdata.digest_type) for rdata in records if isinstance(rdata, DS)}))
