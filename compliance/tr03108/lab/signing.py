"""Keys and signatures of the lab's zones: KSK and ZSK, DNSKEY, DS and RRSIG (RFC 4034), sound or faulty on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataset
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

from tr03108.lab.faults import FaultKind

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

R = TypeVar("R", bound=dns.rdata.Rdata)

ALGORITHMS = {
    "RSASHA1": Algorithm.RSASHA1NSEC3SHA1,
    "RSASHA256-1024": Algorithm.RSASHA256,
    "RSASHA256": Algorithm.RSASHA256,
    "ECDSAP256SHA256": Algorithm.ECDSAP256SHA256,
    "ED25519": Algorithm.ED25519,
}
UNKNOWN_ALGORITHM = 200  # unassigned in IANA's registry of DNSSEC algorithm numbers
RSA_BITS = 2048
SHORT_RSA_BITS = 1024
# Far more than the clock skew that validators forgive (Unbound: up to one day).
MISSED_BY = timedelta(days=5)


class Role(StrEnum):
    """What a key is for; a rogue key is in no DNSKEY RRset."""

    KSK = "ksk"
    ZSK = "zsk"
    ROGUE = "rogue"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its public half as published."""

    private: PrivateKey
    dnskey: DNSKEY


class KeyRing:
    """Makes keys when first asked and keeps them; share one to spare the slow generation of RSA keys.

    All zones share one RSA key pair (and one for rogue keys), which proves nothing less about a validator.
    """

    def __init__(self) -> None:
        self._keys: dict[tuple[Name, str, Role], SigningKey] = {}
        self._rsa: dict[tuple[bool, int], rsa.RSAPrivateKey] = {}

    def key(self, origin: Name, algorithm: str, role: Role) -> SigningKey:
        """The key of a zone for one role; `algorithm` is a name in ALGORITHMS."""
        place = (origin, algorithm, role)
        if place not in self._keys:
            private = self._generate(algorithm, role)
            flags = 257 if role is Role.KSK else 256
            dnskey = dns.dnssec.make_dnskey(private.public_key(), ALGORITHMS[algorithm], flags)
            self._keys[place] = SigningKey(private, dnskey)
        return self._keys[place]

    def _generate(self, algorithm: str, role: Role) -> PrivateKey:
        if algorithm.startswith("RSA"):
            bits = SHORT_RSA_BITS if algorithm.endswith("-1024") else RSA_BITS
            place = (role is Role.ROGUE, bits)
            if place not in self._rsa:
                self._rsa[place] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
            return self._rsa[place]
        if algorithm == "ED25519":
            return ed25519.Ed25519PrivateKey.generate()
        return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Validity:
    """When the sound signatures of a zone begin and end."""

    begins: datetime
    ends: datetime


