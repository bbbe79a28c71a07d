"""Sets of keys that the lab's zones do not have by themselves: standby keys, roll-overs, more algorithms and digests.

The lab gives each zone one KSK and one ZSK of one algorithm, and one DS with SHA-256. `roll` changes the zones of a
tree that is built but was not asked anything yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import dns.dnssec
import dns.name
import dns.rdataset
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from tr03108.lab.faults import FaultKind
from tr03108.lab.signing import UNKNOWN_ALGORITHM, KeyRing, Role, Signer, Validity
from tr03108.lab.zone import DEFAULT_TTL, Zone, ZoneSpec

ZSK, KSK, REVOKED_KSK = 256, 257, 257 | 128
SHA1, SHA256, SHA384 = DSDigest.SHA1, DSDigest.SHA256, DSDigest.SHA384
UNKNOWN_DIGEST = 200
D = TypeVar("D", bound=DS)
Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


@dataclass(frozen=True, slots=True)
class ExtraKey:
    """A key beside the lab's own. `signs` is "nothing", "keys", "data" or "all"; `ds` its digests in the parent."""

    algorithm: Algorithm
    flags: int
    signs: str = "nothing"
    ds: tuple[DSDigest, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """What a zone's keys and DS records are.

    `ds` is how the parent names the lab's KSK: digests, or "wrong-<digest>", "unknown-algorithm", "unknown-digest",
    "stranger" (the digest of a key that is not there). None leaves the delegation as the lab makes it, () has
    no DS of that key. With `spoilt` a fault touches the signatures of the extra keys, too: they are then left out.
    """

    title: str
    extra: tuple[ExtraKey, ...] = ()
    ds: tuple[str, ...] | None = None
    spoilt: bool = False


PLAIN_KEYS = KeyPlan("as the lab makes them")
_P256, _P384 = Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384
_ED25519, _ED448 = Algorithm.ED25519, Algorithm.ED448
KEY_PLANS = (
    KeyPlan("no DS", ds=()),
    KeyPlan("no DS", ds=()),
    KeyPlan("standby KSK", (ExtraKey(_P256, KSK),)),
    KeyPlan("standby KSK with DS", (ExtraKey(_P256, KSK, ds=(SHA256,)),), ds=("sha256",)),
    KeyPlan("DS of a key to come", ds=("stranger", "sha256")),
    KeyPlan("pre-published ZSK", (ExtraKey(_P256, ZSK),)),
    KeyPlan("double signature ZSK", (ExtraKey(_P256, ZSK, "data"),)),
    KeyPlan("double signature ZSK, both faulty", (ExtraKey(_P256, ZSK, "data"),), spoilt=True),
    KeyPlan("double KSK", (ExtraKey(_P256, KSK, "keys", (SHA256,)),), ds=("sha256",)),
    KeyPlan("KSK roll-over, old DS", (ExtraKey(_P256, KSK, "keys"),)),
    KeyPlan("KSK roll-over, new DS", (ExtraKey(_ED25519, KSK, "all", (SHA256,)),), ds=()),
    KeyPlan("two algorithms", (ExtraKey(_ED25519, KSK, "all", (SHA256,)),), ds=("sha256",), spoilt=True),
    KeyPlan("two algorithms, one DS", (ExtraKey(_ED25519, KSK, "all"),)),
    KeyPlan("two algorithms, one signs data", (ExtraKey(_ED25519, KSK, "keys", (SHA256,)),), ds=("sha256",)),
    KeyPlan("two algorithms, one signs", (ExtraKey(_ED25519, KSK, ds=(SHA256,)),), ds=("sha256",)),
    KeyPlan("CSK P-384", (ExtraKey(_P384, KSK, "all", (SHA384,)),), ds=(), spoilt=True),
    KeyPlan("CSK Ed448", (ExtraKey(_ED448, KSK, "all", (SHA256,)),), ds=(), spoilt=True),
    KeyPlan("DS of a key without SEP", (ExtraKey(_P256, ZSK, "all", (SHA256,)),), ds=(), spoilt=True),
    KeyPlan("revoked KSK beside", (ExtraKey(_P256, REVOKED_KSK, "keys"),)),
    KeyPlan("only DS is of the revoked KSK", (ExtraKey(_P256, REVOKED_KSK, "keys", (SHA256,)),), ds=()),
    KeyPlan("SHA-1 DS", ds=("sha1",)),
    KeyPlan("SHA-384 DS", ds=("sha384",)),
    KeyPlan("SHA-1 and SHA-256 DS", ds=("sha1", "sha256")),
    KeyPlan("wrong SHA-1, right SHA-256 DS", ds=("wrong-sha1", "sha256")),
    KeyPlan("right SHA-1, wrong SHA-256 DS", ds=("sha1", "wrong-sha256")),
    KeyPlan("right SHA-256, wrong SHA-384 DS", ds=("sha256", "wrong-sha384")),
    KeyPlan("wrong SHA-256, right SHA-384 DS", ds=("wrong-sha256", "sha384")),
    KeyPlan("DS of unknown algorithm", ds=("unknown-algorithm",)),
    KeyPlan("DS of unknown digest", ds=("unknown-digest",)),
    KeyPlan("DS of unknown digest beside", ds=("unknown-digest", "sha256")),
    KeyPlan("DS of unknown algorithm beside", ds=("unknown-algorithm", "sha256")),
    KeyPlan("DS of unknown algorithm beside a wrong one", ds=("unknown-algorithm", "wrong-sha256")),
)


@dataclass(frozen=True, slots=True)
class _Made:
    private: Private
    dnskey: DNSKEY
    plan: ExtraKey


class RolledSigner(Signer):
    """The lab's signer with more keys."""

    def __init__(self, spec: ZoneSpec, origin: Name, keys: KeyRing, now: datetime, plan: KeyPlan) -> None:
        validity = Validity(now + spec.begins, now + spec.ends)
        super().__init__(origin, spec.algorithm, keys, now, validity, unknown_algorithm=False)
        self._plan = plan
        self._extra = tuple(_make(extra) for extra in plan.extra)
        self._ksk = keys.key(origin, spec.algorithm, Role.KSK).dnskey

    def dnskey_set(self, ttl: int) -> Rdataset:
        own = super().dnskey_set(ttl)
        return dns.rdataset.from_rdata_list(ttl, [*own, *(made.dnskey for made in self._extra)])

    def sign(self, owner: Name, rdataset: Rdataset, faults: frozenset[FaultKind]) -> Rdataset | None:
        own = super().sign(owner, rdataset, faults)
        if faults and self._plan.spoilt:
            return own
        duty = "keys" if rdataset.rdtype is RdataType.DNSKEY else "data"
        more = [
            dns.dnssec.sign(
                (owner, rdataset),
                made.private,
                self._origin,
                made.dnskey,
                inception=self._validity.begins,
                expiration=self._validity.ends,
            )
            for made in self._extra
            if made.plan.signs in (duty, "all")
        ]
        signatures = [*(own or ()), *more]
        return dns.rdataset.from_rdata_list(rdataset.ttl, signatures) if signatures else None

    def ds_set(self) -> list[DS]:
        """What the parent publishes."""
        own = [self._named(form) for form in self._plan.ds or ()]
        return own + [_digest(self._origin, made.dnskey, kind) for made in self._extra for kind in made.plan.ds]

    def _named(self, form: str) -> DS:
        if form == "stranger":
            return _digest(self._origin, _make(ExtraKey(_P256, KSK)).dnskey, SHA256)
        wrong, name = form.startswith("wrong-"), form.removeprefix("wrong-")
        kind = {"sha1": SHA1, "sha384": SHA384}.get(name, SHA256)
        ds = _digest(self._origin, self._ksk, kind)
        if wrong:
            ds = _changed(ds, digest=bytes(len(ds.digest)))
        if name == "unknown-algorithm":
            ds = _changed(ds, algorithm=UNKNOWN_ALGORITHM)
        if name == "unknown-digest":
            ds = _changed(ds, digest_type=UNKNOWN_DIGEST)
        return ds


def roll(zones: dict[Name, Zone], specs: Iterable[tuple[ZoneSpec, KeyPlan]], keys: KeyRing, now: datetime) -> None:
    """Gives zones of a new tree the keys of their plans, and their parents the DS records."""
    for spec, plan in specs:
        if plan == PLAIN_KEYS:
            continue
        zone = zones[dns.name.from_text(spec.origin)]
        signer = RolledSigner(spec, zone.origin, keys, now, plan)
        zone._signer = signer
        if plan.ds is None:
            continue
        above = zone.origin.parent()
        while above not in zones:
            above = above.parent()
        parent, published = zones[above], signer.ds_set()
        if not published:
            del parent._children[zone.origin]
        elif parent.signed:
            parent._nodes[zone.origin][RdataType.DS] = dns.rdataset.from_rdata_list(DEFAULT_TTL, published)


def _make(extra: ExtraKey) -> _Made:
    private: Private
    if extra.algorithm is _ED25519:
        private = ed25519.Ed25519PrivateKey.generate()
    elif extra.algorithm is _ED448:
        private = ed448.Ed448PrivateKey.generate()
    else:
        private = ec.generate_private_key(ec.SECP384R1() if extra.algorithm is _P384 else ec.SECP256R1())
    return _Made(private, dns.dnssec.make_dnskey(private.public_key(), extra.algorithm, extra.flags), extra)


def _digest(origin: Name, dnskey: DNSKEY, kind: DSDigest) -> DS:
    return dns.dnssec.make_ds(origin, dnskey, kind, policy=dns.dnssec.allow_all_policy)


def _changed(ds: D, **fields: object) -> D:
    changed = ds.replace(**fields)
    assert isinstance(changed, type(ds))
    return changed
