"""The fetch of an MTA-STS policy: what the answers of each address of its host mean (RFC 8461 section 3.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tr03108.evaluate.mta_sts import StsFetch, sts_fetch
from tr03108.evaluate.policy_fetch import Looks, PolicyFetch
from tr03108.model import Failure, Handshake, HttpExchange, Observation, Reason
from tr03108.wire import mta_sts
from unit.evaluate.chains import HOST, Maker, der
from unit.evaluate.conftest import NOW

MAKER = Maker(NOW)
BODY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\nmx: *.example.net\r\nmax_age: 86400\r\n"
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
V4, OTHER, V6 = "192.0.2.8", "192.0.2.9", "2001:db8::8"
APART = 30.0


def handshake(shape: str = "leaf and intermediate", ended: str = "completed", **more: Any) -> Handshake:
    chain = MAKER.shape(shape).ders if ended == "completed" else ()
    given = {"received": b"\x15\x03\x03", "version": "TLSv1.3", **more}
    return Handshake(
        HOST, {}, b"", given["received"], ended, given["version"], None, None, chain, None, None, 0.1
    )  # fmt: skip


GOOD = HttpExchange("https://x", "192.0.2.8:443", False, handshake(), "answered", 200, TEXT, BODY, False)
REFUSED = replace(GOOD, handshake=None, ended="refused", status=None, headers=(), body=b"")
BUSY = replace(GOOD, status=503)
Answer = HttpExchange | Failure


def looks(address: str, *answers: Answer, apart: float = APART, blind: str | None = None) -> Looks:
    """The looks at an address, some seconds apart."""
    found = []
    for number, answer in enumerate(answers):
        time = NOW + timedelta(seconds=number * apart)
        key = f"https/{HOST}/{address}/{number + 1}"
        value, failure = (None, answer) if isinstance(answer, Failure) else (answer, None)
        found.append(Observation(key, time, value, failure))
    return Looks(address, tuple(found), blind)


def judge(*addresses: Looks, **more: Any) -> StsFetch:
    return sts_fetch(PolicyFetch(HOST, addresses, second_look=APART, **more), (der(MAKER.root),), NOW)


def test_a_good_policy() -> None:
    found = judge(looks(V4, GOOD))
    assert (found.code, found.unseen, found.remark) == ("OK", False, "")
    assert found.uncovered(("mx.example.test", "a.example.net")) == ()
    assert found.uncovered(("example.net", "a.b.example.net")) == ("example.net", "a.b.example.net")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handshake": handshake("wrong name")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("self-signed")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("expired leaf")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("leaf alone")}, "POLICY_CERTIFICATE"),
        ({"handshake": handshake("wildcard")}, "OK"),
        ({"handshake": handshake(version="TLSv1.1")}, "POLICY_TLS_VERSION"),
        ({"handshake": handshake(version="TLSv1")}, "POLICY_TLS_VERSION"),
        ({"handshake": handshake(version="TLSv1.2")}, "OK"),
        ({"status": 300}, "POLICY_REDIRECT"),
        ({"status": 301}, "POLICY_REDIRECT"),
        ({"status": 304}, "POLICY_REDIRECT"),
        ({"status": 399}, "POLICY_REDIRECT"),
        ({"status": 404}, "POLICY_STATUS"),
        ({"status": 204}, "POLICY_STATUS"),
        ({"truncated": True}, "POLICY_TOO_LARGE"),
        ({"headers": ()}, "POLICY_CONTENT_TYPE"),
        ({"headers": (*TEXT, *TEXT)}, "POLICY_CONTENT_TYPE"),
        ({"headers": (("content-type", "TEXT/PLAIN"),)}, "OK"),
        ({"headers": (("content-type", "text/plain ; charset=x; y"),)}, "OK"),
        ({"headers": (("content-type", "text/html"),)}, "POLICY_CONTENT_TYPE"),
        ({"headers": (("content-type", "text/plain\xa0"),)}, "POLICY_CONTENT_TYPE"),
        ({"headers": (("content-type", "\ttext/plain "),)}, "OK"),
        ({"headers": (("content-type", "text/plainish"),)}, "POLICY_CONTENT_TYPE"),
        ({"headers": (*TEXT, ("Content-Encoding", "gzip"))}, "POLICY_ENCODED"),
        ({"headers": (*TEXT, ("Content-Encoding", "Identity"))}, "OK"),
        ({"body": b""}, "POLICY_SYNTAX"),
        ({"body": b"\xff\xfe"}, "POLICY_SYNTAX"),
        ({"body": BODY.replace(b"STSv1", b"STSv2")}, "POLICY_SYNTAX"),
    ],
)
def test_what_is_wrong_with_a_policy(change: dict[str, Any], code: str) -> None:
    found = judge(looks(V4, replace(GOOD, **change)))
    assert (found.code, found.unseen) == (code, False)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (REFUSED, "POLICY_UNREACHABLE"),
        (replace(GOOD, handshake=handshake(ended="alert"), ended="closed"), "POLICY_TLS"),
        (replace(GOOD, handshake=handshake(ended="garbage"), ended="garbage"), "POLICY_TLS"),
        (replace(GOOD, status=None, ended="silent"), "POLICY_SLOW"),
        (replace(GOOD, ended="silent"), "POLICY_SLOW"),
        (replace(GOOD, status=None, ended="closed"), "POLICY_HTTP"),
        (replace(GOOD, status=None, ended="garbage"), "POLICY_HTTP"),
        (replace(GOOD, ended="closed"), "POLICY_HTTP"),  # it broke off, though what came would do
        (BUSY, "POLICY_STATUS"),
        (replace(GOOD, status=429), "POLICY_STATUS"),
    ],
)
def test_what_may_pass_counts_when_seen_twice(answer: HttpExchange, code: str) -> None:
    once, twice = judge(looks(V4, answer)), judge(looks(V4, answer, answer))
    assert (once.code, once.unseen) == ("POLICY_UNSEEN", True)
    assert (twice.code, twice.unseen) == (code, False)
    assert judge(looks(V4, answer, answer, apart=APART - 1)).unseen
    assert judge(looks(V4, answer, GOOD)).code == "OK"


def test_looks_that_do_not_agree() -> None:
    assert judge(looks(V4, REFUSED, BUSY)).code == "POLICY_UNSEEN"
    assert judge(looks(V4, BUSY, replace(GOOD, status=404))).code == "POLICY_STATUS"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Failure(Reason.TIMEOUT, "because", state="connect"), "POLICY_UNSEEN"),
        (Failure(Reason.NOT_GLOBAL, "because"), "ADDRESS_NOT_GLOBAL"),
        (Failure(Reason.BUDGET, "because"), "BUDGET_EXHAUSTED"),
        (replace(REFUSED, handshake=handshake(ended="silent"), ended="silent"), "POLICY_UNSEEN"),
        (replace(REFUSED, handshake=handshake(ended="reset", received=b""), ended="reset"), "POLICY_UNSEEN"),
        (replace(REFUSED, handshake=handshake(ended="closed", received=b""), ended="closed"), "POLICY_UNSEEN"),
    ],
)
def test_our_blindness(answer: Answer, code: str) -> None:
    """It hides what senders get there, even where another address serves a good policy."""
    assert (judge(looks(V4, answer, answer)).code, judge(looks(V4, answer, answer)).unseen) == (code, True)
    beside = judge(looks(V4, GOOD), looks(V6, answer, answer))
    assert (beside.code, beside.unseen) == (code, True)
    assert beside.policy is not None
    assert judge(looks(V4, replace(GOOD, status=404)), looks(V6, answer)).code == "POLICY_STATUS"


def test_a_vantage_without_ipv6() -> None:
    failure = Failure(Reason.VANTAGE, "no route", state="connect")
    found = judge(looks(V4, GOOD), looks(V6, failure, blind="VANTAGE_NO_IPV6"))
    assert (found.code, found.unseen) == ("VANTAGE_NO_IPV6", True)


def test_addresses_that_nobody_knows_or_asked() -> None:
    assert judge(looks(V4, GOOD), hidden="AAAA: SERVFAIL").code == "POLICY_UNSEEN"
    assert judge(looks(V4, GOOD), looks(V6)).code == "NOT_PROBED"
    assert judge(looks(V4, REFUSED, REFUSED), hidden="AAAA: SERVFAIL").code == "POLICY_UNSEEN"
    assert judge(looks(V4, BUSY, BUSY), hidden="AAAA: SERVFAIL").code == "POLICY_STATUS"


def test_no_host_is_a_fact() -> None:
    found = judge(host_missing=True)
    assert (found.code, found.unseen) == ("POLICY_HOST_MISSING", False)


def test_bogus_addresses_are_a_fact_whatever_answers_there() -> None:
    found = judge(looks(V4, GOOD), bogus="A: does not verify")
    assert (found.code, found.unseen, found.certificate_seen) == ("POLICY_HOST_BOGUS", False, True)


def test_one_address_that_refuses() -> None:
    found = judge(looks(V4, REFUSED, REFUSED), looks(V6, GOOD))
    assert (found.code, found.remark) == ("OK", "POLICY_ADDRESS_REFUSED")
    assert V4 in found.detail
    assert judge(looks(V4, REFUSED, REFUSED), looks(V6, REFUSED, REFUSED)).code == "POLICY_UNREACHABLE"


def test_a_fact_names_its_addresses() -> None:
    found = judge(looks(V4, replace(GOOD, status=404)), looks(OTHER, GOOD), looks(V6, replace(GOOD, status=301)))
    assert found.code == "POLICY_STATUS"
    assert found.detail == f"{V4}: status 404; [{V6}]: status 301"
    assert found.policy is not None  # that of the address which serves it


def test_policies_that_differ() -> None:
    testing, longer = BODY.replace(b"enforce", b"testing"), BODY.replace(b"86400", b"86401")
    differ = judge(looks(V4, GOOD), looks(V6, replace(GOOD, body=testing)))
    assert (differ.code, differ.unseen) == ("POLICY_DIFFERS", False)
    vary = judge(looks(V4, GOOD), looks(V6, replace(GOOD, body=longer)))
    assert (vary.code, vary.remark) == ("OK", "POLICY_VARIES")
    lines = BODY.splitlines(keepends=True)
    same = b"".join([lines[0], b"x: y\n", lines[3], lines[1], lines[2], lines[4]])
    assert judge(looks(V4, GOOD), looks(V6, replace(GOOD, body=same))).remark == ""


def test_a_policy_is_enforced_where_any_address_serves_it() -> None:
    """What is wrong or unknown at another address does not take it back."""
    silent = Failure(Reason.TIMEOUT, "because", state="connect")
    testing = replace(GOOD, body=BODY.replace(b"enforce", b"testing"))
    for other in (GOOD, testing, replace(GOOD, status=404), silent):
        assert judge(looks(V4, other), looks(V6, GOOD)).enforces
    broken = replace(GOOD, body=BODY.replace(b"STSv1", b"STSv2"))
    for answer in (testing, replace(GOOD, status=404), silent, broken):
        assert not judge(looks(V4, answer)).enforces


def test_a_host_has_to_be_covered_at_every_address() -> None:
    less = BODY.replace(b"mx: *.example.net\r\n", b"")
    found = judge(looks(V4, GOOD), looks(V6, replace(GOOD, body=less)))
    assert found.uncovered(("mx.example.test", "a.example.net")) == ("a.example.net",)


def test_thousands_of_hosts_and_patterns_are_not_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits into a policy and an answer of DNS: each host is looked up once, not compared with each pattern."""
    asked: list[str] = []

    def patterns_for(host: str) -> tuple[str, ...]:
        asked.append(host)
        return mta_sts.patterns_for(host)

    monkeypatch.setattr("tr03108.evaluate.mta_sts.mta_sts", SimpleNamespace(patterns_for=patterns_for))
    policy = mta_sts.StsPolicy("enforce", 1, tuple(f"{number}.a" for number in range(6000)), ())
    hosts = tuple(f"h{number}.b" for number in range(4000))
    assert StsFetch("OK", False, "", policy, "").uncovered((*hosts, "5999.a")) == hosts
    assert len(asked) == 4001


def test_wildcards_are_found_at_any_address() -> None:
    wild = replace(GOOD, handshake=handshake("wildcard"))
    found = judge(looks(V4, GOOD), looks(V6, wild))
    assert found.code == "OK"
    assert [text.partition(": ")[0] for text in found.wildcards] == [f"[{V6}]"]
    assert judge(looks(V4, GOOD)).wildcards == ()
    assert judge(looks(V4, REFUSED, REFUSED)).certificate_seen is False


def test_evidence_is_bounded() -> None:
    many = BODY + b"".join(b"mx: m%d.example.test\n" % number for number in range(2000))
    shown = judge(*(looks(f"192.0.2.{n}", replace(GOOD, body=many)) for n in range(8))).evidence()
    assert len(str(shown)) < 4000
    assert "1982 more" in str(shown["mx"])
