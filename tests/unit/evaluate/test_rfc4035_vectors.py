"""Known answers: the example zone of RFC 4035 (appendices A and B), and the signatures printed in RFC 5702, 6605, 8080.

The zone's answers are kept in vectors/ as dnspython's text form of a message. RFC 4035 prints no root zone: a root made
here vouches for the published key, so that the whole validator can be asked; everything below that is the RFC's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zonefile
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

from tr03108.evaluate.answer import Answer, Signed, read
from tr03108.evaluate.denial import Proof, Proofs, deny
from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.lookup import Lookup, Status
from tr03108.evaluate.proofs import FoundProofs, proofs_of
from tr03108.evaluate.signatures import Unverified, Verified, verify
from tr03108.model import DnsMessage, Failure, Observation, Reason

VECTORS = Path(__file__).parent / "vectors"
EXAMPLE = dns.name.from_text("example")
INCEPTION = datetime(2004, 4, 9, 18, 36, 19, tzinfo=UTC)  # of every signature in the zone
EXPIRATION = datetime(2004, 5, 9, 18, 36, 19, tzinfo=UTC)
NOW = datetime(2004, 4, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_ROOT_KEY = ec.derive_private_key(0x4035, ec.SECP256R1())

Message = dns.message.Message
Needed = tuple[str, str]  # owner and type of an RRset without which an answer proves nothing
Damage = Callable[[Message, Needed], None]


def message(name: str) -> Message:
    """One vector, freshly read."""
    return dns.message.from_text((VECTORS / f"{name}.txt").read_text(encoding="ascii"))


def observe(message: Message, time: datetime) -> Observation[DnsMessage]:
    """The message as a resolver's answer to its own question, received at `time`."""
    question = message.question[0]
    name, rdtype = question.name.to_text(omit_final_dot=question.name != dns.name.root), question.rdtype.name
    return Observation(f"dns/{name}/{rdtype}", time, DnsMessage(name, rdtype, message.to_wire(), "-", "tcp"), None)


def answer(message: Message, time: datetime) -> Answer:
    found = read(observe(message, time))
    assert isinstance(found, Answer), found
    return found


def dnskeys(rrset: dns.rrset.RRset) -> tuple[DNSKEY, ...]:
    return tuple(rdata for rdata in rrset if isinstance(rdata, DNSKEY))


def zone_keys(rfc: str, time: datetime) -> tuple[DNSKEY, ...]:
    """The keys of an RFC's example zone."""
    return dnskeys(answer(message(f"{rfc}-a-dnskey"), time).answer[0].rrset)


def proofs(rfc: str, message: Message, time: datetime) -> FoundProofs:
    return proofs_of(answer(message, time), EXAMPLE, zone_keys(rfc, time))


def asked(message: Message, name: str, rdtype: str) -> Message:
    """The records of a referral as the answer to the DS question a validator asks instead."""
    message.question = [dns.rrset.RRset(dns.name.from_text(name), dns.rdataclass.IN, RdataType[rdtype])]
    message.answer = [rrset for rrset in message.authority if RdataType.DS in (rrset.rdtype, rrset.covers)]
    message.authority = [rrset for rrset in message.authority if rrset not in message.answer]
    return message


def made(name: dns.name.Name, rdtype: RdataType, *rrsets: dns.rrset.RRset) -> Message:
    """An answer that no RFC prints."""
    response = dns.message.make_response(dns.message.make_query(name, rdtype))
    response.answer = list(rrsets)
    return response


