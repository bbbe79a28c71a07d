"""Our walk over DNS messages, our queries and our canonical form, held against dnspython's own."""

from __future__ import annotations

import dns.dnssec
import dns.dnssectypes
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdatatype import RdataType

from tr03108.evaluate.keys import KeySet, zone_keys
from tr03108.evaluate.lookup import present
from tr03108.wire.canonical import signed_data
from tr03108.wire.dns_message import Malformed, Question, RRset, read_message, read_questions
from tr03108.wire.dns_query import make_query

ZONE = dns.name.from_text("example.test")
PRIVATE = ec.generate_private_key(ec.SECP256R1())
DNSKEY = dns.dnssec.make_dnskey(PRIVATE.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256)
KEYS = KeySet([DNSKEY])
RECORDS = (
    ("example.test.", "MX", "20 b.Example.test.", "10 A.example.test.", "10 a.example.test."),
    ("Host.example.test.", "A", "192.0.2.2", "192.0.2.1"),
    ("_25._tcp.host.example.test.", "TLSA", f"3 1 1 {'cd' * 32}", f"2 0 1 {'ab' * 32}"),
    ("alias.example.test.", "CNAME", "HOST.example.test."),
    ("host.example.test.", "NSEC", "Alias.example.test. A RRSIG"),
    ("example.test.", "SOA", "Ns.example.test. Admin.example.test. 1 2 3 4 5"),
    ("*.wild.example.test.", "TXT", '"any"', '"thing"'),
    ("s.example.test.", "SRV", "0 0 25 HOST.example.test."),
)


def read(*rrsets: dns.rrset.RRset, question: str = "example.test", limit: int = 65535) -> tuple[RRset, ...]:
    message = dns.message.make_response(dns.message.make_query(question, "MX", want_dnssec=True))
    message.answer += rrsets
    return read_message(message.to_wire(max_size=limit)).answer


def made(owner: str, rdtype: str, *data: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(owner, 300, "IN", rdtype, *data)


def signed(rrset: dns.rrset.RRset) -> dns.rdata.Rdata:
    return dns.dnssec.sign(rrset, PRIVATE, ZONE, DNSKEY, inception=1_700_000_000, lifetime=86400)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record[1])
def test_what_dnspython_signs_verifies(record: tuple[str, ...]) -> None:
    rrset = made(*record)
    rrsig = signed(rrset)
    (received, _) = read(rrset, dns.rrset.from_rdata(rrset.name, 300, rrsig))
    assert received.name == rrset.name
    assert set(received) == set(rrset)
    (key,) = KEYS.named(13, dns.dnssec.key_id(DNSKEY))
    key.verify(rrsig.signature, signed_data(received, rrsig))
    with pytest.raises(InvalidSignature):
        key.verify(rrsig.signature, signed_data(received, rrsig) + b"\0")


def test_a_name_from_a_wildcard_verifies_as_the_wildcard() -> None:
    rrsig = signed(made("*.wild.example.test.", "TXT", '"any"'))
    (key,) = KEYS.named(13, rrsig.key_tag)
    for name in ("one.wild.example.test.", "one.two.WILD.example.test."):
        (received,) = read(made(name, "TXT", '"any"'))
        key.verify(rrsig.signature, signed_data(received, rrsig))
    (other,) = read(made("one.example.test.", "TXT", '"any"'))
    with pytest.raises(InvalidSignature):
        key.verify(rrsig.signature, signed_data(other, rrsig))


@pytest.mark.parametrize(
    ("owner", "rdtype", "labels"), [("a.example.test.", "A", 3), ("b.test.", "TXT", 3), ("*.x.example.test.", "TXT", 2)]
)
def test_signatures_that_do_not_fit_the_rrset(owner: str, rdtype: str, labels: int) -> None:
    rrsig = signed(made("a.example.test.", "TXT", '"any"')).replace(labels=labels)
    data = "192.0.2.1" if rdtype == "A" else '"any"'
    (received,) = read(made(owner, rdtype, data))
    with pytest.raises(ValueError, match=r"covers|labels"):
        signed_data(received, rrsig)


