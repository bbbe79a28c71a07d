"""The chain of trust: from the root's anchors through DS and DNSKEY to the keys of a zone (RFC 4035 section 5).

`Zones` holds what is known of each zone. It asks for the DS and DNSKEY RRsets it needs through `answer`, which raises
NotAsked for a question nobody asked yet; so the same code tells a prober what to ask next and judges a saved dossier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.dnssec
import dns.dnssectypes
import dns.exception
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from . import denial, signatures
from .anchors import KeyName, parse_anchors
from .answer import Answer, NoAnswer, Signed
from .keys import Key, KeySet, zone_keys
from .lookup import Signature, Status, ZoneLink, present
from .proofs import proofs_of

SUPPORTED_DIGESTS = frozenset({1, 2, 4})  # SHA-1, SHA-256, SHA-384 (RFC 9904)
MAXIMUM_KEYS = 64  # in a DNSKEY RRset; a sound zone has a handful
MAXIMUM_DS = 64  # in a DS RRset, for the same reason
MAXIMUM_LABELS = 48  # of a name below which zones are looked for; names of IPv6 reverse zones have 35

AnswerTo = Callable[[dns.name.Name, dns.rdatatype.RdataType], Answer | NoAnswer]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a zone's data cannot be trusted: a reason code, the place where it arose, words for the evidence."""

    code: str
    place: str
    detail: str
    unanswered: NoAnswer | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """What is known of one zone: its status, its keys when secure, and the chain that led there."""

    name: dns.name.Name
    status: Status
    keys: KeySet = field(default_factory=KeySet)
    chain: tuple[ZoneLink, ...] = ()
    signatures: tuple[Signature, ...] = ()
    trouble: Trouble | None = None