@dataclass
class Chain:
    """A root with the DS record `vouched` for `zone`, and the answers below it; other questions time out."""

    zone: dns.name.Name
    vouched: DS
    time: datetime
    observations: dict[tuple[str, str], Observation[DnsMessage]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root_key = dns.dnssec.make_dnskey(_ROOT_KEY.public_key(), "ECDSAP256SHA256", flags=257)
        for name, rdata in ((dns.name.root, self.root_key), (self.zone, self.vouched)):
            rrset = dns.rrset.from_rdata(name, 3600, rdata)
            self.add(made(name, rdata.rdtype, rrset, self._signature(rrset)), self.time)

    def _signature(self, rrset: dns.rrset.RRset) -> dns.rrset.RRset:
        begin, end = self.time - timedelta(days=1), self.time + timedelta(days=1)
        rrsig = dns.dnssec.sign(rrset, _ROOT_KEY, dns.name.root, self.root_key, inception=begin, expiration=end)
        return dns.rrset.from_rdata(rrset.name, 3600, rrsig)

    def add(self, message: Message, time: datetime) -> None:
        found = observe(message, time)
        assert found.value is not None
        self.observations[found.value.name, found.value.rdtype] = found

    def _get(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        failure = Failure(Reason.TIMEOUT, "no answer")
        silent: Observation[DnsMessage] = Observation(f"dns/{name}/{rdtype}", self.time, None, failure)
        return self.observations.get((name, rdtype), silent)

    def lookup(self, name: str, rdtype: str) -> Lookup:
        anchor = f". IN DNSKEY {self.root_key.to_text()}"
        return Validator(self._get, (anchor,)).lookup(name, rdtype)


def chain(rfc: str, time: datetime, *answers: tuple[Message, datetime]) -> Chain:
    """The example zone of an RFC below a root of our own."""
    entry = next(key for key in zone_keys(rfc, time) if key.flags == 257)
    ds = dns.dnssec.make_ds(EXAMPLE, entry, "SHA256", policy=dns.dnssec.allow_all_policy)
    result = Chain(EXAMPLE, ds, time)
    for found, when in ((message(f"{rfc}-a-dnskey"), time), *answers):
        result.add(found, when)
    return result


def _select(message: Message, needed: Needed, *, signatures_only: bool) -> None:
    """Takes an RRset, or only its signatures, out of both sections."""
    owner, rdtype = dns.name.from_text(needed[0]), RdataType[needed[1]]

    def hit(rrset: dns.rrset.RRset) -> bool:
        return rrset.name == owner and (rrset.covers == rdtype or (rrset.rdtype == rdtype and not signatures_only))

    before = len(message.answer) + len(message.authority)
    message.answer = [rrset for rrset in message.answer if not hit(rrset)]
    message.authority = [rrset for rrset in message.authority if not hit(rrset)]
    assert before - len(message.answer) - len(message.authority) == (1 if signatures_only else 2)


def removed(message: Message, needed: Needed) -> None:
    _select(message, needed, signatures_only=False)


def unsigned(message: Message, needed: Needed) -> None:
    _select(message, needed, signatures_only=True)


def forge(rrsig: RRSIG, position: int) -> RRSIG:
    """The same with one bit of its signature changed, in the octet at `position`."""
    octets = bytearray(rrsig.signature)
    octets[position] ^= 0x01
    changed = rrsig.replace(signature=bytes(octets))
    assert isinstance(changed, RRSIG)
    return changed


def forged(message: Message, needed: Needed) -> None:
    """Changes every signature of an RRset."""
    owner, rdtype = dns.name.from_text(needed[0]), RdataType[needed[1]]
    for section in (message.answer, message.authority):
        for index, rrset in enumerate(section):
            if rrset.name == owner and rrset.covers == rdtype:
                false = [forge(rdata, len(rdata.signature) // 2) for rdata in rrset if isinstance(rdata, RRSIG)]
                section[index] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, false)
                return
    raise AssertionError(f"no signatures over {needed}")


DAMAGES: tuple[Damage, ...] = (removed, unsigned, forged)


@dataclass(frozen=True)
class Case:
    """One answer of an appendix B, what the validator must say of it, and the RRsets that carry the proof."""

    file: str
    name: str
    rdtype: str
    status: str
    kind: str
    needed: tuple[Needed, ...]
    referral: bool = False

    def message(self) -> Message:
        found = message(self.file)
        return asked(found, self.name, self.rdtype) if self.referral else found


CASES = (
    Case("rfc4035-b1", "x.w.example", "MX", "secure", "answer", (("x.w.example", "MX"),)),
    Case("rfc4035-b2", "ml.example", "A", "secure", "nxdomain", (("b.example", "NSEC"), ("example", "NSEC"))),
    Case("rfc4035-b3", "ns1.example", "MX", "secure", "nodata", (("ns1.example", "NSEC"),)),
    Case("rfc4035-b4", "a.example", "DS", "secure", "answer", (("a.example", "DS"),), referral=True),
    Case("rfc4035-b5", "b.example", "DS", "secure", "nodata", (("b.example", "NSEC"),), referral=True),
    Case("rfc4035-b6", "a.z.w.example", "MX", "secure", "answer", (("a.z.w.example", "MX"), ("x.y.w.example", "NSEC"))),
    Case("rfc4035-b7", "a.z.w.example", "AAAA", "secure", "nodata",
         (("x.y.w.example", "NSEC"), ("*.w.example", "NSEC"))),
)  # fmt: skip
PROVING = [pytest.param(case, needed, id=f"{case.file}-{needed[0]}") for case in CASES for needed in case.needed]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)


def look(case: Case, found: Message, time: datetime, when: datetime | None = None) -> Lookup:
    """Judges `found`, received at `when`, with keys received at `time`."""
    return chain(case.file[:7], time, (found, when or time)).lookup(case.name, case.rdtype)


@every_case
def test_answer_is_judged_as_the_rfc_says(case: Case) -> None:
    lookup = look(case, case.message(), NOW)
    assert (lookup.status.value, lookup.kind, lookup.cause) == (case.status, case.kind, None)
    assert {owner for owner, _ in case.needed} <= {signature.owner for signature in lookup.signatures}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("case", "needed"), PROVING)
def test_answer_with_one_rrset_damaged_is_not_secure(case: Case, needed: Needed, damage: Damage) -> None:
    found = case.message()
    damage(found, needed)
    lookup = look(case, found, NOW)
    if damage is forged:
        assert lookup.status is Status.BOGUS
        assert lookup.cause in ("DNSSEC_SIGNATURE_INVALID", "DNSSEC_DENIAL_INVALID")
    # Where no signature is left the validator must look for a zone cut, and the RFC prints no answers to that.
    assert lookup.status in (Status.BOGUS, Status.INDETERMINATE)
    assert lookup.cause is not None


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        (INCEPTION - SECOND, "DNSSEC_NOT_YET_VALID"),
        (INCEPTION, None),
        (EXPIRATION, None),
        (EXPIRATION + SECOND, "DNSSEC_EXPIRED"),
    ],
)
@every_case
def test_answer_counts_from_inception_to_expiration(case: Case, when: datetime, cause: str | None) -> None:
    lookup = look(case, case.message(), NOW, when)
    assert (lookup.status.value, lookup.cause) == (case.status if cause is None else "bogus", cause)


