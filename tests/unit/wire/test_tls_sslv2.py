"""SSLv2: our hello, and the answers of servers that speak it, of those that do not, and junk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.tls import sslv2
from tr03108.wire.tls.sslv2 import Sslv2Hello, client_hello, complete, parse_server_hello

CERTIFICATE = bytes(range(200))


def server_hello(suites: tuple[int, ...] = (0x010080, 0x0700C0), version: int = 2, kind: int = 4) -> bytes:
    specs = b"".join(code.to_bytes(3, "big") for code in suites)
    sizes = (len(CERTIFICATE), len(specs), 16)
    body = bytes((kind, 0, 1)) + b"".join(n.to_bytes(2, "big") for n in (version, *sizes)) + CERTIFICATE + specs
    return record(body + bytes(16))


def record(body: bytes) -> bytes:
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def test_the_hello() -> None:
    challenge = bytes(range(16))
    hello = client_hello(challenge)
    assert hello[:2] == record(hello[2:])[:2]
    assert hello[2:11] == bytes.fromhex("010002001500000010")
    assert hello[11:32].hex() == "0100800200800300800400800500800600400700c0"
    assert hello[32:] == challenge


def test_an_answer() -> None:
    assert parse_server_hello(server_hello()) == Sslv2Hello((0x010080, 0x0700C0), CERTIFICATE)
    assert parse_server_hello(server_hello() + b"more") == Sslv2Hello((0x010080, 0x0700C0), CERTIFICATE)
    assert parse_server_hello(server_hello(())) == Sslv2Hello((), CERTIFICATE)


def test_when_the_answer_is_complete() -> None:
    answer = server_hello()
    assert [complete(answer[:size]) for size in range(len(answer))] == [False] * len(answer)
    assert complete(answer) is True
    assert all(parse_server_hello(answer[:size]) is None for size in range(len(answer)))


@pytest.mark.parametrize(
    "answer",
    [
        bytes.fromhex("15030000020228"),  # a TLS alert
        bytes.fromhex("1603010001"),
        b"500 what?\r\n",
        b"\x00\x10\x04",  # three octets of header, which is for padding: not in clear text
        record(b"\x07"),
    ],
)
def test_answers_of_those_who_do_not_speak_it(answer: bytes) -> None:
    assert complete(answer) is None
    assert parse_server_hello(answer) is None


@pytest.mark.parametrize(
    "answer", [record(b"\x00\x00\x01"), server_hello(version=0x0300), record(b"\x04"), b"", b"\x80"]
)
def test_no_hello(answer: bytes) -> None:
    assert parse_server_hello(answer) is None


@pytest.mark.parametrize("place", [9, 11])
def test_lengths_that_lie(place: int) -> None:
    answer = bytearray(server_hello())
    answer[place - 2 : place] = b"\x7f\xff"
    assert parse_server_hello(bytes(answer)) is None


@given(st.binary(max_size=400))
def test_junk_never_raises(junk: bytes) -> None:
    for data in (junk, record(junk), record(b"\x04" + junk)):
        complete(data)
        parse_server_hello(data)


def test_suites_have_names() -> None:
    assert all(name.startswith("SSL_CK_") for name in sslv2.SUITES.values())
