"""The validator: one question in, one judged Lookup out (RFC 4033 to 4035, 5155, 6840). No I/O, no clock.

Every signature is judged at the time its own answer was observed. The validator never believes a resolver's AD bit; it
wants all records, so resolvers are asked with CD and DO set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.DNAME import DNAME

from ..model import DnsMessage, Observation
from ..wire.dns_message import Message, read_message
from . import denial, signatures
from .answer import Answer, NoAnswer, Signed, read
from .chain import Trouble, Zone, Zones
from .lookup import Alias, Lookup, NotAsked, Signature, Status, ZoneLink, fits, parse_name, present
from .proofs import proofs_of

MAXIMUM_ALIASES = 12  # CNAME and DNAME hops; resolvers stop between 8 and 16

Get = Callable[[str, str], Observation[DnsMessage] | None]
_WORST = (Status.BOGUS, Status.INDETERMINATE, Status.INSECURE, Status.SECURE)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What validation says of one RRset or denial."""

    status: Status
    zone: Zone
    signatures: tuple[Signature, ...] = ()
    trouble: Trouble | None = None
    original_ttl: int | None = None


@dataclass(slots=True)
class _Trail:
    """What was gathered on the way along an alias chain."""

    status: Status = Status.SECURE
    aliases: list[Alias] = field(default_factory=list)
    zones: dict[str, ZoneLink] = field(default_factory=dict)
    signatures: dict[Signature, None] = field(default_factory=dict)
    trouble: Trouble | None = None

    def add(self, judged: _Judged) -> None:
        if _WORST.index(judged.status) < _WORST.index(self.status):
            self.status = judged.status
            self.trouble = judged.trouble or judged.zone.trouble  # of the hop that decides, not of the first
        for link in judged.zone.chain:
            self.zones.setdefault(link.zone, link)
        for signature in (*judged.zone.signatures, *judged.signatures):
            self.signatures.setdefault(signature)


def _impossible(name: str, rdtype: str) -> Lookup:
    return Lookup(
        name=name,
        rdtype=rdtype,
        status=Status.SECURE,
        kind="nxdomain",
        owner=name,
        aliases=(),
        records=(),
        ttl=None,
        cause=None,
        place=None,
        detail="longer than any name in DNS",
        zones=(),
        signatures=(),
        failure=None,
    )