def test_b4_other_keys_than_the_ds_record_names_are_refused() -> None:
    """The RFC does not print the keys of a.example; with others in their place the delegation is bogus."""
    below = dns.name.from_text("a.example")
    others = dns.rrset.from_rdata_list(below, 3600, list(zone_keys("rfc4035", NOW)))
    address = made(dns.name.from_text("mc.a.example"), RdataType.MX)
    referral = asked(message("rfc4035-b4"), "a.example", "DS")
    validator = chain("rfc4035", NOW, *((m, NOW) for m in (referral, made(below, RdataType.DNSKEY, others), address)))
    lookup = validator.lookup("mc.a.example", "MX")
    assert (lookup.status.value, lookup.cause, lookup.place) == ("bogus", "DNSSEC_DS_MISMATCH", "a.example")


def _below_b(damage: Damage | None) -> Lookup:
    """The MX of B.5 as an unsigned answer from below the delegation; only the proof at the cut is the RFC's."""
    name = dns.name.from_text("mc.b.example")
    unsigned_answer = made(name, RdataType.MX, dns.rrset.from_text(name, 3600, "IN", "MX", "1 mx.b.example."))
    referral = asked(message("rfc4035-b5"), "b.example", "DS")
    if damage is not None:
        damage(referral, ("b.example", "NSEC"))
    return chain("rfc4035", NOW, (referral, NOW), (unsigned_answer, NOW)).lookup("mc.b.example", "MX")


def test_b5_data_below_the_delegation_is_insecure() -> None:
    lookup = _below_b(None)
    assert (lookup.status.value, lookup.cause, lookup.place) == ("insecure", "DNSSEC_INSECURE", "b.example")


@pytest.mark.parametrize("damage", DAMAGES)
def test_b5_data_below_an_unproven_delegation_is_bogus(damage: Damage) -> None:
    assert _below_b(damage).status is Status.BOGUS


def test_b8_the_child_cannot_deny_its_own_ds_record() -> None:
    lookup = chain("rfc4035", NOW, (message("rfc4035-b8"), NOW)).lookup("example", "DS")
    assert (lookup.status, lookup.kind) == (Status.BOGUS, "nodata")


