"""Servers that answer our hello with junk, lies or no end: always an end of ours, never an exception, right words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from tr03108.wire.tls.client_hello import ClientHello, parse_client_hello
from tr03108.wire.tls.conversation import MAXIMUM_ANSWER, MAXIMUM_MESSAGES, Conversation
from tr03108.wire.tls.key_schedule import KeySchedule, Protection
from tr03108.wire.tls.server_messages import RETRY_RANDOM

HELLO = ClientHello(
    0x0303,
    (0x1301, 0x1302),
    bytes(32),
    bytes(32),
    versions=(0x0304,),
    groups=(29, 23),
    schemes=(0x0403,),
    key_shares=(),
)
OLD_HELLO = ClientHello(0x0303, (0xC02F,), bytes(32), groups=(23,), schemes=(0x0804,))
EMPTY_EXTENSIONS = bytes.fromhex("080000020000")
CERTIFICATE = bytes.fromhex("0b0000080000000430303030")[:-4] + b"junk"
DONE = bytes.fromhex("0e000000")


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def record(kind: int, content: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


def hello12(suite: int = 0xC02F) -> bytes:
    return message(2, b"\x03\x03" + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00")


def hello13(suite: int, share: bytes, random: bytes = bytes(32), version: bytes = b"\x03\x04") -> bytes:
    extensions = b"\x00\x2b\x00\x02" + version + b"\x00\x33" + len(share).to_bytes(2, "big") + share
    body = b"\x03\x03" + random + b"\x20" + bytes(32) + suite.to_bytes(2, "big") + b"\x00"
    return message(2, body + len(extensions).to_bytes(2, "big") + extensions)


def retry(suite: int = 0x1301, group: int = 23) -> bytes:
    return hello13(suite, group.to_bytes(2, "big"), RETRY_RANDOM)


class Server:
    """The server's side of TLS 1.3 by the same key schedule, so that it can break any rule of it."""

    def __init__(self, farewell: bytes = b"bye", suite: int = 0x1301) -> None:
        self.conversation = Conversation(HELLO, (29,), complete=True, farewell=farewell)
        self.conversation.start()
        hello = self.conversation.sent[0]
        offered = parse_client_hello(hello)
        assert offered is not None
        assert offered.key_shares is not None
        key = x25519.X25519PrivateKey.generate()
        shared = key.exchange(x25519.X25519PublicKey.from_public_bytes(offered.key_shares[0][1]))
        self.hello = hello13(suite, b"\x00\x1d\x00\x20" + key.public_key().public_bytes_raw())
        self.transcript = hello + self.hello
        self.schedule = KeySchedule(suite)
        _, self.secret = self.schedule.handshake(shared, self.transcript)
        self.writing = Protection(self.schedule.keys, self.secret)

    def finished(self) -> bytes:
        """The rest of a flight without certificate."""
        self.transcript += EMPTY_EXTENSIONS
        verify = message(20, self.schedule.finished(self.secret, self.transcript))
        self.transcript += verify
        return EMPTY_EXTENSIONS + verify

    def complete(self) -> Protection:
        """Both Finished; returns the protection of what the server sends next."""
        self.feed(record(22, self.hello), self.writing.seal(22, self.finished()))
        assert self.conversation.completed
        _, server = self.schedule.application(self.transcript)
        return Protection(self.schedule.keys, server)

    def feed(self, *records: bytes) -> str | None:
        self.conversation.feed(b"".join(records))
        return self.conversation.error


def ended(hello: ClientHello, *parts: bytes, complete: bool = True) -> tuple[str | None, str | None]:
    conversation = Conversation(hello, (29,) if hello is HELLO else (), complete=complete)
    conversation.start()
    for part in parts:
        conversation.feed(part)
    return conversation.ended, conversation.error


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (b"220 mx.example.org\r\n", "no TLS record"),
        (b"H", "no TLS record"),
        (b"\x16\x02", "no TLS record"),
        (b"\x16\x03\x03\xff\xff", "no TLS record"),
        (record(99, b"x"), "no TLS record"),
        (record(23, b"x"), "a record of type 23 in the handshake"),
        (record(20, b"\x01"), "a record of type 20 in the handshake"),
        (record(24, b"\x01"), "a record of type 24 in the handshake"),
        (record(22, CERTIFICATE), "no ServerHello first"),
        (record(22, message(2, bytes(30))), "no ServerHello first"),
        (record(22, hello12() + hello12()), "a second ServerHello"),
        (record(22, hello12()) + record(20, b"\x01"), "a record of type 20 in the handshake"),
        (record(21, b""), "a broken alert"),
        (record(21, b"\x02"), "a broken alert"),
        (record(21, b"\x02\x28\x00"), "a broken alert"),
        (record(21, b"\x03\x28"), "a broken alert"),
    ],
)
def test_what_is_no_answer(octets: bytes, error: str) -> None:
    assert ended(OLD_HELLO, octets) == ("garbage", error)