class Validator:
    """Judges lookups from observations. `get(name, rdtype)` gives the observation of a question, None if not asked.

    `lookup` raises NotAsked for the next question it needs; ask it, and call `lookup` again. `parse` may be given by
    who has read the messages already.
    """

    def __init__(self, get: Get, anchors: tuple[str, ...], parse: Callable[[bytes], Message] = read_message) -> None:
        self._get = get
        self._parse = parse
        self._answers: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], Answer | NoAnswer] = {}
        self._zones = Zones(self._answer, anchors)
        self._lookups: dict[tuple[str, str], Lookup] = {}

    def root(self) -> Zone:
        """The root zone as judged by the trust anchors."""
        return self._zones.root()

    def root_answer(self) -> Answer | NoAnswer:
        """The answer to the canary question, the root's DNSKEY RRset."""
        return self._answer(dns.name.root, dns.rdatatype.DNSKEY)

    def lookup(self, name: str, rdtype: str) -> Lookup:
        """The judged answer to `name` `rdtype`. A name that a prefix has made too long (RFC 1035 section 2.3.4) can
        have no records, which nobody needs to be asked."""
        key = (name, rdtype)
        if key not in self._lookups and not fits(name):
            return _impossible(name, rdtype)
        if key not in self._lookups:
            self._zones.work = signatures.Work()
            self._lookups[key] = self._follow(parse_name(name), dns.rdatatype.from_text(rdtype))
        return self._lookups[key]

    def zone(self, apex: str) -> Zone:
        """What is known of the zone that begins at `apex`, as for a signature that names it as its signer."""
        self._zones.work = signatures.Work()
        return self._zones.zone(parse_name(apex))

    def answer(self, name: str, rdtype: str) -> Answer | NoAnswer:
        """The answer as received, not judged. Raises NotAsked."""
        return self._answer(parse_name(name), dns.rdatatype.from_text(rdtype))

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """Every lookup judged so far."""
        return tuple(self._lookups.values())

    def _answer(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer | NoAnswer:
        key = (name, rdtype)
        if key not in self._answers:
            observation = self._get(present(name), dns.rdatatype.to_text(rdtype))
            if observation is None:
                raise NotAsked(present(name), dns.rdatatype.to_text(rdtype))
            self._answers[key] = read(observation, self._parse)
        return self._answers[key]

    def _follow(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Lookup:
        root = self.root()
        trail = _Trail()
        if root.status is not Status.SECURE:
            unusable = _Judged(Status.INDETERMINATE, root, trouble=root.trouble)
            trail.add(unusable)
            return self._result(name, rdtype, name, trail)
        current, visited = name, {name}
        while True:
            answer = self._answer(current, rdtype)
            if isinstance(answer, NoAnswer):
                trail.add(self._unanswered(current, answer))
                return self._result(name, rdtype, current, trail, failure=answer)
            found = answer.find(current, rdtype)
            # A CNAME below a DNAME is made from it and never signed (RFC 6672 section 5.3.1): the DNAME is the alias.
            if found is not None and (rdtype != dns.rdatatype.CNAME or _dname_above(current, answer) is None):
                judged = self._positive(found, answer)
                trail.add(judged)
                return self._result(name, rdtype, current, trail, kind="answer", found=found, ttl=judged.original_ttl)
            target = self._alias(current, answer, trail)
            if target is None:
                judged = self._negative(current, rdtype, answer)
                trail.add(judged)
                kind = "nxdomain" if answer.nxdomain else "nodata"
                return self._result(name, rdtype, current, trail, kind=kind)
            if target in visited:
                trail.trouble = trail.trouble or Trouble("ALIAS_LOOP", present(target), "the aliases lead in a circle")
                return self._result(name, rdtype, target, trail, kind="loop")
            if len(trail.aliases) >= MAXIMUM_ALIASES:
                limit = Trouble("DNSSEC_LIMIT", present(target), f"more than {MAXIMUM_ALIASES} aliases")
                trail.add(_Judged(Status.INDETERMINATE, root, trouble=limit))
                return self._result(name, rdtype, target, trail)
            visited.add(target)
            current = target

    def _unanswered(self, name: dns.name.Name, answer: NoAnswer) -> _Judged:
        trouble = Trouble(answer.code, present(name), answer.detail, answer)
        return _Judged(Status.INDETERMINATE, self.root(), trouble=trouble)

    def _alias(self, name: dns.name.Name, answer: Answer, trail: _Trail) -> dns.name.Name | None:
        """The next name, where the answer holds a CNAME or a DNAME for this one (RFC 6672)."""
        dname = _dname_above(name, answer)
        if dname is not None:
            judged = self._positive(dname, answer)
            try:
                target = dns.name.Name((name.relativize(dname.rrset.name) + _target(dname)).labels)
            except dns.exception.DNSException:
                return None  # too long: YXDOMAIN; falls through to a denial, which is not there
        else:
            cname = answer.find(name, dns.rdatatype.CNAME)
            if cname is None:
                return None
            judged = self._positive(cname, answer)
            target = _target(cname)
        trail.add(judged)
        trail.aliases.append(Alias(present(name), present(target), judged.status))
        return target

    def _positive(self, found: Signed, answer: Answer) -> _Judged:
        """Judges an RRset that is there, a wildcard's expansion included (RFC 4035 section 5.3.4)."""
        name = found.rrset.name
        zone = self._zone_of(found)
        if zone.status is not Status.SECURE:
            return _Judged(zone.status, zone)
        result = signatures.verify(found, zone.name, zone.keys, answer.time, self._zones.work)
        if isinstance(result, signatures.Unverified):
            return _failed(name, zone, result)
        judged = _Judged(Status.SECURE, zone, (result.signature,), original_ttl=result.rrsig.original_ttl)
        if result.rrsig.labels == signatures.signed_labels(name):
            return judged
        proofs = proofs_of(answer, zone.name, zone.keys, self._zones.work)
        seen = (*judged.signatures, *proofs.signatures)
        proven = [p.expanded(name, result.rrsig.labels) for p in proofs.proofs]
        if denial.Proof.PROVEN in proven:
            return _Judged(Status.SECURE, zone, seen, None, judged.original_ttl)
        for weak in (denial.Proof.OPT_OUT, denial.Proof.COSTLY):
            if weak in proven:
                return _Judged(Status.INSECURE, zone, seen, _weak(name, zone, weak), judged.original_ttl)
        return _failed(name, zone, proofs.trouble(f"no proof that only a wildcard matches {present(name)}"))

    def _zone_of(self, found: Signed) -> Zone:
        """The zone that signs an RRset: named by its RRSIG; without one, found by walking down from the root."""
        name = found.rrset.name
        signers = {rrsig.signer for rrsig in found.signatures if name.is_subdomain(rrsig.signer)}
        if not signers:
            return self._zones.enclosing(name)
        return self._zones.zone(max(signers, key=len))

    def _negative(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, answer: Answer) -> _Judged:
        """Judges the denial of a name or a type."""
        zone = self._denying_zone(name, rdtype, answer)
        if zone.status is not Status.SECURE:
            return _Judged(zone.status, zone)
        found = proofs_of(answer, zone.name, zone.keys, self._zones.work)
        for proofs in found.proofs:
            proven = denial.deny(proofs, name, None if answer.nxdomain else rdtype)
            if proven is denial.Proof.NONE:
                continue
            spoilt = _spoilt_soa(zone, answer, self._zones.work)
            if spoilt is not None:
                return _failed(zone.name, zone, spoilt)
            if proven is denial.Proof.PROVEN:
                return _Judged(Status.SECURE, zone, found.signatures)
            return _Judged(Status.INSECURE, zone, found.signatures, _weak(name, zone, proven))
        what = "does not exist" if answer.nxdomain else f"has no {dns.rdatatype.to_text(rdtype)}"
        return _failed(name, zone, found.trouble(f"no proof that {present(name)} {what}"))

    def _denying_zone(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, answer: Answer) -> Zone:
        signers = {rrsig.signer for signed in answer.denials() for rrsig in signed.signatures}
        above = [signer for signer in signers if name.is_subdomain(signer)]
        if above:
            return self._zones.zone(max(above, key=len))
        start = name.parent() if rdtype == dns.rdatatype.DS and name != dns.name.root else name
        return self._zones.enclosing(start)

    def _result(
        self,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
        owner: dns.name.Name,
        trail: _Trail,
        *,
        kind: str | None = None,
        found: Signed | None = None,
        ttl: int | None = None,
        failure: NoAnswer | None = None,
    ) -> Lookup:
        trouble = trail.trouble
        unanswered = failure or (trouble.unanswered if trouble else None)
        received = found.rrset.ttl if found is not None else None
        return Lookup(
            name=present(name),
            rdtype=dns.rdatatype.to_text(rdtype),
            status=trail.status,
            kind=kind,
            owner=present(owner),
            aliases=tuple(trail.aliases),
            records=tuple(found.rrset) if found is not None else (),
            ttl=ttl if ttl is not None else received,
            cause=trouble.code if trouble else None,
            place=trouble.place if trouble else None,
            detail=trouble.detail if trouble else None,
            zones=tuple(trail.zones.values()),
            signatures=tuple(trail.signatures),
            failure=unanswered.failure if unanswered else None,
        )


def _weak(name: dns.name.Name, zone: Zone, proven: denial.Proof) -> Trouble:
    """Why a proof makes its answer no more than insecure (RFC 5155 section 9.2, RFC 9276 section 3.2)."""
    costly = proven is denial.Proof.COSTLY
    code = "NSEC3_ITERATIONS" if costly else "DNSSEC_INSECURE"
    detail = "too many NSEC3 iterations" if costly else "the name lies in an opt-out span"
    return Trouble(code, present(zone.name), f"{present(name)}: {detail}")


def _failed(name: dns.name.Name, zone: Zone, failure: signatures.Unverified) -> _Judged:
    status = Status.INDETERMINATE if failure.code == "DNSSEC_LIMIT" else Status.BOGUS
    return _Judged(status, zone, trouble=Trouble(failure.code, present(name), failure.detail))


def _spoilt_soa(zone: Zone, answer: Answer, work: signatures.Work) -> signatures.Unverified | None:
    """What is wrong with the SOA beside a denial: a negative answer is only authentic with it (RFC 4035 3.2.3)."""
    for signed in answer.authority:
        if signed.rrset.rdtype == dns.rdatatype.SOA and signed.rrset.name == zone.name:
            result = signatures.verify(signed, zone.name, zone.keys, answer.time, work)
            if isinstance(result, signatures.Unverified):
                return result
    return None


def _dname_above(name: dns.name.Name, answer: Answer) -> Signed | None:
    """The DNAME in an answer that redirects `name` (RFC 6672 section 2.3: names below its owner)."""
    names = (s for s in answer.answer if s.rrset.rdtype == dns.rdatatype.DNAME)
    return next((s for s in names if name != s.rrset.name and name.is_subdomain(s.rrset.name)), None)


def _target(alias: Signed) -> dns.name.Name:
    rdata = alias.rrset[0]
    assert isinstance(rdata, CNAME | DNAME)
    return dns.name.Name(rdata.target.labels)