class Zones:
    """The zones met on the way from the trust anchors, each judged once."""

    def __init__(self, answer: AnswerTo, anchors: tuple[str, ...]) -> None:
        self._answer = answer
        self._anchors = parse_anchors("\n".join(anchors))
        self._apexes: dict[dns.name.Name, Zone] = {}
        self._cuts: dict[dns.name.Name, Zone | None] = {}
        self.work = signatures.Work()  # of the lookup that is being judged; Validator begins it anew for each

    def root(self) -> Zone:
        """The root zone, judged by the trust anchors."""
        if dns.name.root not in self._apexes:
            self._apexes[dns.name.root] = self._keys(dns.name.root, self._anchors, None)
        return self._apexes[dns.name.root]

    def zone(self, apex: dns.name.Name) -> Zone:
        """The zone a signature names as its signer. A name that is no zone gives BOGUS, DNSSEC_SIGNER_WRONG."""
        if apex == dns.name.root:
            return self.root()
        found = self.cut(apex)
        if found is not None:
            return found
        parent = self.enclosing(apex.parent())
        if parent.status is not Status.SECURE:
            return parent
        trouble = Trouble("DNSSEC_SIGNER_WRONG", present(apex), f"{present(apex)} signs data but is not a zone")
        return Zone(apex, Status.BOGUS, chain=parent.chain, trouble=trouble)

    def enclosing(self, name: dns.name.Name) -> Zone:
        """The zone in which `name` lies, walking down from the root; stops where a zone is not secure."""
        zone = self.root()
        for depth in range(2, len(name) + 1):
            if zone.status is not Status.SECURE:
                return zone
            below = self.cut(dns.name.Name(name.labels[-depth:]))
            zone = zone if below is None else below
        return zone

    def cut(self, name: dns.name.Name) -> Zone | None:
        """The zone that begins at `name`, None where none begins there."""
        if name not in self._cuts:
            judged = self._judge_cut(name)
            if self.work.exhausted:
                return judged  # not kept: one hostile lookup must not take the sight of a zone from the next
            self._cuts[name] = judged
        return self._cuts[name]

    def _judge_cut(self, name: dns.name.Name) -> Zone | None:
        if len(name) > MAXIMUM_LABELS:
            limit = signatures.Unverified("DNSSEC_LIMIT", f"a name of more than {MAXIMUM_LABELS} labels")
            return _bogus(name, self.root(), limit)
        answer = self._answer(name, dns.rdatatype.DS)
        if isinstance(answer, NoAnswer):
            parent = self.enclosing(name.parent())
            return parent if parent.status is not Status.SECURE else _unanswered(name, parent, answer)
        found = answer.find(name, dns.rdatatype.DS)
        if found is not None:
            return self._with_ds(name, found, answer)
        if answer.find(name, dns.rdatatype.CNAME) is not None:
            return None  # an alias cannot be a delegation (RFC 1034 3.6.2); the alias itself is judged as data
        return self._without_ds(name, answer)

    def _with_ds(self, name: dns.name.Name, found: Signed, answer: Answer) -> Zone:
        parent = self._signing_parent(name, found)
        if parent.status is not Status.SECURE:
            return parent
        result = signatures.verify_exact(found, parent.name, parent.keys, answer.time, self.work)
        if isinstance(result, signatures.Unverified):
            return _bogus(name, parent, result)
        records = tuple(rdata for rdata in found.rrset if isinstance(rdata, DS))
        return self._keys(name, records, parent, (result.signature,))

    def _signing_parent(self, name: dns.name.Name, found: Signed) -> Zone:
        """The zone that signs the DS RRset: named by its RRSIG, else the one that encloses the parent name."""
        signers = {rrsig.signer for rrsig in found.signatures}
        above = [signer for signer in signers if name != signer and name.is_subdomain(signer)]
        return self.zone(max(above, key=len)) if above else self.enclosing(name.parent())

    def _without_ds(self, name: dns.name.Name, answer: Answer) -> Zone | None:
        """No DS: either an insecure delegation, or no zone cut at all; both need a proof in a secure zone."""
        parent = self.enclosing(name.parent())
        if parent.status is not Status.SECURE:
            return parent
        found = proofs_of(answer, parent.name, parent.keys, self.work)
        proven = denial.Proof.NONE
        for proofs in found.proofs:
            proven = denial.deny(proofs, name, None if answer.nxdomain else dns.rdatatype.DS)
            if proven is denial.Proof.PROVEN:
                types = proofs.types_at(name)
                if answer.nxdomain or not types or dns.rdatatype.NS not in types:
                    return None  # the name is inside the parent zone, or does not exist
            if proven is not denial.Proof.NONE:
                return self._insecure(name, parent, proven, found.signatures)
        return _bogus(name, parent, found.trouble(f"no proof that {present(name)} has no DS"))

    def _insecure(self, name: dns.name.Name, parent: Zone, proven: denial.Proof, proof: tuple[Signature, ...]) -> Zone:
        words = {
            denial.Proof.PROVEN: ("DNSSEC_INSECURE", f"{present(parent.name)} proves that {present(name)} has no DS"),
            denial.Proof.OPT_OUT: (
                "DNSSEC_INSECURE",
                f"{present(name)} lies in an opt-out span of {present(parent.name)}",
            ),
            denial.Proof.COSTLY: ("NSEC3_ITERATIONS", f"{present(parent.name)} uses too many NSEC3 iterations"),
        }
        code, detail = words[proven]
        link = ZoneLink(present(name), Status.INSECURE, (), (), ())
        trouble = Trouble(code, present(name), detail)
        return Zone(name, Status.INSECURE, KeySet(), (*parent.chain, link), (*parent.signatures, *proof), trouble)

    def _keys(
        self,
        name: dns.name.Name,
        named: tuple[KeyName, ...],
        parent: Zone | None,
        proof: tuple[Signature, ...] = (),
    ) -> Zone:
        """Judges a zone's DNSKEY RRset by the DS records (or trust anchors) that name its keys."""
        above = parent or Zone(dns.name.root, Status.SECURE)
        usable = _usable(named)
        if len(usable) > MAXIMUM_DS:
            detail = f"{len(usable)} DS records of {present(name)}, more than {MAXIMUM_DS}"
            return _bogus(name, above, signatures.Unverified("DNSSEC_LIMIT", detail))
        if not usable:
            kinds = ", ".join(f"algorithm {r.algorithm} digest {getattr(r, 'digest_type', '-')}" for r in named)
            trouble = Trouble("DNSSEC_ALGORITHM_UNSUPPORTED", present(name), f"nobody here can check {kinds}")
            link = ZoneLink(present(name), Status.INSECURE, (), tuple(int(r.algorithm) for r in named), ())
            return Zone(name, Status.INSECURE, KeySet(), (*above.chain, link), (*above.signatures, *proof), trouble)
        answer = self._answer(name, dns.rdatatype.DNSKEY)
        if isinstance(answer, NoAnswer):
            return _unanswered(name, above, answer)
        found = answer.find(name, dns.rdatatype.DNSKEY)
        if found is None or len(found.rrset) > MAXIMUM_KEYS:
            code = "DNSSEC_KEY_MISSING" if found is None else "DNSSEC_LIMIT"
            detail = f"no DNSKEY at {present(name)}" if found is None else f"{len(found.rrset)} keys at {present(name)}"
            return _bogus(name, above, signatures.Unverified(code, detail))
        keys = zone_keys(rdata for rdata in found.rrset if isinstance(rdata, DNSKEY))
        entries = keys.only(key for key in keys if any(_names(record, name, key) for record in usable))
        if not entries:
            tags = ", ".join(str(key.tag) for key in keys) or "none"
            detail = f"no DNSKEY of {present(name)} matches its DS records (keys there: {tags})"
            return _bogus(name, above, signatures.Unverified("DNSSEC_DS_MISMATCH", detail))
        result = signatures.verify_exact(found, name, entries, answer.time, self.work)
        if isinstance(result, signatures.Unverified):
            return _bogus(name, above, result)
        link = ZoneLink(
            present(name),
            Status.SECURE,
            tuple(key.tag for key in entries),
            tuple(sorted({int(key.dnskey.algorithm) for key in entries})),
            tuple(sorted({int(record.digest_type) for record in usable if isinstance(record, DS)})),
        )
        chain, seen = (*above.chain, link), (*above.signatures, *proof, result.signature)
        return Zone(name, Status.SECURE, keys, chain, seen)


