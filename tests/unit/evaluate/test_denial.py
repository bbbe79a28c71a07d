"""What NSEC and NSEC3 records prove, and what they do not (RFC 4035 5.4, RFC 5155 section 8, RFC 6840 section 4)."""

from __future__ import annotations

from base64 import b32hexdecode, b32hexencode
from collections.abc import Callable, Sequence
from typing import Any

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import pytest
from dns.dnssectypes import NSEC3Hash
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from tr03108.evaluate.denial import Nsec, Nsec3, Nsec3Proofs, NsecProofs, Proof, Proofs, deny
from tr03108.lab.zone import ZoneSpec

ZONE = dns.name.from_text("z.test")
MakeOffline = Callable[[Sequence[ZoneSpec]], Any]


def name(text: str) -> dns.name.Name:
    return dns.name.from_text(text, ZONE)


def nsec(*records: str) -> NsecProofs:
    """Each record: `OWNER NEXT TYPES...`, relative to the zone, `@` for the apex."""
    made = []
    for text in records:
        owner, following, types = text.split(" ", 2)
        rdata = dns.rdata.from_text("IN", "NSEC", f"{name(following) if following != '@' else ZONE} {types}")
        assert isinstance(rdata, NSEC)
        made.append(Nsec(ZONE if owner == "@" else name(owner), rdata))
    return NsecProofs(made, ZONE)


def hashed(text: str) -> bytes:
    owner = ZONE if text == "@" else name(text)
    return b32hexdecode(dns.dnssec.nsec3_hash(owner, b"", 0, NSEC3Hash.SHA1))


def step(value: bytes, by: int) -> bytes:
    return ((int.from_bytes(value, "big") + by) % (1 << 160)).to_bytes(20, "big")


def nsec3(*records: tuple[bytes, bytes, str], flags: int = 0, iterations: int = 0) -> Nsec3Proofs:
    """Each record: hashed owner, next hash, types."""
    made = []
    for owner, following, types in records:
        text = f"1 {flags} {iterations} - {b32hexencode(following).decode().lower()} {types}".strip()
        rdata = dns.rdata.from_text("IN", "NSEC3", text)
        assert isinstance(rdata, NSEC3)
        made.append(Nsec3(owner, rdata))
    return Nsec3Proofs(made, ZONE)


def at(text: str, types: str) -> tuple[bytes, bytes, str]:
    """A record that matches a name and covers nothing else that matters."""
    return hashed(text), step(hashed(text), 1), types


def over(text: str) -> tuple[bytes, bytes, str]:
    """A record that covers a name, and matches none."""
    return step(hashed(text), -1), step(hashed(text), 1), "A"


APEX = "A NS SOA MX RRSIG NSEC DNSKEY"


@pytest.mark.parametrize(
    ("records", "denied", "rdtype", "proof"),
    [
        (("a c A RRSIG NSEC",), "a", "MX", Proof.PROVEN),
        (("a c A RRSIG NSEC",), "a", "A", Proof.NONE),
        (("a c CNAME RRSIG NSEC",), "a", "A", Proof.NONE),  # the alias is the answer
        (("a c A RRSIG NSEC",), "b", "A", Proof.NONE),  # absent, but that was not the question
        (("a x.b A RRSIG NSEC",), "b", "A", Proof.PROVEN),  # an empty non-terminal
        (("a x.b A RRSIG NSEC",), "b", None, Proof.NONE),  # which is there
        (("@ b " + APEX, "a c A"), "b", None, Proof.PROVEN),  # neither b nor *
        (("a c A",), "b", None, Proof.NONE),  # the wildcard is not denied
        (("@ a " + APEX, "a c A"), "a", None, Proof.NONE),  # owner of a record
        (("@ a " + APEX, "a c A"), "c", None, Proof.NONE),  # next of a record
        (("@ a " + APEX, "y @ A"), "z", None, Proof.PROVEN),  # the last record wraps to the apex
        (("@ a " + APEX, "y @ A"), "x", None, Proof.NONE),  # what comes before it is not covered
        (("@ @ " + APEX,), "any", None, Proof.PROVEN),  # a zone of one name
        (("@ @ " + APEX,), "@", "TXT", Proof.PROVEN),
        (("@ @ " + APEX,), "@", None, Proof.NONE),
        (("a c NS RRSIG NSEC", "@ a " + APEX), "x.a", None, Proof.NONE),  # parent's record about the child's names
        (("a c NS RRSIG NSEC",), "a", "A", Proof.NONE),  # parent's record about the child's apex
        (("a c NS RRSIG NSEC",), "a", "DS", Proof.PROVEN),  # which only it can deny
        (("@ a " + APEX,), "@", "DS", Proof.NONE),  # child's record about its own DS
        (("a c DNAME RRSIG NSEC", "@ a " + APEX), "x.a", None, Proof.NONE),  # the DNAME is the answer
        (("* a TXT RRSIG NSEC", "a c A"), "b", "A", Proof.PROVEN),  # the wildcard lacks it
        (("* a TXT RRSIG NSEC", "a c A"), "b", "TXT", Proof.NONE),
        (("* a CNAME RRSIG NSEC", "a c A"), "b", "A", Proof.NONE),
        (("* a TXT RRSIG NSEC",), "b", "A", Proof.NONE),  # b itself is not denied
        (("* a TXT RRSIG NSEC", "b.b d A"), "c.b", "A", Proof.NONE),  # b is there: this is not the wildcard for c.b
        (("* a TXT RRSIG NSEC", "a c A"), "b", None, Proof.NONE),  # the wildcard is there
    ],
)
def test_nsec(records: tuple[str, ...], denied: str, rdtype: str | None, proof: Proof) -> None:
    wanted = ZONE if denied == "@" else name(denied)
    number = None if rdtype is None else int(dns.rdatatype.from_text(rdtype))
    assert deny(nsec(*records), wanted, number) is proof


