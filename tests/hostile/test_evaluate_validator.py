"""The validator against liars: whatever is damaged, dropped or put elsewhere, SECURE is said of the truth alone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from random import Random

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.lookup import Lookup, Status
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import DnsMessage, Failure, Observation, Reason

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
RECORDS = (
    "@ MX 10 mx1",
    "mx1 A 192.0.2.1",
    f"_25._tcp.mx1 TLSA 3 1 1 {'00' * 32}",
    '* TXT "any name"',
    "* MX 5 wild",
    'b TXT "b"',
    "c.b A 192.0.2.3",
    '*.w TXT "below w"',
    "x.w A 192.0.2.4",
    "deep.empty.e A 192.0.2.5",
    "alias CNAME mx1",
    "tree DNAME b",
)
CHILD = ("@ MX 10 mx", "mx A 192.0.2.9", '_mta-sts TXT "child"')
ZONE = "example.test"
QUESTIONS = (
    (ZONE, "MX"),
    (f"mx1.{ZONE}", "A"),
    (f"mx1.{ZONE}", "AAAA"),
    (f"_25._tcp.mx1.{ZONE}", "TLSA"),
    (f"_tcp.mx1.{ZONE}", "TXT"),
    (f"any.{ZONE}", "TXT"),
    (f"any.{ZONE}", "A"),
    (f"any.{ZONE}", "MX"),
    (f"a.b.{ZONE}", "TXT"),  # b is there, so the wildcard at the apex does not reach here
    (f"a.c.b.{ZONE}", "MX"),
    (f"v.w.{ZONE}", "TXT"),
    (f"u.v.w.{ZONE}", "TXT"),
    (f"empty.e.{ZONE}", "TXT"),
    (f"a.empty.e.{ZONE}", "TXT"),
    (f"alias.{ZONE}", "A"),
    (f"c.tree.{ZONE}", "A"),
    (f"child.{ZONE}", "MX"),
    (f"mx.child.{ZONE}", "A"),
    (f"none.child.{ZONE}", "TXT"),
    (f"open.{ZONE}", "MX"),
    (f"mx.open.{ZONE}", "A"),
    (f"none.open.{ZONE}", "TXT"),
    (f"_mta-sts.open.{ZONE}", "TXT"),
)
DENIALS = ("nsec", "nsec3", "nsec3-optout")


class Honest:
    """A signed tree, all its answers to QUESTIONS and to what validating them needs, and the truth they amount to."""

    def __init__(self, denial: str) -> None:
        zones = (
            ZoneSpec(ZONE, RECORDS, denial=denial),
            ZoneSpec(f"child.{ZONE}", CHILD, denial=denial),
            ZoneSpec(f"open.{ZONE}", CHILD, denial="none"),
        )
        self.tree = Tree(zones, NOW)
        self.anchors = tuple(self.tree.trust_anchor.strip().splitlines())
        self.wires: dict[tuple[str, str], bytes] = {}
        validator = Validator(self.get, self.anchors)
        self.truth = {question: validator.lookup(*question) for question in QUESTIONS}
        self.messages = tuple(dns.message.from_wire(wire) for wire in self.wires.values())
        self.pool = [rrset for message in self.messages for rrset in (*message.answer, *message.authority)]
        self.links = tuple(key for key in self.wires if key[1] in ("DS", "DNSKEY"))

    def get(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        if (name, rdtype) not in self.wires:
            query = dns.message.make_query(name, rdtype, want_dnssec=True)
            query.flags |= dns.flags.CD | dns.flags.RD
            wire = self.tree.answer(query.to_wire(), udp=False)
            assert wire is not None
            self.wires[name, rdtype] = wire
        return observation(name, rdtype, self.wires[name, rdtype])

    def judge(self, question: tuple[str, str], forged: dict[tuple[str, str], bytes]) -> Lookup:
        """The lookup where some answers are replaced."""

        def get(name: str, rdtype: str) -> Observation[DnsMessage]:
            wire = forged.get((name, rdtype))
            return self.get(name, rdtype) if wire is None else observation(name, rdtype, wire)

        return Validator(get, self.anchors).lookup(*question)


def observation(name: str, rdtype: str, wire: bytes) -> Observation[DnsMessage]:
    return Observation(f"dns/{name}/{rdtype}", NOW, DnsMessage(name, rdtype, wire, "liar", "udp"), None)


honest = cache(Honest)


def said(lookup: Lookup) -> tuple[object, ...]:
    """What a lookup says of the world."""
    records = frozenset(record.to_digestable() for record in lookup.records)
    return (lookup.kind, lookup.owner, records, tuple((hop.name, hop.target) for hop in lookup.aliases))


def assert_sound(found: Lookup, truth: Lookup) -> None:
    if found.status is Status.SECURE:
        assert truth.status is Status.SECURE
        assert said(found) == said(truth)


@pytest.mark.parametrize("denial", DENIALS)
def test_the_truth(denial: str) -> None:
    """The tree says what the other tests here take for true."""
    truth = honest(denial).truth
    kinds = {q: (lookup.status.value, lookup.kind) for q, lookup in truth.items()}
    assert kinds[f"_25._tcp.mx1.{ZONE}", "TLSA"] == ("secure", "answer")
    assert kinds[f"any.{ZONE}", "TXT"] == ("insecure" if denial == "nsec3-optout" else "secure", "answer")
    assert kinds[f"a.b.{ZONE}", "TXT"][1] == "nxdomain"
    assert kinds[f"v.w.{ZONE}", "TXT"][1] == "answer"
    assert kinds[f"mx.open.{ZONE}", "A"] == ("insecure", "answer")
    assert kinds[f"mx.child.{ZONE}", "A"] == ("secure", "answer")
    assert all(lookup.status in (Status.SECURE, Status.INSECURE) for lookup in truth.values())


@settings(max_examples=300, deadline=None)
@given(denial=st.sampled_from(DENIALS), question=st.sampled_from(QUESTIONS), random=st.randoms(use_true_random=False))
def test_damaged_octets(denial: str, question: tuple[str, str], random: Random) -> None:
    known = honest(denial)
    wire = bytearray(known.wires[question])
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        wire[random.randrange(len(wire))] = random.randrange(256)
    assert_sound(known.judge(question, {question: bytes(wire)}), known.truth[question])


@settings(max_examples=300, deadline=None)
@given(denial=st.sampled_from(DENIALS), random=st.randoms(use_true_random=False))
def test_damage_on_the_way_to_the_answer(denial: str, random: Random) -> None:
    """DS and DNSKEY answers are damaged, cut short, or left out."""
    known = honest(denial)
    question = random.choice(QUESTIONS)
    key = random.choice(known.links)
    wire = bytearray(known.wires[key])
    if random.random() < 0.3:
        del wire[random.randrange(len(wire)) :]
    else:
        wire[random.randrange(len(wire))] ^= 1 << random.randrange(8)
    assert_sound(known.judge(question, {key: bytes(wire)}), known.truth[question])


@settings(max_examples=600, deadline=None)
@given(denial=st.sampled_from(DENIALS), random=st.randoms(use_true_random=False))
def test_genuine_records_in_the_wrong_place(denial: str, random: Random) -> None:
    """Answers put together from correctly signed records of all zones: replay, wildcards, denials of other names."""
    known = honest(denial)
    question = random.choice(QUESTIONS)
    wire = _patchwork(known, question, random)
    assert_sound(known.judge(question, {question: wire}), known.truth[question])


@pytest.mark.parametrize("denial", DENIALS)
@pytest.mark.parametrize("question", QUESTIONS[::2], ids="/".join)
def test_every_single_answer_for_every_question(denial: str, question: tuple[str, str]) -> None:
    """The records of each honest answer with either rcode, and with owner names changed as if a wildcard made them."""
    known = honest(denial)
    for other in known.messages:
        answers = [(dns.rcode.NOERROR, other.answer), (dns.rcode.NXDOMAIN, other.answer)]
        if other.answer:
            answers.append((dns.rcode.NOERROR, [_renamed(r, question) for r in other.answer]))
        for rcode, answer in answers:
            message = _response(question, rcode)
            message.answer, message.authority = list(answer), list(other.authority)
            wire = message.to_wire(max_size=65535)
            assert_sound(known.judge(question, {question: wire}), known.truth[question])


@pytest.mark.parametrize("denial", DENIALS)
@pytest.mark.parametrize("question", [q for q in QUESTIONS if q[1] in ("TXT", "MX")][2::2], ids="/".join)
def test_a_wildcard_does_not_reach_where_a_closer_name_is(denial: str, question: tuple[str, str]) -> None:
    """Genuine expansions, put at the name that is asked for, with each genuine denial (RFC 4035 section 5.3.4)."""
    known = honest(denial)
    for expanded in ((f"any.{ZONE}", "TXT"), (f"any.{ZONE}", "MX"), (f"v.w.{ZONE}", "TXT")):
        for other in known.messages:
            message = _response(question, dns.rcode.NOERROR)
            message.answer = [_renamed(r, question) for r in dns.message.from_wire(known.wires[expanded]).answer]
            message.authority = list(other.authority)
            wire = message.to_wire(max_size=65535)
            assert_sound(known.judge(question, {question: wire}), known.truth[question])


@pytest.mark.parametrize("denial", DENIALS)
@pytest.mark.parametrize("question", QUESTIONS, ids="/".join)
def test_all_denials_of_the_tree_do_not_deny_what_is_there(denial: str, question: tuple[str, str]) -> None:
    """Every NSEC or NSEC3 record that was ever seen, at once: 20 of them are looked at, so each twenty in turn."""
    known = honest(denial)
    kinds = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)
    denials = {r.name: r for r in known.pool if r.rdtype in kinds}
    signatures = {r.name: r for r in known.pool if r.rdtype == dns.rdatatype.RRSIG and r.covers in kinds}
    names = sorted(denials)
    for start in range(0, len(names), 10):
        chosen = [names[(start + offset) % len(names)] for offset in range(min(20, len(names)))]
        for rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            message = _response(question, rcode)
            message.authority = [found[name] for name in chosen for found in (denials, signatures)]
            assert_sound(known.judge(question, {question: message.to_wire(max_size=65535)}), known.truth[question])


@pytest.mark.parametrize("denial", DENIALS)
def test_no_ds_is_taken_from_where_it_was_not_published(denial: str) -> None:
    """Neither the child's denial at its apex nor any other zone's answer makes a delegation secure or insecure."""
    known = honest(denial)
    secure, insecure = (f"mx.child.{ZONE}", "A"), (f"mx.open.{ZONE}", "A")
    for cut in (f"child.{ZONE}", f"open.{ZONE}", ZONE, "test"):
        for other in known.messages:
            for question in (secure, insecure):
                message = _response((cut, "DS"), dns.rcode.NOERROR)
                message.answer, message.authority = list(other.answer), list(other.authority)
                found = known.judge(question, {(cut, "DS"): message.to_wire(max_size=65535)})
                assert_sound(found, known.truth[question])
                if question == secure and cut != f"open.{ZONE}":
                    assert found.status is not Status.INSECURE, "a signed zone was taken for an unsigned one"


def test_another_class_is_another_tree() -> None:
    known = honest("nsec")
    question = (f"mx1.{ZONE}", "A")
    wire = known.wires[question]
    assert wire.count(b"\x00\x01\x00\x01") >= 2
    chaos = wire.replace(b"\x00\x01\x00\x01", b"\x00\x01\x00\x03")
    assert known.judge(question, {question: chaos}).status is not Status.SECURE
    first = wire.index(b"\x00\x01\x00\x01") + 4
    records_only = wire[:first] + wire[first:].replace(b"\x00\x01\x00\x01", b"\x00\x01\x00\x03", 1)
    assert known.judge(question, {question: records_only}).status is not Status.SECURE


def test_an_answer_that_is_no_answer() -> None:
    known = honest("nsec")
    question = (f"mx1.{ZONE}", "A")
    wire = known.wires[question]
    for flags in (wire[2] & 0x7F, wire[2] | 0x02, wire[2] | 0x28, wire[2] | 0x10):  # no QR, TC, UPDATE, STATUS
        found = known.judge(question, {question: wire[:2] + bytes((flags,)) + wire[3:]})
        assert (found.status, found.cause) == (Status.INDETERMINATE, "DNS_MALFORMED")
    assert known.judge(question, {question: wire + b"\0"}).cause == "DNS_MALFORMED"


def test_a_failure_is_no_answer() -> None:
    known = honest("nsec")
    failure: Observation[DnsMessage] = Observation("dns", NOW, None, Failure(Reason.TIMEOUT, "none"))
    found = Validator(lambda name, rdtype: failure, known.anchors).lookup(ZONE, "MX")
    assert (found.status, found.cause) == (Status.INDETERMINATE, "DNS_TIMEOUT")


def _response(question: tuple[str, str], rcode: dns.rcode.Rcode) -> dns.message.Message:
    message = dns.message.make_response(dns.message.make_query(*question, want_dnssec=True))
    message.set_rcode(rcode)
    return message


def _renamed(rrset: dns.rrset.RRset, question: tuple[str, str]) -> dns.rrset.RRset:
    """The same records at the name that is asked for, as if a wildcard had made them."""
    name = dns.message.make_query(*question).question[0].name
    copy = dns.rrset.RRset(name, rrset.rdclass, rrset.rdtype, rrset.covers)
    for rdata in rrset:
        copy.add(rdata, rrset.ttl)
    return copy


def _patchwork(known: Honest, question: tuple[str, str], random: Random) -> bytes:
    message = _response(question, random.choice((dns.rcode.NOERROR, dns.rcode.NXDOMAIN)))
    base = random.choice(known.messages)
    answer, authority = list(base.answer), list(base.authority)
    for section in (answer, authority):
        for _ in range(random.randrange(4)):
            drawn = random.choice(known.pool)
            section += [r for r in known.pool if r.name == drawn.name and drawn.rdtype in (r.rdtype, r.covers)]
        if section and random.random() < 0.3:
            section.pop(random.randrange(len(section)))
    if random.random() < 0.5:
        answer = [_renamed(r, question) for r in answer]
    unique = {(r.name, r.rdtype, r.covers): r for r in answer}
    message.answer = list(unique.values())
    message.authority = list({(r.name, r.rdtype, r.covers): r for r in authority}.values())
    return message.to_wire(max_size=65535)
