"""The worst of what is accepted counts, and what is unknown decides nothing as long as it could be worse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surveys import Surveyed, rules
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.evaluate.tls.listings import Item, Listing
from tr03108.judge.outcomes import Result
from tr03108.judge.tls_judgement import TlsJudgement, service_class
from tr03108.model import SERVICE_KINDS, Outcome
from unit.evaluate.tls_answers import unclear

CODES = {"forbidden": "BAD", "unknown": "BAD", "unlisted": "UNLISTED", "expired": "EXPIRED"}
GOOD = Item("TLSv1.2", 0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
RC4 = Item("TLSv1.2", 0x0005, "TLS_RSA_WITH_RC4_128_SHA")
CHACHA = Item("TLSv1.2", 0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")


def judge(
    accepted: tuple[Item, ...], unknown: tuple[Item, ...] = (), low: bool | None = True, port: int = 25, code: str = ""
) -> Result:
    service = replace(Surveyed(None, {}, 0).service(port), tls=TlsFacts([]))
    opened = unclear("suites.TLSv1.2.1", None, code) if code else None
    return TlsJudgement(service, rules()).result("suite", Listing(accepted, unknown, opened), CODES, lambda _: low)


@pytest.mark.parametrize(
    ("accepted", "low", "port", "outcome", "code"),
    [
        ((GOOD,), True, 25, Outcome.MET, "OK"),
        ((GOOD, CHACHA), True, 25, Outcome.MARGINAL, "UNLISTED"),
        ((GOOD, RC4), True, 25, Outcome.MARGINAL, "TOLERATED_LOW_PRIORITY"),
        ((GOOD, RC4), False, 25, Outcome.UNMET, "BAD"),
        ((GOOD, RC4), None, 25, Outcome.UNSEEN, "PRIORITY_UNSEEN"),
        ((GOOD, CHACHA, RC4), None, 25, Outcome.UNSEEN, "PRIORITY_UNSEEN"),
        ((GOOD, RC4), True, 465, Outcome.UNMET, "BAD"),
        ((GOOD, RC4), None, 465, Outcome.UNMET, "BAD"),
        ((GOOD, RC4), True, 587, Outcome.MARGINAL, "TOLERATED_LOW_PRIORITY"),
    ],
)
def test_the_worst_counts(accepted: tuple[Item, ...], low: bool | None, port: int, outcome: Outcome, code: str) -> None:
    result = judge(accepted, low=low, port=port)
    assert (result.outcome, result.code) == (outcome, code)


@pytest.mark.parametrize(
    ("accepted", "unknown", "outcome"),
    [
        ((GOOD,), (RC4,), Outcome.UNSEEN),
        ((GOOD,), (CHACHA,), Outcome.UNSEEN),
        ((GOOD,), (GOOD,), Outcome.MET),
        ((GOOD, CHACHA), (CHACHA,), Outcome.MARGINAL),
        ((), (RC4,), Outcome.UNSEEN),
    ],
)
def test_the_unknown_decides_nothing_that_it_could_make_worse(
    accepted: tuple[Item, ...], unknown: tuple[Item, ...], outcome: Outcome
) -> None:
    assert judge(accepted, unknown).outcome is outcome


def test_at_an_implicit_port_a_failure_stands_whatever_is_unknown() -> None:
    assert judge((GOOD, RC4), (CHACHA,), port=465).outcome is Outcome.UNMET
    assert judge((GOOD, CHACHA), (RC4,), port=465).outcome is Outcome.UNSEEN


@pytest.mark.parametrize(
    ("code", "shown"),
    [("", "NOT_PROBED"), ("BUDGET_EXHAUSTED", "BUDGET_EXHAUSTED"), ("SERVICE_TIMEOUT", "TLS_UNSEEN")],
)
def test_why_it_is_unknown(code: str, shown: str) -> None:
    assert judge((GOOD,), (RC4,), code=code).code == shown


def test_classes_of_services() -> None:
    assert {kind.name: service_class(kind) for kind in SERVICE_KINDS.values()} == {
        "smtp": "mta",
        **dict.fromkeys(("submission", "imap", "pop3", "sieve"), "upgrade"),
        **dict.fromkeys(("submissions", "imaps", "pop3s", "https"), "implicit"),
    }
