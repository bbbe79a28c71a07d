"""Arbitrary bytes as DNS answers: read gives an answer or says why not, and never raises."""

from __future__ import annotations

from datetime import UTC, datetime

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.evaluate.answer import Answer, NoAnswer, read
from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.lookup import Lookup, Status
from tr03108.evaluate.tlsa import tlsa_of
from tr03108.model import DnsMessage, Observation
from tr03108.wire.dns_message import Malformed, read_message

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NAME, TYPE = "_25._tcp.mx.example.test", "TLSA"
DIGEST = "ab" * 32


def message(*records: str, section: str = "answer", flags: int = dns.flags.QR) -> bytes:
    """An answer to NAME TYPE that holds records in zone-file form."""
    answer = dns.message.make_query(NAME, TYPE, want_dnssec=True)
    answer.flags = dns.flags.Flag(flags)
    for text in records:
        owner, *rest = text.split(" ", 2)
        getattr(answer, section).append(dns.rrset.from_text(owner, 60, "IN", *rest))
    return answer.to_wire()


def seen(wire: bytes, name: str = NAME, rdtype: str = TYPE) -> Answer | NoAnswer:
    return read(Observation("dns", NOW, DnsMessage(name, rdtype, wire, "192.0.2.53:53", "udp"), None))


GOOD = message(f"{NAME}. TLSA 3 1 1 {DIGEST}", f"{NAME}. TLSA 2 1 1 {DIGEST}")


def test_a_good_answer() -> None:
    answer = seen(GOOD)
    assert isinstance(answer, Answer)
    assert [len(signed.rrset) for signed in answer.answer] == [2]


@given(st.binary(max_size=600))
def test_arbitrary_bytes(wire: bytes) -> None:
    assert isinstance(seen(wire), NoAnswer)


@given(body=st.binary(max_size=400), counts=st.tuples(*(st.integers(0, 4) for _ in range(3))))
def test_arbitrary_bytes_behind_a_good_question(body: bytes, counts: tuple[int, int, int]) -> None:
    header = GOOD[:6] + b"".join(count.to_bytes(2, "big") for count in counts)
    question = GOOD[12 : GOOD.index(b"\x00\x34\x00\x01") + 4]
    assert isinstance(seen(header + question + body), Answer | NoAnswer)


@given(data=st.data())
def test_damaged_octets(data: st.DataObject) -> None:
    wire = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(seen(bytes(wire)), Answer | NoAnswer)


@given(st.integers(0, len(GOOD) - 1))
def test_cut_short(length: int) -> None:
    assert isinstance(seen(GOOD[:length]), NoAnswer)


@given(name=st.text(max_size=40), rdtype=st.text(max_size=12))
def test_a_key_that_is_no_question(name: str, rdtype: str) -> None:
    """The question comes from the dossier, which is input too."""
    assert isinstance(seen(GOOD, name, rdtype), NoAnswer)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (message(flags=0), "DNS_MALFORMED"),
        (message(flags=dns.flags.QR | dns.flags.TC), "DNS_MALFORMED"),
        (message(flags=dns.flags.QR | dns.rcode.SERVFAIL), "DNS_SERVFAIL"),
        (message(flags=dns.flags.QR | dns.rcode.REFUSED), "DNS_REFUSED"),
        (message(flags=dns.flags.QR | dns.rcode.FORMERR), "DNS_MALFORMED"),
        (message(flags=dns.flags.QR | 5 << 11), "DNS_MALFORMED"),
        (GOOD + b"\0", "DNS_MALFORMED"),
        (GOOD[:4] + b"\0\0" + GOOD[6:], "DNS_MALFORMED"),
        (GOOD[:4] + b"\0\2" + GOOD[6:], "DNS_MALFORMED"),
    ],
)
def test_what_is_no_answer(wire: bytes, code: str) -> None:
    answer = seen(wire)
    assert isinstance(answer, NoAnswer)
    assert answer.code == code


def test_the_upper_bits_of_the_rcode_count() -> None:
    """BADVERS (16) has the lower bits of NOERROR (RFC 6891 section 6.1.3)."""
    response = dns.message.make_response(dns.message.make_query(NAME, TYPE, want_dnssec=True))
    response.set_rcode(dns.rcode.BADVERS)
    assert read_message(response.to_wire()).rcode == dns.rcode.BADVERS
    assert isinstance(seen(response.to_wire()), NoAnswer)


def test_limits() -> None:
    many = message(*(f"n{i}.example.test. A 192.0.2.1" for i in range(201)))
    assert isinstance(seen(many), NoAnswer)
    large = message(*(f"{NAME}. TLSA 3 1 1 {i:064x}" for i in range(501)))
    assert isinstance(seen(large), NoAnswer)
    counts = GOOD[:6] + b"\xff\xff" * 3 + GOOD[12:]
    with pytest.raises(Malformed):
        read_message(counts)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (bytes((3, 1, 1)) + b"\xab" * 31, "TLSA_UNUSABLE"),
        (bytes((3, 1, 1)) + b"\xab" * 33, "TLSA_UNUSABLE"),
        (bytes((3, 1, 2)) + b"\xab" * 32, "TLSA_UNUSABLE"),
        (bytes((3, 1, 1)), "TLSA_UNUSABLE"),
        (bytes((3, 1)), "TLSA_UNUSABLE"),
        (b"", "TLSA_UNUSABLE"),
        (bytes((3, 1, 1)) + b"\xab" * 32, "OK"),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_tlsa_record_that_breaks_its_own_rules_is_seen(octets: bytes, code: str, beside: bool) -> None:
    """It is a fact about the target, signed like any other, and does not hide the records beside it."""
    rdata = (len(octets)).to_bytes(2, "big") + octets
    head = GOOD[:6] + b"\0\1\0\0\0\0" + GOOD[12 : GOOD.index(b"\x00\x34\x00\x01") + 4]
    record = b"\xc0\x0c\x00\x34\x00\x01\x00\x00\x00\x3c"
    good = record + b"\x00\x23" + bytes((3, 1, 1)) + b"\xcd" * 32
    wire = head + record + rdata
    if beside:
        wire = wire[:6] + b"\0\2" + wire[8:] + good
    answer = seen(wire)
    assert isinstance(answer, Answer)
    found = tlsa_of({"mx.example.test": secure(answer)})
    assert (found.code, len(found.records)) == ("OK" if beside else code, 1 + beside)


def secure(answer: Answer) -> Lookup:
    records = tuple(answer.answer[0].rrset)
    nothing = (None,) * 4
    return Lookup(NAME, TYPE, Status.SECURE, "answer", NAME, (), records, *nothing, (), (), None)


@pytest.mark.parametrize("rdtype", ["A", "MX", "DNSKEY", "DS", "NSEC3", "RRSIG", "CNAME", "TXT"])
@given(data=st.binary(max_size=60))
def test_validator_and_records_of_arbitrary_data(rdtype: str, data: bytes) -> None:
    """Whatever a record holds, the validator has an opinion; without signatures it is never SECURE."""
    number = int(dns.rdatatype.from_text(rdtype))
    record = b"\xc0\x0c" + number.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data

    def get(name: str, asked: str) -> Observation[DnsMessage]:
        query = dns.message.make_response(dns.message.make_query(name, asked))
        wire = query.to_wire()
        return Observation(
            "dns", NOW, DnsMessage(name, asked, wire[:6] + b"\0\1" + wire[8:] + record, "x", "udp"), None
        )

    anchors = (f". IN DS 4711 13 2 {DIGEST}",)
    assert Validator(get, anchors).lookup("example.test", "MX").status is not Status.SECURE