class Signer:
    """Signs one zone. `unknown_algorithm` publishes its keys under an algorithm number that nobody knows.

    `ds_digest` is the digest of its DS record; `second_algorithm` that of one more key, which signs only the keys.
    """

    def __init__(
        self,
        origin: Name,
        algorithm: str,
        keys: KeyRing,
        now: datetime,
        validity: Validity,
        unknown_algorithm: bool,
        ds_digest: str = "SHA256",
        second_algorithm: str = "",
    ) -> None:
        self._ds_digest = DSDigest[ds_digest]
        self._second = keys.key(origin, second_algorithm, Role.ZSK) if second_algorithm else None
        self._origin = origin
        self._algorithm = algorithm
        self._keys = keys
        self._now = now
        self._validity = validity
        self._unknown_algorithm = unknown_algorithm

    @cached_property
    def _published(self) -> dict[Role, DNSKEY]:
        dnskeys = {role: self._key(role).dnskey for role in (Role.KSK, Role.ZSK)}
        if self._unknown_algorithm:
            return {role: _relabelled(dnskey) for role, dnskey in dnskeys.items()}
        return dnskeys

    def dnskey_set(self, ttl: int) -> Rdataset:
        """The DNSKEY RRset of the apex."""
        second = [self._second.dnskey] if self._second is not None else []
        return dns.rdataset.from_rdata_list(ttl, [*self._published.values(), *second])

    def ds(self, faults: frozenset[FaultKind]) -> DS:
        """The DS record of the KSK, for the parent zone or as trust anchor."""
        key, everything = self._published[Role.KSK], dns.dnssec.allow_all_policy
        ds = dns.dnssec.make_ds(self._origin, key, self._ds_digest, policy=everything)
        if FaultKind.DS_MISMATCH in faults:
            ds = _changed(ds, digest=_flipped(ds.digest))
        if FaultKind.ALGORITHM_UNKNOWN in faults:
            ds = _changed(ds, algorithm=UNKNOWN_ALGORITHM)
        return ds

    def sign(self, owner: Name, rdataset: Rdataset, faults: frozenset[FaultKind]) -> Rdataset | None:
        """The RRSIG RRset of a record set, with what `faults` does to it; None where the fault is its absence."""
        if FaultKind.UNSIGNED in faults:
            return None
        role = Role.KSK if rdataset.rdtype is RdataType.DNSKEY else Role.ZSK
        key = self._key(Role.ROGUE if FaultKind.WRONG_KEY in faults else role)
        begins, ends = self._window(faults)
        rrsig = dns.dnssec.sign(
            (owner, rdataset),
            key.private,
            self._foreign_signer() if FaultKind.WRONG_SIGNER in faults else self._origin,
            key.dnskey,
            inception=begins,
            expiration=ends,
            policy=dns.dnssec.allow_all_policy,
        )
        made = [self._spoilt(rrsig, role, faults)]
        if self._second is not None and role is Role.KSK:
            second = self._second
            made.append(
                dns.dnssec.sign(
                    (owner, rdataset), second.private, self._origin, second.dnskey, inception=begins, expiration=ends
                )
            )
        return dns.rdataset.from_rdata_list(rdataset.ttl, made)

    def _window(self, faults: frozenset[FaultKind]) -> tuple[datetime, datetime]:
        begins, ends = self._validity.begins, self._validity.ends
        if FaultKind.EXPIRED in faults:
            ends = self._now - MISSED_BY
            begins = min(begins, ends) - timedelta(days=14)
        if FaultKind.FUTURE in faults:
            begins = self._now + MISSED_BY
            ends = max(ends, begins) + timedelta(days=14)
        return begins, ends

    def _spoilt(self, rrsig: RRSIG, role: Role, faults: frozenset[FaultKind]) -> RRSIG:
        # Here the signature no longer fits the changed fields. No validator gets as far as noticing: it first misses
        # the key or the algorithm.
        changed = rrsig
        if FaultKind.CORRUPT in faults:
            changed = corrupted(changed)
        if FaultKind.ALGORITHM_UNKNOWN in faults:
            tag = dns.dnssec.key_id(_relabelled(self._key(role).dnskey))
            changed = _changed(changed, algorithm=UNKNOWN_ALGORITHM, key_tag=tag)
        if FaultKind.WRONG_TAG in faults:
            changed = _changed(changed, key_tag=self._unused_tag())
        return changed

    def _unused_tag(self) -> int:
        used = {dns.dnssec.key_id(dnskey) for dnskey in self._published.values()}
        return next(tag for tag in range(1, 4) if tag not in used)

    def _foreign_signer(self) -> Name:
        parent = self._origin.parent() if self._origin != dns.name.root else self._origin
        return dns.name.from_text("no-zone-of-the-lab", parent)

    def _key(self, role: Role) -> SigningKey:
        return self._keys.key(self._origin, self._algorithm, role)


def corrupted(rrsig: RRSIG) -> RRSIG:
    """The same signature with one bit flipped."""
    return _changed(rrsig, signature=_flipped(rrsig.signature))


def corrupted_set(rrsigs: Rdataset) -> Rdataset:
    """The same signatures, each with one bit flipped."""
    return dns.rdataset.from_rdata_list(rrsigs.ttl, [corrupted(rdata) for rdata in rrsigs if isinstance(rdata, RRSIG)])


def _changed(rdata: R, **fields: object) -> R:
    changed = rdata.replace(**fields)
    assert isinstance(changed, type(rdata))
    return changed


def _relabelled(dnskey: DNSKEY) -> DNSKEY:
    return _changed(dnskey, algorithm=UNKNOWN_ALGORITHM)


def _flipped(data: bytes) -> bytes:
    # The last byte: in RSA and ECDSA signatures it is never padding, and the length stays.
    return data[:-1] + bytes([data[-1] ^ 0x01])
