"""The fetch of an MTA-STS policy: what each answer of the policy server means (RFC 8461 section 3.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tr03108.evaluate.mta_sts import PolicyFetch, StsFetch, sts_fetch
from tr03108.model import Failure, Handshake, HttpExchange, Reason
from unit.evaluate.chains import HOST, Maker, der
from unit.evaluate.conftest import NOW

MAKER = Maker(NOW)
BODY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\nmx: *.example.net\r\nmax_age: 86400\r\n"
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)


def handshake(shape: str = "leaf and intermediate", ended: str = "completed") -> Handshake:
    return Handshake(HOST, {}, b"", b"", ended, None, None, None, MAKER.shape(shape).ders, None, None, 0.1)


GOOD = HttpExchange("https://x", "192.0.2.8:443", False, handshake(), "answered", 200, TEXT, BODY, False)


def judge(exchange: HttpExchange | None, failure: Failure | None = None, missing: bool = False) -> StsFetch:
    fetch = PolicyFetch(HOST, exchange, failure, missing, NOW)
    return sts_fetch(fetch, (der(MAKER.root),), NOW)


def test_a_good_policy() -> None:
    found = judge(GOOD)
    assert (found.code, found.unseen) == ("OK", False)
    assert found.uncovered(("mx.example.test", "a.example.net")) == ()
    assert found.uncovered(("example.net", "a.b.example.net")) == ("example.net", "a.b.example.net")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handshake": None, "ended": "refused"}, "POLICY_UNREACHABLE"),
        ({"handshake": handshake(ended="alert"), "ended": "closed"}, "POLICY_UNREACHABLE"),
        ({"status": None, "ended": "silent"}, "POLICY_UNREACHABLE"),
        ({"ended": "closed"}, "POLICY_UNREACHABLE"),  # it broke off, though what came would do
        ({"handshake": handshake("wrong name")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("self-signed")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("expired leaf")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("leaf alone")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("wildcard")}, "OK"),
        ({"status": 301}, "POLICY_REDIRECT"),
        ({"status": 404}, "POLICY_STATUS"),
        ({"status": 204}, "POLICY_STATUS"),
        ({"truncated": True}, "POLICY_TOO_LARGE"),
        ({"headers": ()}, "POLICY_CONTENT_TYPE"),
        ({"headers": (("content-type", "TEXT/PLAIN"),)}, "OK"),
        ({"headers": (("content-type", "text/html"),)}, "POLICY_CONTENT_TYPE"),
        ({"headers": (("content-type", "text/plainish"),)}, "POLICY_CONTENT_TYPE"),
        ({"body": b""}, "POLICY_SYNTAX"),
        ({"body": b"\xff\xfe"}, "POLICY_SYNTAX"),
        ({"body": BODY.replace(b"STSv1", b"STSv2")}, "POLICY_SYNTAX"),
    ],
)
def test_what_is_wrong_with_a_policy(change: dict[str, Any], code: str) -> None:
    found = judge(replace(GOOD, **change))
    assert (found.code, found.unseen) == (code, False)


@pytest.mark.parametrize(
    ("reason", "code"), [(Reason.TIMEOUT, "POLICY_UNSEEN"), (Reason.NOT_GLOBAL, "ADDRESS_NOT_GLOBAL")]
)
def test_our_blindness(reason: Reason, code: str) -> None:
    found = judge(None, Failure(reason, "because"))
    assert (found.code, found.unseen) == (code, True)


def test_no_host_is_a_fact() -> None:
    assert (judge(None, missing=True).code, judge(None, missing=True).unseen) == ("POLICY_HOST_MISSING", False)
