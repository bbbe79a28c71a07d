"""What one hello shows: a choice, a refusal, or nothing, and why."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.evaluate.tls.answers import Answer, answer_to, answers
from tr03108.model import Reason
from tr03108.wire.tls import sslv2
from unit.evaluate.tls_answers import ECDHE_RSA, RC4, exchange, failed, message, new, observed, old, vector

HELLO = replace(old(), random=bytes(32))
CHOICE = message(0x0303, ECDHE_RSA)
SSLV2_HEAD = bytes((4, 0, 1, 0, 2))


def of(*args: object, **how: object) -> Answer:
    return answer_to("q", observed(exchange(*args, **how)), {})  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [40, 47, 70, 71, 86])
def test_these_alerts_refuse(number: int) -> None:
    answer = of("alert", HELLO, alert=(2, number))
    assert (answer.kind, answer.alert, answer.code) == ("refused", number, "")


@pytest.mark.parametrize("number", [10, 20, 48, 50, 51, 80, 90, 109, 112, 255])
def test_trap_5_other_alerts_show_nothing(number: int) -> None:
    answer = of("alert", HELLO, alert=(2, number))
    assert (answer.kind, answer.code) == ("unclear", "TLS_ALERT")


@pytest.mark.parametrize(
    ("ended", "alert", "kind", "code"),
    [
        ("closed", None, "closed", ""),
        ("reset", None, "closed", ""),
        ("alert", (1, 0), "closed", ""),
        ("silent", None, "unclear", "SERVICE_TIMEOUT"),
        ("garbage", None, "unclear", "TLS_UNREADABLE"),
    ],
)
def test_trap_5_a_close_is_half_a_refusal_and_silence_is_none(
    ended: str, alert: tuple[int, int] | None, kind: str, code: str
) -> None:
    answer = of(ended, HELLO, alert=alert)
    assert (answer.kind, answer.code) == (kind, code)


@pytest.mark.parametrize("state", ["connect", "greeting", "ehlo", "starttls"])
@pytest.mark.parametrize("ended", ["closed", "reset", "refused", "garbage", "done"])
def test_trap_5_what_ends_before_tls_shows_nothing_of_it(state: str, ended: str) -> None:
    answer = of(ended, HELLO, state=state)
    assert (answer.kind, answer.code) == ("unclear", "STARTTLS_UNSEEN")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.DEFERRED, "SERVICE_DEFERRED"),
        (Reason.TIMEOUT, "SERVICE_TIMEOUT"),
        (Reason.ABORTED, "SERVICE_ABORTED"),
        (Reason.REJECTED, "SERVICE_REJECTED"),
        (Reason.BUDGET, "BUDGET_EXHAUSTED"),
        (Reason.NOT_GLOBAL, "ADDRESS_NOT_GLOBAL"),
    ],
)
def test_each_blindness_has_its_code(reason: Reason, code: str) -> None:
    answer = answer_to("q", observed(failed(reason)), {})
    assert (answer.kind, answer.code, answer.offered) == ("unclear", code, None)


def test_a_choice() -> None:
    answer = of("answered", HELLO, CHOICE)
    assert (answer.kind, answer.version, answer.suite) == ("chosen", "TLSv1.2", ECDHE_RSA)


@pytest.mark.parametrize("ended", ["closed", "reset", "silent", "garbage", "alert"])
def test_a_server_hello_that_nothing_follows_is_neither_choice_nor_refusal(ended: str) -> None:
    answer = of(ended, HELLO, CHOICE, alert=(2, 40) if ended == "alert" else None)
    assert (answer.kind, answer.code, answer.version) == ("unclear", "TLS_UNREADABLE", None)


@pytest.mark.parametrize(
    ("offered", "version", "suite", "block"),
    [
        (HELLO, 0x0303, RC4, b""),  # a suite that was not offered
        (HELLO, 0x0304, ECDHE_RSA, b""),  # a version above the hello's
        (HELLO, 0x0305, ECDHE_RSA, b""),  # a version that nobody knows
        (old(version="TLSv1.1"), 0x0303, ECDHE_RSA, b""),
        (new(), 0x0303, 0x1301, b"\x00\x2b" + vector(b"\x7f\x1c")),  # a draft of TLS 1.3
        (new(), 0x0303, ECDHE_RSA, b""),  # TLS 1.2 and its suite, where only TLS 1.3 was offered
    ],
)
def test_what_was_not_offered_is_no_choice(offered: object, version: int, suite: int, block: bytes) -> None:
    answer = of("answered", offered, message(version, suite, block))
    assert (answer.kind, answer.code) == ("unclear", "TLS_UNREADABLE")


def test_a_certificate_left_out_is_found_again_in_another_exchange() -> None:
    certificate = b"\x0b" + vector(vector(vector(b"DER", 3), 3), 3)
    digest = hashlib.sha256(certificate).hexdigest()
    whole = observed(exchange("answered", HELLO, CHOICE, certificate))
    without = observed(exchange("answered", HELLO, CHOICE, certificate=digest))
    found = {answer.question: answer for answer in answers({"one": whole, "two": without})}
    assert found["one"].chain == found["two"].chain == (b"DER",)
    (alone,) = answers({"two": without})
    assert alone.chain == ()
    assert alone.proven is None


class TestSslv2:
    """Its hello is no TLS: whoever answers otherwise does not speak it, but a lost connection says nothing."""

    def test_a_server_hello(self) -> None:
        body = SSLV2_HEAD + b"\x00\x03\x00\x03\x00\x00" + b"DER" + b"\x01\x00\x80"
        record = (0x8000 | len(body)).to_bytes(2, "big") + body
        answer = of("answered", None, record)
        assert (answer.kind, answer.version, answer.sslv2_suites, answer.chain) == (
            "chosen",
            "SSLv2",
            (0x010080,),
            (b"DER",),
        )

    @pytest.mark.parametrize("received", [b"\x15\x03\x01\x00\x02\x02\x28", b"HTTP/1.1 400 Bad Request\r\n"])
    def test_an_alert_or_other_octets_refuse(self, received: bytes) -> None:
        assert sslv2.complete(received) is None
        assert of("garbage", None, received).kind == "refused"

    @pytest.mark.parametrize("ended", ["closed", "reset"])
    def test_a_close_is_looked_at_twice(self, ended: str) -> None:
        assert of(ended, None).kind == "closed"

    def test_silence_shows_nothing(self) -> None:
        assert (of("silent", None).kind, of("silent", None).code) == ("unclear", "SERVICE_TIMEOUT")

    @pytest.mark.parametrize("size", [3, 5, 9])
    def test_half_an_answer_in_sslv2_is_no_refusal(self, size: int) -> None:
        part = (b"\x80\x20" + SSLV2_HEAD + bytes(40))[:size]
        assert of("closed", None, part).kind == "unclear"


@given(st.lists(st.binary(max_size=120), max_size=4), st.sampled_from(["answered", "closed", "alert", "garbage"]))
def test_junk_never_raises_and_never_refuses_by_itself(parts: list[bytes], ended: str) -> None:
    received = tuple(part for part in parts if part)
    answer = of(ended, HELLO, *received, alert=(2, 80) if ended == "alert" else None)
    assert answer.kind in ("chosen", "closed", "unclear")
    assert answer.kind != "chosen" or (answer.suite in HELLO.suites and ended == "answered")