@pytest.mark.parametrize(
    ("records", "expanded", "labels", "proof"),
    [
        (("a c A",), "b", 2, Proof.PROVEN),
        (("a c A",), "x.b", 2, Proof.PROVEN),
        (("b d A",), "x.b", 2, Proof.NONE),  # b is there, so *.z.test does not answer for x.b
        (("b d A",), "x.b", 3, Proof.PROVEN),  # but *.b.z.test does
        (("a y.b A",), "x.b", 2, Proof.NONE),  # b is an empty non-terminal
        (("a c A",), "d", 2, Proof.NONE),
        (("a c A",), "a", 2, Proof.NONE),
        (("b d NS",), "x.b", 3, Proof.NONE),  # the parent's word about a child
    ],
)
def test_nsec_and_wildcard_answers(records: tuple[str, ...], expanded: str, labels: int, proof: Proof) -> None:
    assert nsec(*records).expanded(name(expanded), labels) is proof


FAR = (step(hashed("never"), -1), step(hashed("never"), 1), "A")


@pytest.mark.parametrize(
    ("records", "denied", "rdtype", "proof"),
    [
        ((at("a", "A RRSIG"),), "a", "MX", Proof.PROVEN),
        ((at("a", "A RRSIG"),), "a", "A", Proof.NONE),
        ((at("a", ""),), "a", "A", Proof.PROVEN),  # an empty non-terminal
        ((at("a", "CNAME"),), "a", "A", Proof.NONE),
        ((at("a", "NS"),), "a", "A", Proof.NONE),
        ((at("a", "NS"),), "a", "DS", Proof.PROVEN),
        ((at("@", "NS SOA"),), "@", "DS", Proof.NONE),
        ((at("@", "NS SOA"), over("b"), over("*")), "b", None, Proof.PROVEN),
        ((at("@", "NS SOA"), over("b")), "b", None, Proof.NONE),  # the wildcard is not denied
        ((at("@", "NS SOA"), over("*")), "b", None, Proof.NONE),  # b is not
        ((over("b"), over("*")), "b", None, Proof.NONE),  # no closest encloser
        ((at("@", "NS SOA"), over("x.b"), over("*")), "x.b", None, Proof.NONE),  # next closer is b, not x.b
        ((at("@", "NS SOA"), over("b"), over("*")), "x.b", None, Proof.PROVEN),
        ((at("@", "NS SOA"), at("b", "A"), over("b"), over("*")), "b", None, Proof.NONE),  # matched and covered
        ((at("b", "NS"), over("x.b"), over("*.b")), "x.b", None, Proof.NONE),  # the encloser is a delegation
        ((at("b", "DNAME"), over("x.b"), over("*.b")), "x.b", None, Proof.NONE),
        ((at("@", "NS SOA"), over("b"), at("*", "TXT")), "b", "A", Proof.PROVEN),
        ((at("@", "NS SOA"), over("b"), at("*", "TXT")), "b", "TXT", Proof.NONE),
        ((at("@", "NS SOA"), over("b"), at("*", "CNAME")), "b", "A", Proof.NONE),
        ((over("b"), at("*", "TXT")), "b", "A", Proof.NONE),
        ((FAR,), "b", "A", Proof.NONE),
    ],
)
def test_nsec3(records: tuple[tuple[bytes, bytes, str], ...], denied: str, rdtype: str | None, proof: Proof) -> None:
    wanted = ZONE if denied == "@" else name(denied)
    number = None if rdtype is None else int(dns.rdatatype.from_text(rdtype))
    assert deny(nsec3(*records), wanted, number) is proof


