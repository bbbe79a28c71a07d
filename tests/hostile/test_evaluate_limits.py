"""Zones that want to exhaust a validator: every limit ends in INDETERMINATE, DNSSEC_LIMIT, and the work is counted.

KeyTrap (CVE-2023-50387), NSEC3 exhaustion (CVE-2023-50868), huge RRsets, alias chains, signers in circles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG

from tr03108.evaluate import answer, chain, denial, dnssec, signatures
from tr03108.evaluate.keys import Key
from tr03108.evaluate.lookup import Lookup, Status
from tr03108.lab.signing import KeyRing, Role, SigningKey
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import DnsMessage, Observation

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ZONE = "hostile.test"
RECORDS = (
    "@ MX 10 mx1",
    "mx1 A 192.0.2.1",
    *(f"a{n} CNAME a{n + 1}" for n in range(30)),
    "ring CNAME gnir",
    "gnir CNAME ring",
)
ALGORITHM = "ECDSAP256SHA256"
Edit = Callable[[dns.message.Message], None]


class Hostile:
    """A signed tree whose answers `edits` change, by question; `sign` makes genuine signatures of the zone."""

    def __init__(self, *specs: ZoneSpec) -> None:
        self.keys = KeyRing()
        self.tree = Tree(specs or (ZoneSpec(ZONE, RECORDS),), NOW, keys=self.keys)
        self.edits: dict[tuple[str, str], Edit] = {}

    def get(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        query.flags |= dns.flags.CD | dns.flags.RD
        wire = self.tree.answer(query.to_wire(), udp=False)
        assert wire is not None
        if (name, rdtype) in self.edits:
            message = dns.message.from_wire(wire)
            self.edits[name, rdtype](message)
            wire = message.to_wire(max_size=65535)
        return Observation(f"dns/{name}/{rdtype}", NOW, DnsMessage(name, rdtype, wire, "hostile", "tcp"), None)

    def key(self, role: Role = Role.ZSK, zone: str = ZONE) -> SigningKey:
        return self.keys.key(dns.name.from_text(zone), ALGORITHM, role)

    def sign(self, rrset: dns.rrset.RRset, role: Role = Role.ZSK, zone: str = ZONE) -> dns.rrset.RRset:
        key = self.key(role, zone)
        signer = dns.name.from_text(zone)
        made = dns.dnssec.sign(rrset, key.private, signer, key.dnskey, inception=NOW, lifetime=86400)
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, made)

    def lookup(self, name: str = ZONE, rdtype: str = "MX") -> Lookup:
        return dnssec.Validator(self.get, tuple(self.tree.trust_anchor.strip().splitlines())).lookup(name, rdtype)


class Counter:
    """How often each of the costly functions was called."""

    verifications = 0
    hashes = 0
    key_tags = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    counter = Counter()
    verify, nsec3_hash, key_id = Key.verify, dns.dnssec.nsec3_hash, dns.dnssec.key_id

    def counted(attribute: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            setattr(counter, attribute, getattr(counter, attribute) + 1)
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(Key, "verify", counted("verifications", verify))
    monkeypatch.setattr(dns.dnssec, "nsec3_hash", counted("hashes", nsec3_hash))
    monkeypatch.setattr(dns.dnssec, "key_id", counted("key_tags", key_id))
    yield counter


def assert_limit(found: Lookup) -> None:
    assert (found.status, found.cause) == (Status.INDETERMINATE, "DNSSEC_LIMIT"), found.detail


def colliding(key: DNSKEY, number: int) -> list[DNSKEY]:
    """Keys with the tag of `key`: swapping two 16-bit words of a key does not change the sum that the tag is."""
    words = [key.key[at : at + 2] for at in range(0, len(key.key), 2)]
    made = []
    for first in range(len(words)):
        for second in range(first + 1, len(words)):
            swapped = list(words)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            made.append(key.replace(key=b"".join(swapped)))
    unique = [each for each in dict.fromkeys(made) if each != key]
    assert {dns.dnssec.key_id(each) for each in unique} == {dns.dnssec.key_id(key)}
    return unique[:number]


def wrong_signatures(rrsig: RRSIG, number: int) -> list[RRSIG]:
    return [rrsig.replace(signature=n.to_bytes(2, "big") + rrsig.signature[2:]) for n in range(number)]


def replace_signatures(message: dns.message.Message, make: Callable[[RRSIG], list[RRSIG]]) -> None:
    for section in (message.answer, message.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                good = rrset[0]
                rrset.clear()
                for each in make(good):
                    rrset.add(each)


def with_keys(hostile: Hostile, more: list[DNSKEY]) -> Edit:
    """The zone's DNSKEY RRset with more keys, correctly signed by its key-signing key."""

    def edit(message: dns.message.Message) -> None:
        keys = message.answer[0]
        for key in more:
            keys.add(key)
        message.answer = [keys, hostile.sign(keys, Role.KSK)]

    return edit