# What the NSEC records of an answer prove: of its own question, and of others that they must not be taken for.
# Type None: that the name does not exist. A number of labels: that only a wildcard below such an ancestor matches.
DENIALS = (
    ("rfc4035-b2", "ml.example", None, "proven"),
    ("rfc4035-b2", "a.ml.example", None, "proven"),
    ("rfc4035-b2", "b.example", None, "none"),
    ("rfc4035-b2", "mc.b.example", None, "none"),  # below the delegation: another zone
    ("rfc4035-b2", "ns1.example", None, "none"),
    ("rfc4035-b2", "ai.example", None, "none"),
    ("rfc4035-b2", "b.example", "DS", "proven"),
    ("rfc4035-b2", "b.example", "MX", "none"),  # the parent's side of the cut
    ("rfc4035-b3", "ns1.example", "MX", "proven"),
    ("rfc4035-b3", "ns1.example", "A", "none"),
    ("rfc4035-b3", "ns1.example", None, "none"),
    ("rfc4035-b3", "ns2.example", "MX", "none"),
    ("rfc4035-b5", "b.example", "DS", "proven"),
    ("rfc4035-b5", "b.example", "NS", "none"),
    ("rfc4035-b5", "mc.b.example", "MX", "none"),
    ("rfc4035-b5", "ml.example", None, "none"),  # no word on *.example
    ("rfc4035-b6", "a.z.w.example", 2, "proven"),
    ("rfc4035-b6", "a.z.w.example", 1, "none"),
    ("rfc4035-b6", "a.z.w.example", 3, "none"),
    ("rfc4035-b6", "x.y.w.example", 2, "none"),  # exists
    ("rfc4035-b6", "z.y.w.example", 2, "none"),  # its closest encloser is y.w.example
    ("rfc4035-b7", "a.z.w.example", "AAAA", "proven"),
    ("rfc4035-b7", "a.z.w.example", "MX", "none"),
    ("rfc4035-b7", "a.z.w.example", None, "none"),
    ("rfc4035-b7", "*.w.example", "AAAA", "proven"),
    ("rfc4035-b8", "example", "DS", "none"),  # the child's side of the cut
    ("rfc4035-b8", "example", "TXT", "proven"),
    ("rfc4035-b8", "example", "MX", "none"),
)


def proof(proofs: Proofs, name: str, what: str | int | None) -> Proof:
    owner = dns.name.from_text(name)
    if isinstance(what, int):
        return proofs.expanded(owner, what)
    return deny(proofs, owner, None if what is None else RdataType[what])


@pytest.mark.parametrize(("file", "name", "what", "expected"), DENIALS)
def test_nsec_records_prove_this_and_no_more(file: str, name: str, what: str | int | None, expected: str) -> None:
    found = proofs("rfc4035", message(file), NOW)
    assert not found.failures
    assert [proof(p, name, what).value for p in found.proofs] == [expected]


# The RRSIGs printed in each vector.
SIGNATURES = {
    "rfc4035-a-dnskey": 2,
    "rfc4035-a-rrsets": 7,
    "rfc4035-b1": 2,
    "rfc4035-b2": 3,
    "rfc4035-b3": 2,
    "rfc4035-b4": 1,
    "rfc4035-b5": 1,
    "rfc4035-b6": 3,
    "rfc4035-b7": 3,
    "rfc4035-b8": 2,
}


def signatures(found: Message, time: datetime) -> list[Signed]:
    """Every RRset of a message, once for each of its signatures."""
    parts = answer(found, time)
    return [Signed(s.rrset, (rrsig,)) for s in (*parts.answer, *parts.authority) for rrsig in s.signatures]


def check_signatures(rfc: str, file: str, count: int, time: datetime) -> None:
    """Each signature holds by itself, also for a TTL that counted down and for names in capitals, but not if forged."""
    keys = zone_keys(rfc, time)
    found = signatures(message(file), time)
    assert len(found) == count
    for signed in found:
        assert isinstance(verify(signed, EXAMPLE, keys, time), Verified), signed
        shouted = dns.rrset.from_rdata_list(
            dns.name.from_text(signed.rrset.name.to_text().upper()), 1, list(signed.rrset)
        )
        assert isinstance(verify(Signed(shouted, signed.signatures), EXAMPLE, keys, time), Verified), shouted
        for position in (0, -1):
            false = Signed(signed.rrset, (forge(signed.signatures[0], position),))
            result = verify(false, EXAMPLE, keys, time)
            assert isinstance(result, Unverified) and result.code == "DNSSEC_SIGNATURE_INVALID", result
        without = tuple(key for key in keys if dns.dnssec.key_id(key) != signed.signatures[0].key_tag)
        result = verify(signed, EXAMPLE, without, time)
        assert isinstance(result, Unverified) and result.code == "DNSSEC_KEY_MISSING", result


