"""The DMARC record, against RFC 7489 sections 6.2 to 6.4 and 6.6.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.dmarc import dmarc_records, parse_record


def test_only_records_of_the_version_count() -> None:
    texts = [
        b"v=DMARC1; p=none",
        b"v = DMARC1 ;p=none",
        b"v=DMARC1",
        b"v=dmarc1; p=none",
        b"v=DMARC1 p=none",
        b"p=none",
    ]
    assert dmarc_records([*texts, b" v=DMARC1;", b"v=DMARC10;"]) == (texts[0], texts[1], texts[2])


@pytest.mark.parametrize(
    ("text", "policy", "rua"),
    [
        (b"v=DMARC1; p=reject", "reject", []),
        (b"v=DMARC1;p=REJECT;", "reject", []),
        (b"v=DMARC1 ; p = quarantine ; sp=none; rua=mailto:a@b.example", "quarantine", ["b.example"]),
        (
            b"v=DMARC1; p=none; rua=mailto:a@B.example!10m , mailto:c%2cd@e.example.!50",
            "none",
            ["b.example", "e.example"],
        ),
        (b"v=DMARC1; p=reject; rua=mailto:a@b.example?subject=x@y.example; ext=1", "reject", ["b.example"]),
        (b"v=DMARC1; p=reject; pct=100; adkim=s; aspf=s; fo=1; ri=86400; rf=afrf", "reject", []),
    ],
)
def test_valid_records(text: bytes, policy: str, rua: list[str]) -> None:
    record = parse_record(text)
    assert record.errors == ()
    assert (record.policy, [uri.domain for uri in record.rua], record.percent) == (policy, rua, 100)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "a@b.example",
        "https://b.example/dmarc",
        "mailto:",
        "mailto:b.example",
        "mailto:@b.example",
        "mailto:a@",
        "mailto:a@b_c.example",
        "mailto:a@192.0.2.1",
        "mailto:a b@c.example",
        "mailto:a!b@c.example",
        "mailto:a@b.example!10x",
        "mailto:a@b.example!",
    ],
)
def test_addresses_that_take_no_report(uri: str) -> None:
    record = parse_record(f"v=DMARC1; p=reject; rua={uri}".encode())
    assert record.errors == ()
    assert [(each.text, each.domain) for each in record.rua] == [(uri, "")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"v=DMARC1", "no p"),
        (b"v=DMARC1; rua=mailto:a@b.example", "no p"),
        (b"v=DMARC1; rua=mailto:a@b.example; p=reject", "not the second"),
        (b"v=DMARC1; p=reject; p=none", "a second p"),
        (b"v=DMARC1; p=block", "p is none of"),
        (b"v=DMARC1; p=", "p is none of"),
        (b"v=DMARC1; p=reject; sp=off", "sp is none of"),
        (b"v=DMARC1; p=reject; pct=101", "pct"),
        (b"v=DMARC1; p=reject; pct=-1", "pct"),
        (b"v=DMARC1; p=reject; pct=1000", "pct"),
        (b"v=DMARC1; p=reject; pct=", "pct"),
        (b"v=DMARC1; p=reject;; rua=mailto:a@b.example", "not a tag"),
        (b"v=DMARC1; p=reject; rua", "not a tag"),
        (b"v=DMARC1; p=reject; \xc3\xa4=1", "outside ASCII"),
        (b"v=DMARC1; p=reject; a=\x01", "not a tag"),
        (b"v=DMARC1; p=reject" + b"".join(b"; x%d=1" % n for n in range(200)), "more than 100"),
    ],
)
def test_records_with_errors(text: bytes, error: str) -> None:
    assert any(error in found for found in parse_record(text).errors)


def test_percent() -> None:
    assert parse_record(b"v=DMARC1; p=reject; pct=0").percent == 0
    assert parse_record(b"v=DMARC1; p=reject; pct=50").percent == 50


# A pattern that tries every split of such a value would not come back.
@pytest.mark.parametrize("filling", [b" ", b"\t", b"a", b",", b"a@", b"!1", b";", b"%41", b"mailto:"])
def test_a_value_as_long_as_a_record_can_be_is_read(filling: bytes) -> None:
    text = b"v=DMARC1; p=reject; rua=" + filling * (60_000 // len(filling)) + b"\x01"
    record = parse_record(text)
    assert record.errors
    assert len(record.errors) <= 20
    assert len(record.rua) <= 50


@given(st.binary(max_size=200))
def test_junk_never_raises(data: bytes) -> None:
    for text in (data, b"v=DMARC1;" + data, b"v=DMARC1; p=reject; rua=" + data):
        record = parse_record(text)
        assert record.policy in ("", "none", "quarantine", "reject")
        assert 0 <= record.percent <= 100