@pytest.mark.parametrize("size", range(1, 5))
def test_an_incomplete_record_is_waited_for(size: int) -> None:
    assert ended(OLD_HELLO, record(22, hello12())[:size]) == (None, None)


@pytest.mark.parametrize(
    ("parts", "alert", "how"),
    [
        ((b"\x02\x28",), (2, 40), "alert"),
        ((b"\x01\x00",), (1, 0), "alert"),
        ((b"\x01\x70",), (1, 112), None),
        ((b"\x01\x70", b"\x02\x50"), (2, 80), "alert"),
        ((b"\x01\x70", b"\x01\x0a"), (1, 112), None),
    ],
)
def test_alerts(parts: tuple[bytes, ...], alert: tuple[int, int], how: str | None) -> None:
    conversation = Conversation(OLD_HELLO)
    conversation.start()
    for part in parts:
        conversation.feed(record(21, part))
    assert (conversation.alert, conversation.ended) == (alert, how)


def test_a_warning_does_not_spoil_the_answer() -> None:
    flight = record(21, b"\x01\x70") + record(22, hello12() + CERTIFICATE + DONE)
    assert ended(OLD_HELLO, flight) == ("answered", None)


def test_every_alert_ends_tls_1_3_but_one() -> None:
    server = Server()
    server.feed(record(22, server.hello), server.writing.seal(21, b"\x01\x5a"))
    assert not server.conversation.done
    server.feed(server.writing.seal(21, b"\x01\x70"))
    assert (server.conversation.ended, server.conversation.alert) == ("alert", (1, 112))


def test_a_hello_request_is_ignored() -> None:
    flight = record(22, message(0, b"") + hello12() + message(0, b"") + DONE)
    conversation = Conversation(OLD_HELLO)
    conversation.start()
    conversation.feed(flight)
    assert (conversation.ended, conversation.received) == ("answered", [hello12(), DONE])


# HelloRetryRequest and ServerHello


def test_a_second_retry() -> None:
    assert ended(HELLO, record(22, retry()), record(22, retry())) == ("garbage", "a second HelloRetryRequest")


@pytest.mark.parametrize("second", [hello13(0x1302, b"\x00\x17\x00\x01x"), hello12(0x1301), hello12()])
def test_a_server_hello_against_the_retry(second: bytes) -> None:
    error = "a ServerHello that contradicts the HelloRetryRequest"
    assert ended(HELLO, record(22, retry()), record(22, second)) == ("garbage", error)


@pytest.mark.parametrize(
    "share",
    [b"\x00\x1d\x00\x01x", b"\x00\x1d\x00\x20" + bytes(32), b"\x00\x1d\x00\x00", b"\x00\x1d\x00\x21" + b"x" * 33],
)
def test_a_share_that_is_none(share: bytes) -> None:
    assert ended(HELLO, record(22, hello13(0x1301, share))) == ("garbage", "the server's key share is none")


@pytest.mark.parametrize(
    "share", [b"", b"\x00", b"\x00\x1d", b"\x00\x1d\x00\x20short", b"\x00\x18\x00\x01x", b"\x7f\x7f\x00\x01x"]
)
def test_a_share_that_cannot_be_used_shows_the_choice_only(share: bytes) -> None:
    assert ended(HELLO, record(22, hello13(0x1301, share))) == ("answered", None)


def test_a_suite_that_nobody_can_complete_shows_the_choice_only() -> None:
    assert ended(HELLO, record(22, hello13(0x1399, b"\x00\x1d\x00\x01x"))) == ("answered", None)