def test_the_tree_without_malice_is_secure(work: Counter) -> None:
    assert Hostile().lookup().status is Status.SECURE
    assert 0 < work.verifications < 10


def test_many_signatures_by_one_key(work: Counter) -> None:
    hostile = Hostile()
    hostile.edits[ZONE, "MX"] = lambda message: replace_signatures(message, lambda rrsig: wrong_signatures(rrsig, 400))
    assert_limit(hostile.lookup())
    assert work.verifications <= signatures.MAXIMUM_VERIFICATIONS + 10


def test_keytrap_many_keys_of_one_tag_and_many_signatures(work: Counter) -> None:
    hostile = Hostile()
    more = colliding(hostile.key().dnskey, 60)
    assert len(more) == 60
    hostile.edits[ZONE, "DNSKEY"] = with_keys(hostile, more)
    hostile.edits[ZONE, "MX"] = lambda message: replace_signatures(message, lambda rrsig: wrong_signatures(rrsig, 400))
    assert_limit(hostile.lookup())
    assert work.verifications <= signatures.MAXIMUM_VERIFICATIONS + 10
    assert work.key_tags <= 4000  # per RRset once for each key, not for each pair of key and signature


def test_keytrap_in_the_keys_themselves(work: Counter) -> None:
    """Many keys that the DS set may mean, and many signatures over them: the first RRset of a zone that is verified."""
    hostile = Hostile()
    more = colliding(hostile.key(Role.KSK).dnskey, 60)

    def edit(message: dns.message.Message) -> None:
        with_keys(hostile, more)(message)
        replace_signatures(message, lambda rrsig: wrong_signatures(rrsig, 400))

    hostile.edits[ZONE, "DNSKEY"] = edit
    found = hostile.lookup()
    assert_limit(found)
    assert found.place == ZONE
    assert work.verifications <= signatures.MAXIMUM_VERIFICATIONS + 10


def test_a_few_key_tag_collisions_do_no_harm(work: Counter) -> None:
    hostile = Hostile()
    hostile.edits[ZONE, "DNSKEY"] = with_keys(hostile, colliding(hostile.key().dnskey, 5))
    assert hostile.lookup().status is Status.SECURE


def test_too_many_keys(work: Counter) -> None:
    hostile = Hostile()
    keys = [hostile.key().dnskey.replace(key=n.to_bytes(64, "big")) for n in range(chain.MAXIMUM_KEYS)]
    hostile.edits[ZONE, "DNSKEY"] = with_keys(hostile, keys)
    assert_limit(hostile.lookup())
    assert work.verifications < 10
    assert work.key_tags < 100


def test_too_many_ds_records(work: Counter) -> None:
    hostile = Hostile()

    def edit(message: dns.message.Message) -> None:
        delegation = message.answer[0]
        good = delegation[0]
        for number in range(chain.MAXIMUM_DS):
            delegation.add(good.replace(digest=number.to_bytes(32, "big")))
        message.answer = [delegation, hostile.sign(delegation, zone="test")]

    hostile.edits[ZONE, "DS"] = edit
    assert_limit(hostile.lookup())
    assert work.verifications < 10


