"""Known answers for TLSA: what the OpenSSL command line computes, and the records printed in RFC 6698.

RFC 6698 and RFC 7671 print records, but not the certificates that they match, so the table of matches is our own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dns.name
import dns.zonefile
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from dns.rdtypes.ANY.TLSA import TLSA

from tr03108.evaluate.dane import TlsaRecord, match, unusable

VECTORS = Path(__file__).parent / "vectors"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOST = "mx.example.test"
PARTS = ("leaf", "issuing", "root")  # in the order of depth
CHAIN = tuple(
    certificate.public_bytes(Encoding.DER)
    for certificate in x509.load_pem_x509_certificates((VECTORS / "dane-chain.txt").read_bytes())
)


def _records(file: str) -> list[tuple[str, TlsaRecord]]:
    text = (VECTORS / f"{file}.txt").read_text(encoding="ascii")
    rrsets = dns.zonefile.read_rrsets(text, rdclass=None, relativize=False, origin=dns.name.root)
    return [
        (rrset.name.to_text(omit_final_dot=True), TlsaRecord(rdata.usage, rdata.selector, rdata.mtype, rdata.cert))
        for rrset in rrsets
        for rdata in rrset
        if isinstance(rdata, TLSA)
    ]


TABLE = _records("dane-records")
IDS = [f"{part}-{record.selector}-{record.mtype}" for part, record in TABLE]
every_record = pytest.mark.parametrize(("part", "record"), TABLE, ids=IDS)


def sent(*parts: str) -> list[bytes]:
    """A chain as a server may send it."""
    return [CHAIN[PARTS.index(part)] for part in parts]


def test_the_table_is_whole() -> None:
    forms = {(part, record.selector, record.mtype) for part, record in TABLE}
    assert forms == {(part, selector, mtype) for part in PARTS for selector in (0, 1) for mtype in (0, 1, 2)}
    assert [record.usage for part, record in TABLE if part == "leaf"] == [3] * 6


@every_record
def test_record_of_openssl_matches_its_certificate(part: str, record: TlsaRecord) -> None:
    found = match([record], sent(*PARTS), (HOST,), NOW)
    assert (found.code, found.records[0].depth) == ("OK", PARTS.index(part))
    assert found.records[0].name == (None if record.usage == 3 else HOST)


@every_record
@pytest.mark.parametrize("position", [0, -1])
def test_record_with_one_bit_changed_matches_no_certificate(part: str, record: TlsaRecord, position: int) -> None:
    data = bytearray(record.cert)
    data[position] ^= 0x01
    found = match([replace(record, cert=bytes(data))], sent(*PARTS), (HOST,), NOW)
    if (record.usage, record.selector, record.mtype, position) == (2, 0, 0, -1):
        # The last octet is of the anchor's signature, which nobody checks: the record is an anchor itself, though not
        # one that was sent (openssl s_client says the same).
        assert (found.code, found.records[0].depth) == ("OK", None)
        return
    assert found.code == ("TLSA_UNUSABLE" if record.mtype == 0 and position == 0 else "TLSA_MISMATCH")


@every_record
def test_record_matches_in_no_other_form(part: str, record: TlsaRecord) -> None:
    """The same data under another selector or matching type."""
    for selector in (0, 1):
        for mtype in (0, 1, 2):
            if (selector, mtype) != (record.selector, record.mtype):
                found = match([replace(record, selector=selector, mtype=mtype)], sent(*PARTS), (HOST,), NOW)
                assert found.code in ("TLSA_MISMATCH", "TLSA_UNUSABLE"), (selector, mtype)


@every_record
def test_usage_decides_where_a_certificate_may_stand(part: str, record: TlsaRecord) -> None:
    """Usage 3 is about the leaf only, usage 2 about the others (RFC 7671 sections 5.1 and 5.2)."""
    other = replace(record, usage=5 - record.usage)
    assert match([other], sent(*PARTS), (HOST,), NOW).code == "TLSA_MISMATCH"
    for usage in (0, 1):
        assert match([replace(record, usage=usage)], sent(*PARTS), (HOST,), NOW).code == "TLSA_UNUSABLE"


@every_record
def test_certificate_must_be_sent_unless_it_is_in_the_record(part: str, record: TlsaRecord) -> None:
    """RFC 7671 section 5.2.2: only a full certificate (2 0 0) can stand in for one that the server leaves out."""
    short = sent("issuing", "root") if part == "leaf" else sent(*PARTS[: PARTS.index(part)])
    found = match([record], short, (HOST,), NOW)
    whole = record.usage == 2 and (record.selector, record.mtype) == (0, 0)
    assert found.code == ("OK" if whole else "TLSA_MISMATCH")


@every_record
def test_names_and_dates_count_for_trust_anchors_only(part: str, record: TlsaRecord) -> None:
    """RFC 7672 section 3.1.1: not for usage 3."""
    later = datetime(2036, 1, 1, 0, 0, 1, tzinfo=UTC)
    expired = match([record], sent(*PARTS), (HOST,), later).code
    misnamed = match([record], sent(*PARTS), ("other.example.test",), NOW).code
    assert (expired, misnamed) == (("OK", "OK") if record.usage == 3 else ("TLSA_CHAIN_EXPIRED", "TLSA_NAME_MISMATCH"))


def test_records_of_rfc_6698_are_well_formed_but_not_for_smtp() -> None:
    """Section 2.3 prints usages 0 and 1, which no SMTP sender uses (RFC 7672 section 3.1.3)."""
    found = [record for _, record in _records("rfc6698-2-3")]
    assert [(r.usage, r.selector, r.mtype, len(r.cert)) for r in found] == [(0, 0, 1, 32), (1, 1, 2, 64)]
    assert match(found, sent(*PARTS), (HOST,), NOW).code == "TLSA_UNUSABLE"
    for record in found:
        assert unusable(record) is not None
        assert unusable(replace(record, usage=3)) is None
        assert unusable(replace(record, usage=3, cert=record.cert[:-1])) is not None