# The encrypted part


def test_the_scripted_server_completes() -> None:
    server = Server()
    writing = server.complete()
    assert not server.conversation.done
    server.feed(writing.seal(23, b"bye"))
    assert (server.conversation.ended, server.conversation.error) == ("answered", None)


def test_a_protected_flight_in_records_of_one_octet() -> None:
    server = Server()
    server.feed(record(22, server.hello), record(20, b"\x01"))
    flight = server.finished()
    server.feed(*(server.writing.seal(22, flight[at : at + 1]) for at in range(len(flight))))
    assert server.conversation.completed


def test_padding_and_empty_records() -> None:
    server = Server()
    server.feed(record(22, server.hello), server.writing.seal(22, b""))
    flight = server.finished()
    # Zeros after the type are padding: sealed here as content of "type" 0.
    server.feed(server.writing.seal(0, flight + b"\x16" + bytes(200)))
    assert server.conversation.completed


def test_a_wrong_finished() -> None:
    server = Server()
    flight = bytearray(server.finished())
    flight[-1] ^= 1
    assert (
        server.feed(record(22, server.hello), server.writing.seal(22, bytes(flight)))
        == "the server's Finished is wrong"
    )
    assert (server.conversation.completed, server.conversation.ended) == (False, "garbage")


@pytest.mark.parametrize("wrong", [message(20, b""), message(20, bytes(31)), message(20, bytes(33))])
def test_a_finished_of_a_wrong_length(wrong: bytes) -> None:
    server = Server()
    assert server.feed(record(22, server.hello), server.writing.seal(22, wrong)) == "the server's Finished is wrong"


def test_a_message_in_clear_after_the_server_hello() -> None:
    server = Server()
    error = server.feed(record(22, server.hello), record(22, server.finished()))
    assert error == "a message in clear where it must be encrypted"
    assert server.conversation.received == [server.hello]


@pytest.mark.parametrize("rest", [EMPTY_EXTENSIONS, b"\x08"])
def test_a_message_over_the_change_of_keys(rest: bytes) -> None:
    server = Server()
    assert server.feed(record(22, server.hello + rest)) == "a message goes on over a change of keys"


def test_more_after_the_finished_in_its_record() -> None:
    server = Server()
    server.feed(record(22, server.hello), server.writing.seal(22, server.finished() + b"\x04"))
    # Both Finished are valid, and what came before them too.
    assert (server.conversation.completed, server.conversation.ended) == (True, "answered")
    assert server.conversation.error == "a message goes on over a change of keys"


@pytest.mark.parametrize("kind", [20, 24, 99])
def test_another_type_inside(kind: int) -> None:
    server = Server()
    error = server.feed(record(22, server.hello), server.writing.seal(kind, b"\x01"))
    assert error == f"a record of type {kind} in the handshake"


def test_application_data_before_finished() -> None:
    server = Server()
    error = server.feed(record(22, server.hello), server.writing.seal(23, b"early"))
    assert error == "a record of type 23 in the handshake"


def test_what_breaks_after_both_finished_undoes_nothing() -> None:
    server = Server()
    server.complete()
    server.feed(record(23, b"not protected by any key of ours"))
    assert (server.conversation.ended, server.conversation.error) == ("answered", "a record does not authenticate")


def test_the_end_of_the_stream() -> None:
    server = Server()
    server.feed(record(22, server.hello))
    server.conversation.end_of_stream()
    assert server.conversation.ended is None
    server = Server()
    server.complete()
    server.conversation.end_of_stream()
    assert server.conversation.ended == "answered"


# Without end


@pytest.mark.parametrize(
    ("first", "part"),
    [
        (b"", record(22, b"")),
        (b"", record(22, message(0, b"") * 4000)),
        (b"", record(21, b"\x01\x70")),
        (record(22, hello12()), record(22, message(11, b"") * 50)),
        (record(22, hello12() + b"\x0b\x03\xff\x00"), record(22, bytes(16384))),
        (record(22, hello12() + b"\x0b\x03\xff\x00"), record(22, bytes(1))),
    ],
    ids=["no content", "hello requests", "warnings", "empty messages", "a huge certificate", "in octets"],
)
def test_an_answer_without_end(first: bytes, part: bytes) -> None:
    conversation = Conversation(OLD_HELLO)
    conversation.start()
    conversation.feed(first)
    fed = 0
    while not conversation.done and fed <= 2 * MAXIMUM_ANSWER:
        conversation.feed(part)
        fed += len(part)
    assert (conversation.ended, conversation.error) == ("garbage", "the answer has no end")
    assert len(conversation.received) <= MAXIMUM_MESSAGES
    assert sum(map(len, conversation.received)) <= MAXIMUM_ANSWER