def test_many_record_sets_share_one_limit(work: Counter) -> None:
    """Each RRset stays below its own limit, all of them together do not: aliases and the denials beside them."""
    hostile = Hostile(
        ZoneSpec(ZONE, ("a0 CNAME a1.w", *(f"a{n} CNAME a{n + 1}.w" for n in range(1, 12)), "*.w CNAME b"))
    )
    few = signatures.MAXIMUM_VERIFICATIONS - 1

    def edit(message: dns.message.Message) -> None:
        filler = [
            dns.rrset.from_text(f"n{n}.{ZONE}.", 300, "IN", "NSEC", f"o{n}.{ZONE}. A RRSIG NSEC")
            for n in range(denial.MAXIMUM_NSEC3_RECORDS - 4)
        ]
        for rrset in filler:
            good = hostile.sign(rrset)
            bad = dns.rrset.from_rdata_list(rrset.name, 300, wrong_signatures(good[0], few))
            message.authority += [rrset, bad]

    for name in (f"a0.{ZONE}", f"a1.w.{ZONE}", f"b.{ZONE}"):
        hostile.edits[name, "A"] = edit
    assert_limit(hostile.lookup(f"a0.{ZONE}", "A"))
    assert signatures.MAXIMUM_VERIFICATIONS < work.verifications <= signatures.MAXIMUM_WORK


def test_one_hostile_lookup_does_not_blind_the_next(work: Counter) -> None:
    """A zone that was not judged because the work was used up is judged again for the next question."""
    hostile = Hostile(ZoneSpec(ZONE, RECORDS), ZoneSpec("other.test", ("@ MX 10 mx1",)))
    validator = dnssec.Validator(hostile.get, tuple(hostile.tree.trust_anchor.strip().splitlines()))
    assert validator.root().status is Status.SECURE
    zones = validator._zones
    zones.work.done = signatures.MAXIMUM_WORK
    blind = zones.zone(dns.name.from_text("other.test"))
    assert blind.status is Status.INDETERMINATE
    assert validator.lookup("other.test", "MX").status is Status.SECURE


@pytest.mark.parametrize("denied", ["MX", "DS"])
def test_many_nsec3_records(work: Counter, denied: str) -> None:
    """CVE-2023-50868: more records than any proof needs are not even verified."""
    hostile = Hostile(ZoneSpec(ZONE, RECORDS, denial="nsec3"))

    def edit(message: dns.message.Message) -> None:
        parameters = "1 0 150 ab"
        for number in range(100):
            owner = f"{number:032}.{ZONE}."
            rrset = dns.rrset.from_text(owner, 300, "IN", "NSEC3", f"{parameters} {number + 1:032} A RRSIG")
            message.authority += [rrset, hostile.sign(rrset)]
        message.authority = [r for r in message.authority if r.name.labels[0][:1] == b"0"]  # genuine ones are gone

    name = f"none.{ZONE}"
    hostile.edits[name, denied] = edit
    assert_limit(hostile.lookup(name, denied))
    assert work.verifications <= denial.MAXIMUM_NSEC3_RECORDS + 10
    assert work.hashes <= 2000


@pytest.mark.parametrize("iterations", [151, 2500, 65535])
def test_high_iterations_are_never_computed(work: Counter, iterations: int) -> None:
    """RFC 9276 section 3.2: the proof counts as insecure, and no hash is made to find that out."""
    hostile = Hostile(ZoneSpec(ZONE, RECORDS, denial="nsec3", nsec3_iterations=iterations))
    name = f"deep.er.and.deep.er.{ZONE}"
    hostile.get(name, "A")  # makes the tree hash its own names; it keeps its answers
    before = work.hashes
    found = hostile.lookup(name, "A")
    assert (found.status, found.cause) == (Status.INSECURE, "NSEC3_ITERATIONS")
    assert work.hashes - before <= 12  # of the TLD, without iterations