@pytest.mark.parametrize(("file", "count"), SIGNATURES.items())
def test_every_printed_signature_verifies(file: str, count: int) -> None:
    check_signatures("rfc4035", file, count, NOW)


@pytest.mark.parametrize(("file", "owner"), [("rfc4035-b4", "a.example"), ("rfc4035-b5", "b.example")])
def test_ns_records_of_a_delegation_have_no_signature(file: str, owner: str) -> None:
    found = next(s for s in answer(message(file), NOW).authority if s.rrset.rdtype == RdataType.NS)
    result = verify(found, EXAMPLE, zone_keys("rfc4035", NOW), NOW)
    assert found.rrset.name == dns.name.from_text(owner)
    assert isinstance(result, Unverified) and result.code == "DNSSEC_SIGNATURE_MISSING"


# Signatures of the algorithms' own RFCs; those that print a DS record, too.
ALGORITHMS = {
    "rfc5702-6-1": 8,
    "rfc5702-6-2": 10,
    "rfc6605-6-1": 13,
    "rfc6605-6-2": 14,
    "rfc8080-6-1-a": 15,
    "rfc8080-6-1-b": 15,
    "rfc8080-6-2-a": 16,
    "rfc8080-6-2-b": 16,
}
WITH_DS = [file for file in ALGORITHMS if not file.startswith("rfc5702")]


def _printed(file: str) -> dict[RdataType, dns.rrset.RRset]:
    text = (VECTORS / f"{file}.txt").read_text(encoding="ascii")
    rrsets = dns.zonefile.read_rrsets(text, rdclass=None, relativize=False, origin=dns.name.root)
    return {rrset.rdtype: rrset for rrset in rrsets}


@pytest.mark.parametrize(("file", "algorithm"), ALGORITHMS.items())
def test_signature_of_the_algorithms_rfc_verifies(file: str, algorithm: int) -> None:
    printed = _printed(file)
    key, rrsig = printed[RdataType.DNSKEY], printed[RdataType.RRSIG][0]
    data = printed.get(RdataType.A) or printed[RdataType.MX]
    assert isinstance(rrsig, RRSIG)
    time = datetime.fromtimestamp(rrsig.inception, UTC)

    def check(rrsig: RRSIG, when: datetime) -> Verified | Unverified:
        return verify(Signed(data, (rrsig,)), key.name, dnskeys(key), when)

    result = check(rrsig, time)
    assert isinstance(result, Verified) and result.signature.algorithm == algorithm
    for position in (0, len(rrsig.signature) // 2, -1):
        bad = check(forge(rrsig, position), time)
        assert isinstance(bad, Unverified) and bad.code == "DNSSEC_SIGNATURE_INVALID"
    early = check(rrsig, time - SECOND)
    assert isinstance(early, Unverified) and early.code == "DNSSEC_NOT_YET_VALID"


@pytest.mark.parametrize("file", WITH_DS)
@pytest.mark.parametrize(("changed", "cause"), [(False, "DNSSEC_SIGNATURE_MISSING"), (True, "DNSSEC_DS_MISMATCH")])
def test_ds_record_of_the_algorithms_rfc_names_its_key(file: str, changed: bool, cause: str) -> None:
    """The RFCs print no signature over the DNSKEY RRset: that it is missed next says that the DS record matched."""
    printed = _printed(file)
    key, ds = printed[RdataType.DNSKEY], printed[RdataType.DS][0]
    assert isinstance(ds, DS)
    if changed:
        ds = ds.replace(digest=ds.digest[:-1] + bytes([ds.digest[-1] ^ 0x01]))
    data = printed.get(RdataType.A) or printed[RdataType.MX]
    below = Chain(key.name, ds, NOW)
    below.add(made(key.name, RdataType.DNSKEY, key), NOW)
    below.add(made(data.name, data.rdtype, data, printed[RdataType.RRSIG]), NOW)
    lookup = below.lookup(data.name.to_text(omit_final_dot=True), data.rdtype.name)
    assert (lookup.status.value, lookup.cause) == ("bogus", cause)