def test_sets_are_sets_with_the_lowest_ttl() -> None:
    (received,) = read(made(*RECORDS[0]))
    assert len(received) == 2  # one host is there twice, in different letters
    message = dns.message.make_response(dns.message.make_query("example.test", "A"))
    wire = bytearray(message.to_wire())
    for ttl, address in ((300, 1), (60, 2), (0x80000000 + 5, 1)):
        wire += b"\xc0\x0c\0\1\0\1" + ttl.to_bytes(4, "big") + b"\0\4\xc0\0\2" + bytes((address,))
    wire[7] = 2
    (lowest,) = read_message(bytes(wire[:-16])).answer
    assert (lowest.ttl, len(lowest)) == (60, 2)
    wire[7] = 3
    (zero,) = read_message(bytes(wire)).answer  # the highest bit makes a TTL zero (RFC 2181 section 8)
    assert (zero.ttl, len(zero)) == (0, 2)


def test_names_are_read_through_pointers() -> None:
    owners = ("example.test.", "a.example.test.", "b.a.example.test.", "a.example.test.", "example.test.")
    sets = [made(owner, kind, '"x"') for owner, kind in zip(owners, ("TXT", "TXT", "TXT", "SPF", "SPF"), strict=True)]
    assert [str(rrset.name) for rrset in read(*sets)] == list(owners)


@pytest.mark.parametrize(
    "name", [b"\xc0\x0c", b"\xc0\x0d", b"\xc0\xff", b"\xff\xff", b"\xc0", b"\x80", b"\1a\xc0\x0c", b"\xc0\x0e\0"]
)
def test_pointers_that_lead_nowhere(name: bytes) -> None:
    wire = b"\0\0\x80\0\0\1" + b"\0" * 6 + name + b"\0\1\0\1"
    for reader in (read_message, read_questions):
        with pytest.raises(Malformed):
            reader(wire)


def test_the_additional_section_decides_nothing_but_has_an_end() -> None:
    message = dns.message.make_response(dns.message.make_query("example.test", "MX", want_dnssec=True))
    message.additional.append(made("mx.example.test.", "A", "192.0.2.1"))
    wire = message.to_wire()
    assert read_message(wire).answer == ()
    for cut in (wire[:-1], wire + b"\0"):
        with pytest.raises(Malformed):
            read_message(cut)


@pytest.mark.parametrize("name", [".", "example.test", "_25._tcp.mx.example.test", r"a\.b.example.test"])
@pytest.mark.parametrize("rdtype", ["DNSKEY", "TLSA", "MX"])
def test_queries_are_those_of_dnspython(name: str, rdtype: str) -> None:
    theirs = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232, id=4711)
    theirs.flags |= dns.flags.CD
    question = Question(dns.name.from_text(name), RdataType[rdtype], dns.rdataclass.IN)
    ours = make_query(4711, question, 1232)
    assert ours.wire == theirs.to_wire()
    assert read_questions(ours.wire) == (question,)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ((b"",), "."),
        ((b"MX", b"Example", b""), "mx.example"),
        ((b"*", b"_25", b"a-b", b""), "*._25.a-b"),
        ((b"a.b", b"test", b""), r"a\.b.test"),
        ((b"\xe4 \\", b"test", b""), r"\228\032\\.test"),
    ],
)
def test_names_are_presented_as_dnspython_does(labels: tuple[bytes, ...], text: str) -> None:
    name = dns.name.Name(labels)
    assert present(name) == text
    assert dns.name.from_text(text) == name


def test_keys_are_found_by_algorithm_and_tag() -> None:
    other = dns.dnssec.make_dnskey(
        ec.generate_private_key(ec.SECP256R1()).public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256
    )
    revoked, foreign = DNSKEY.replace(flags=DNSKEY.flags | 0x80), DNSKEY.replace(protocol=2)
    keys = zone_keys([DNSKEY, other, revoked, foreign, DNSKEY.replace(flags=1)])
    assert [key.dnskey for key in keys] == [DNSKEY, other]
    assert [key.dnskey for key in keys.named(13, dns.dnssec.key_id(other))] == [other]
    assert not keys.named(8, dns.dnssec.key_id(other))
    assert [key.dnskey for key in keys.only(keys.named(13, dns.dnssec.key_id(DNSKEY)))] == [DNSKEY]
    assert not keys.only(())
