"""ClientHello: what we write is what OpenSSL reads, and what we read again."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from tr03108.wire.tls.client_hello import STATUS_REQUEST, ClientHello, in_records, parse_client_hello
from tr03108.wire.tls.code_points import ALL_SUITES
from tr03108.wire.tls.names import Extension
from tr03108.wire.tls.records import Records

RANDOM = bytes(range(32))
CODES = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=40).map(tuple)
KNOWN = {0, 10, 11, 13, 43, 50, 51}
HELLOS = st.builds(
    ClientHello,
    version=st.integers(0x0300, 0x0303),
    suites=CODES,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    compressions=st.sampled_from([(0,), (1, 0)]),
    server_name=st.none() | st.from_regex(r"[a-z]{1,20}\.example", fullmatch=True),
    versions=st.none() | st.lists(st.integers(0x0300, 0x0304), min_size=1, max_size=5).map(tuple),
    groups=st.none() | CODES,
    schemes=st.none() | CODES,
    certificate_schemes=st.none() | CODES,
    key_shares=st.none()
    | st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=70)), max_size=3).map(tuple),
    extras=st.lists(
        st.tuples(st.integers(0, 0xFFFF).filter(lambda kind: kind not in KNOWN), st.binary(max_size=20)), max_size=3
    ).map(tuple),
)


@given(HELLOS)
def test_what_is_written_is_read_again(hello: ClientHello) -> None:
    message = hello.encode()
    assert parse_client_hello(message) == hello
    assert int.from_bytes(message[1:4], "big") == len(message) - 4


@given(HELLOS, st.data())
def test_a_cut_hello_is_none_or_less(hello: ClientHello, data: st.DataObject) -> None:
    message = hello.encode()
    assert parse_client_hello(message[: data.draw(st.integers(0, len(message) - 1))]) is None


@given(st.binary(max_size=300))
def test_junk_never_raises(junk: bytes) -> None:
    parse_client_hello(junk)
    parse_client_hello(b"\x01" + len(junk).to_bytes(3, "big") + junk)


def test_octets_of_a_small_hello() -> None:
    hello = ClientHello(
        0x0303, (0xC02F, 0x00FF), RANDOM, groups=(23,), extras=((Extension.STATUS_REQUEST, STATUS_REQUEST),)
    )
    body = bytes.fromhex("0303") + RANDOM + bytes.fromhex("000004c02f00ff01000017")
    body += bytes.fromhex("000a000400020017000b00020100000500050100000000")
    assert hello.encode() == b"\x01" + len(body).to_bytes(3, "big") + body


def test_a_hello_without_extensions_ends_after_compression() -> None:
    message = ClientHello(0x0300, (0x000A,), RANDOM).encode()
    assert message.endswith(bytes.fromhex("0002000a0100"))


@pytest.mark.parametrize(("version", "outer"), [(0x0300, b"\x03\x00"), (0x0301, b"\x03\x01")])
def test_records(version: int, outer: bytes) -> None:
    message = bytes(40000)
    records = list(Records().feed(in_records(message, version)))
    assert b"".join(fragment for _, fragment, _ in records) == message
    assert [(kind, header[1:3]) for kind, _, header in records] == [(22, outer)] * 3
    assert max(len(fragment) for _, fragment, _ in records) == 16384


def test_an_empty_list_is_not_a_missing_one() -> None:
    hello = ClientHello(0x0303, (0x1301,), RANDOM, key_shares=(), groups=None)
    read = parse_client_hello(hello.encode())
    assert read is not None
    assert (read.key_shares, read.groups) == ((), None)
    assert dataclasses.replace(read, key_shares=None).encode() != hello.encode()


def test_versions_that_may_be_chosen() -> None:
    hello = ClientHello(0x0303, (0x1301,), RANDOM)
    assert hello.offered_versions == (0x0303,)
    assert dataclasses.replace(hello, versions=(0x0304,)).offered_versions == (0x0304,)


def test_openssl_reads_what_is_offered() -> None:
    seen: list[bytes | None] = []
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_tlsext_servername_callback(lambda connection: seen.append(connection.get_servername()))
    server = SSL.Connection(context, None)
    server.set_accept_state()
    hello = ClientHello(
        0x0303,
        ALL_SUITES,
        RANDOM,
        server_name="mx.example.org",
        versions=(0x0303,),
        groups=(23, 29),
        schemes=(0x0403,),
        certificate_schemes=(0x0401,),
        extras=((Extension.STATUS_REQUEST, STATUS_REQUEST),),
    )
    server.bio_write(in_records(hello.encode()))
    with pytest.raises(SSL.Error, match="no shared cipher"):  # it has no certificate: all else is understood
        server.do_handshake()
    assert seen == [b"mx.example.org"]
    assert server.client_random() == RANDOM