def test_nsec3_opt_out_leaves_open_what_it_covers() -> None:
    """RFC 5155 section 9.2, for missing names, wildcards and types alike."""
    spans = nsec3(at("@", "NS SOA"), over("b"), over("*"), flags=1)
    assert deny(spans, name("b"), None) is Proof.OPT_OUT
    assert deny(spans, name("b"), dns.rdatatype.DS) is Proof.OPT_OUT
    assert deny(spans, name("b"), dns.rdatatype.A) is Proof.OPT_OUT
    assert spans.expanded(name("b"), 2) is Proof.OPT_OUT
    wild = nsec3(at("@", "NS SOA"), over("b"), at("*", "TXT"), flags=1)
    assert deny(wild, name("b"), dns.rdatatype.A) is Proof.OPT_OUT
    assert deny(wild, name("b"), dns.rdatatype.TXT) is Proof.NONE
    assert deny(nsec3(at("b", "A"), flags=1), name("b"), dns.rdatatype.TXT) is Proof.PROVEN


def test_nsec3_wraps_once_and_does_not_cover_its_own_ends() -> None:
    owner, following = b"\xf0" + b"\0" * 19, b"\x10" + b"\0" * 19
    (last,) = nsec3((owner, following, "A")).records
    covered = [last.covers(bytes((first,)) + b"\0" * 19) for first in (0xEF, 0xF0, 0xF1, 0xFF, 0x00, 0x0F, 0x10, 0x11)]
    assert covered == [False, False, True, True, True, True, False, False]
    (only,) = nsec3((owner, owner, "A")).records
    assert [only.covers(owner), only.covers(following)] == [False, True]


def test_too_many_iterations_prove_nothing_secure() -> None:
    """RFC 9276 section 3.2, whatever is asked; nothing is hashed."""
    costly = nsec3(at("@", "NS SOA"), over("b"), over("*"), iterations=151)
    assert deny(costly, name("b"), None) is Proof.COSTLY
    assert deny(costly, ZONE, dns.rdatatype.TXT) is Proof.COSTLY
    assert costly.expanded(name("b"), 2) is Proof.COSTLY
    assert not costly._hashes
    assert deny(nsec3(over("b"), iterations=150), name("b"), None) is Proof.NONE


def test_nothing_proves_nothing() -> None:
    empty: Proofs = NsecProofs([], ZONE)
    for rdtype in (None, dns.rdatatype.A, dns.rdatatype.DS):
        assert deny(empty, name("a"), rdtype) is Proof.NONE
    assert empty.expanded(name("a"), 2) is Proof.NONE


@pytest.mark.parametrize(("denial", "status"), [("nsec", "secure"), ("nsec3", "secure"), ("nsec3-optout", "insecure")])
@pytest.mark.parametrize(("question", "kind"), [("any.w.z.test/TXT", "answer"), ("any.w.z.test/A", "nodata")])
def test_what_a_wildcard_says_in_an_opt_out_span_is_no_more_than_insecure(
    offline: MakeOffline, denial: str, status: str, question: str, kind: str
) -> None:
    """An unsigned delegation may hide there, of which the wildcard knows nothing; Unbound sets no AD either."""
    validator = offline((ZoneSpec("z.test", ('*.w TXT "x"',), denial=denial),)).validator()
    lookup = validator.lookup(*question.split("/"))
    assert (lookup.status.value, lookup.kind) == (status, kind)
    assert lookup.cause == (None if status == "secure" else "DNSSEC_INSECURE")


def test_a_wildcard_answer_with_too_many_iterations_is_insecure(offline: MakeOffline) -> None:
    spec = ZoneSpec("z.test", ('*.w TXT "x"',), denial="nsec3", nsec3_iterations=151)
    lookup = offline((spec,)).validator().lookup("any.w.z.test", "TXT")
    assert (lookup.status.value, lookup.cause) == ("insecure", "NSEC3_ITERATIONS")