@pytest.mark.parametrize("name", ["a0", "a5"])
def test_long_alias_chains(work: Counter, name: str) -> None:
    hostile = Hostile()
    found = hostile.lookup(f"{name}.{ZONE}", "A")
    assert_limit(found)
    assert len(found.aliases) == dnssec.MAXIMUM_ALIASES
    assert work.verifications <= dnssec.MAXIMUM_ALIASES + 10


def test_alias_circles(work: Counter) -> None:
    found = Hostile().lookup(f"ring.{ZONE}", "A")
    assert (found.kind, found.cause) == ("loop", "ALIAS_LOOP")
    assert work.verifications < 12


def test_huge_record_sets(work: Counter) -> None:
    hostile = Hostile()

    def edit(message: dns.message.Message) -> None:
        rrset = message.answer[0]
        for number in range(answer.MAXIMUM_RECORDS):
            rrset.add(dns.rdata.from_text("IN", "MX", f"{number} m."))
        message.answer = [rrset]

    hostile.edits[ZONE, "MX"] = edit
    assert_limit(hostile.lookup())
    assert work.verifications < 10


def test_many_record_sets_in_one_answer(work: Counter) -> None:
    hostile = Hostile()

    def edit(message: dns.message.Message) -> None:
        for number in range(answer.MAXIMUM_RRSETS + 1):
            message.answer.append(dns.rrset.from_text(f"n{number}.{ZONE}.", 60, "IN", "A", "192.0.2.1"))

    hostile.edits[ZONE, "MX"] = edit
    assert_limit(hostile.lookup())
    assert work.verifications < 10


def test_names_of_very_many_labels(work: Counter) -> None:
    """Nobody walks down a hundred zone cuts, each claimed to be signed by the one above."""
    hostile = Hostile()
    labels = ["x"] * 110
    name = ".".join([*labels, ZONE])
    asked: list[tuple[str, str]] = []

    def get(question: str, rdtype: str) -> Observation[DnsMessage]:
        asked.append((question, rdtype))
        if question.startswith("x."):
            query = dns.message.make_query(question, rdtype)
            message = dns.message.make_response(query)
            parent = question.partition(".")[2]
            owner = f"{question}."
            text = {"DS": "1 13 2 " + "00" * 32}.get(rdtype, "192.0.2.1")
            signature = f"{rdtype} 13 {owner.count('.')} 60 20300101000000 20200101000000 1 {parent}. AAAA"
            message.answer = [
                dns.rrset.from_text(owner, 60, "IN", rdtype, text),
                dns.rrset.from_text(owner, 60, "IN", "RRSIG", signature),
            ]
            made = DnsMessage(question, rdtype, message.to_wire(), "hostile", "tcp")
            return Observation(f"dns/{question}/{rdtype}", NOW, made, None)
        return hostile.get(question, rdtype)

    found = dnssec.Validator(get, tuple(hostile.tree.trust_anchor.strip().splitlines())).lookup(name, "A")
    assert_limit(found)
    assert len(asked) <= chain.MAXIMUM_LABELS + 10
    assert work.verifications < 12


def test_signers_in_a_circle(work: Counter) -> None:
    """A zone whose DS claims to be signed by a name below it, or by itself: signers are only looked for above."""
    hostile = Hostile()
    for signer in (ZONE, f"below.{ZONE}"):

        def edit(message: dns.message.Message, signer: str = signer) -> None:
            replace_signatures(message, lambda rrsig: [rrsig.replace(signer=dns.name.from_text(signer))])

        hostile.edits[ZONE, "DS"] = edit
        found = hostile.lookup()
        assert (found.status, found.cause) == (Status.BOGUS, "DNSSEC_SIGNER_WRONG")
    assert work.verifications < 12
