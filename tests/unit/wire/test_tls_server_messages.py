"""The server's messages beyond what OpenSSL servers send: odd suites, junk, records in any cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.tls.records import Records
from tr03108.wire.tls.server_messages import (
    certificate_entries,
    parse_certificate,
    parse_certificate_verify,
    parse_encrypted_extensions,
    parse_key_exchange,
    parse_server_hello,
    parse_status,
    parse_ticket,
)


@given(st.binary(max_size=200))
def test_any_body_is_taken(body: bytes) -> None:
    parse_server_hello(body)
    parse_certificate_verify(body)
    parse_encrypted_extensions(body)
    for version in (0x0300, 0x0303, 0x0304):
        certificate_entries(body, version)
        parse_ticket(body, version)


@pytest.mark.parametrize(
    ("body", "version", "chain"),
    [
        ("000000", 0x0303, ()),
        ("000004000001aa", 0x0303, (b"\xaa",)),
        ("000005000001aa", 0x0303, None),
        ("000004000002aa", 0x0303, None),
        ("00000006000001aa0000", 0x0304, (b"\xaa",)),
        ("00000004000001aa", 0x0304, None),
    ],
)
def test_chains(body: str, version: int, chain: tuple[bytes, ...] | None) -> None:
    assert parse_certificate(bytes.fromhex(body), version) == chain


@given(st.binary(max_size=100), st.sampled_from([0xC02F, 0x009E, 0x0019, 0xC0AA, 0x0003, 0xCC13, 0xABCD]))
def test_any_key_exchange_is_taken(body: bytes, suite: int) -> None:
    for version in (0x0300, 0x0301, 0x0303):
        parse_key_exchange(body, suite, version)


@pytest.mark.parametrize(("suite", "hint"), [(0x0019, b""), (0xC0AA, b"\x00\x04hint"), (0x00AA, b"\x00\x00")])
def test_unsigned_key_exchanges(suite: int, hint: bytes) -> None:
    parameters = b"".join(len(part).to_bytes(2, "big") + part for part in (b"\x17" * 64, b"\x02", b"\x05" * 64))
    exchange = parse_key_exchange(hint + parameters + b"rest", suite, 0x0303)
    assert exchange is not None
    assert (exchange.dh_bits, exchange.scheme, exchange.signature) == (509, None, b"")
    assert exchange.parameters == parameters


def test_an_unregistered_suite_exchanges_keys_like_its_registered_one() -> None:
    body = b"\x03\x00\x17\x04poin" + b"\x08\x04\x00\x03sig"
    assert parse_key_exchange(body, 0xCC13, 0x0303) == parse_key_exchange(body, 0xCCA8, 0x0303)
    assert parse_key_exchange(body, 0xCC13, 0x0303) is not None


@pytest.mark.parametrize(
    ("body", "response"),
    [(b"\x01\x00\x00\x03abc", b"abc"), (b"\x02\x00\x00\x03abc", None), (b"\x01\x00\x00\x04abc", None)],
)
def test_certificate_status(body: bytes, response: bytes | None) -> None:
    assert parse_status(body) == response


def test_records_in_any_cut() -> None:
    octets = b"".join(bytes((22, 3, 3)) + size.to_bytes(2, "big") + bytes(size) for size in (0, 1, 16384, 16384 + 2048))
    whole = [fragment for _, fragment, _ in Records().feed(octets)]
    one_by_one = Records()
    assert [fragment for at in range(len(octets)) for _, fragment, _ in one_by_one.feed(octets[at : at + 1])] == whole
    over = Records()
    assert list(over.feed(bytes((22, 3, 3)) + (16384 + 2049).to_bytes(2, "big"))) == []
    assert over.broken