def test_a_message_larger_than_any_answer_ends_at_once() -> None:
    assert ended(OLD_HELLO, record(22, hello12() + b"\x0b\xff\xff\xff")) == ("garbage", "the answer has no end")


def test_endless_change_cipher_spec() -> None:
    server = Server()
    server.feed(record(22, server.hello))
    while not server.conversation.done:
        server.feed(record(20, b"\x01") * 1000)
    assert server.conversation.error == "the answer has no end"


def test_a_chain_of_43000_octets_in_records_of_one_is_read() -> None:
    flight = hello12() + message(11, bytes(42000)) + DONE
    octets = b"".join(record(22, flight[at : at + 1]) for at in range(len(flight)))
    assert len(octets) < MAXIMUM_ANSWER
    assert ended(OLD_HELLO, octets) == ("answered", None)
    mixed = (
        octets[: 6 * 2000]
        + record(22, flight[2000:12000])
        + record(22, flight[12000:28000])
        + record(22, flight[28000:])
    )
    assert ended(OLD_HELLO, mixed) == ("answered", None)


def test_nothing_is_taken_after_the_end() -> None:
    conversation = Conversation(OLD_HELLO)
    conversation.start()
    conversation.feed(record(22, hello12() + DONE))
    assert conversation.feed(record(22, hello12()) + b"junk") == b""
    assert (conversation.ended, conversation.received) == ("answered", [hello12(), DONE])


# Whatever comes


MESSAGES = st.one_of(
    st.sampled_from(
        [
            hello12(),
            retry(),
            retry(0x1302, 24),
            retry(0x1301, 4588),
            hello13(0x1301, b"\x00\x1d\x00\x20" + b"x" * 32),
            hello13(0x1301, b"\x00\x17\x00\x41\x04" + b"x" * 64),
            hello13(0x7F1C, b"\x00\x1d\x00\x20" + b"x" * 32, version=b"\x7f\x1c"),
            CERTIFICATE,
            DONE,
        ]
    ),
    st.builds(message, st.integers(0, 255), st.binary(max_size=60)),
    st.binary(max_size=60),
)
RECORDS = st.one_of(
    st.builds(record, st.just(22), MESSAGES),
    st.builds(record, st.integers(19, 25), st.binary(max_size=40)),
    st.just(record(20, b"\x01")),
    st.binary(max_size=20),
)


@settings(max_examples=300)
@given(st.lists(RECORDS, max_size=8), st.booleans(), st.booleans(), st.integers(1, 50))
def test_anything_is_taken(parts: list[bytes], old: bool, complete: bool, step: int) -> None:
    conversation = Conversation(
        OLD_HELLO if old else replace(HELLO), () if old else (29, 23), complete=complete, farewell=b"bye"
    )
    conversation.start()
    octets = b"".join(parts)
    for at in range(0, len(octets), step):
        conversation.feed(octets[at : at + step])
    conversation.end_of_stream()
    assert conversation.ended in (None, "answered", "alert", "garbage")
    assert (conversation.error is None) == (conversation.ended != "garbage")
    assert len(conversation.sent) <= 2
    assert not conversation.completed
    assert conversation.close() == record(21, b"\x01\x00")


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=6))
def test_anything_protected_is_taken(parts: list[tuple[int, bytes]]) -> None:
    server = Server()
    server.feed(record(22, server.hello), *(server.writing.seal(kind, content) for kind, content in parts))
    assert not server.conversation.completed
    writing = Server()
    after = writing.complete()
    writing.feed(*(after.seal(kind, content) for kind, content in parts))
    writing.conversation.end_of_stream()
    assert (writing.conversation.completed, writing.conversation.ended) == (True, "answered")