def _usable(named: tuple[KeyName, ...]) -> tuple[KeyName, ...]:
    """Records we can check; SHA-1 digests are left aside where better ones are there (RFC 4509 section 3)."""
    known = [r for r in named if r.algorithm in signatures.SUPPORTED_ALGORITHMS]
    digests = [r for r in known if isinstance(r, DS) and r.digest_type in SUPPORTED_DIGESTS]
    stronger = [r for r in digests if r.digest_type != dns.dnssectypes.DSDigest.SHA1]
    return (*(stronger or digests), *(r for r in known if isinstance(r, DNSKEY)))


def _names(record: KeyName, zone: dns.name.Name, key: Key) -> bool:
    if isinstance(record, DNSKEY):
        return bool(record == key.dnskey)
    if not isinstance(record, DS) or record.key_tag != key.tag or record.algorithm != key.dnskey.algorithm:
        return False
    made = dns.dnssec.make_ds(
        zone, key.dnskey, dns.dnssectypes.DSDigest(record.digest_type), policy=dns.dnssec.allow_all_policy
    )
    return bool(made.digest == record.digest)


def _unanswered(name: dns.name.Name, parent: Zone, answer: NoAnswer) -> Zone:
    trouble = Trouble(answer.code, present(name), answer.detail, answer)
    link = ZoneLink(present(name), Status.INDETERMINATE, (), (), ())
    return Zone(name, Status.INDETERMINATE, KeySet(), (*parent.chain, link), parent.signatures, trouble)


def _bogus(name: dns.name.Name, parent: Zone, failure: signatures.Unverified) -> Zone:
    status = Status.INDETERMINATE if failure.code == "DNSSEC_LIMIT" else Status.BOGUS
    link = ZoneLink(present(name), status, (), (), ())
    trouble = Trouble(failure.code, present(name), failure.detail)
    return Zone(name, status, KeySet(), (*parent.chain, link), parent.signatures, trouble)
