"""The lists in the evidence: as long as evidence may be, with a count of the rest, and who decides their order."""

from __future__ import annotations

import pytest

from surveys import Surveyed, rules
from tr03108 import TlsJudgement, listings
from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.judge.evidence import as_json
from tr03108.judge.outcomes import Result
from tr03108.model import Outcome
from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.server_messages import ServerHello

TIME = rules().as_of
FIRST, SECOND = 0xC02B, 0xC02C


def judged(count: int) -> Result:
    items = tuple(listings.Item("TLSv1.2", 0xC02B, f"suite {n}") for n in range(count))
    judgement = TlsJudgement(Surveyed(None, {}, 0).service(), rules())
    return judgement.result("suite", listings.Listing(items, (), None), {})


@pytest.mark.parametrize(("count", "left_out"), [(200, None), (201, 1), (350, 150)])
def test_no_list_is_cut_in_silence(count: int, left_out: int | None) -> None:
    found = judged(count)
    evidence = as_json(found.evidence)
    assert found.outcome is Outcome.MET
    assert len(evidence["accepted"]) == min(count, 200)
    assert evidence.get("left_out") == left_out


def chose(question: str, offered: tuple[int, ...], suite: int) -> Answer:
    hello = ServerHello(0x0303, bytes(32), b"", suite, 0, ())
    return Answer(question, TIME, "chosen", ClientHello(0x0303, offered, bytes(32)), hello=hello)


@pytest.mark.parametrize(("best", "worst", "order"), [(FIRST, FIRST, "server"), (FIRST, SECOND, "client")])
def test_who_decides_the_order_is_told(best: int, worst: int, order: str) -> None:
    both = (FIRST, SECOND)
    seen = [chose("versions.TLSv1.2", both, best), chose("order.worst.TLSv1.2", both[::-1], worst)]
    more = chose("suites.TLSv1.2.1", (SECOND,), SECOND)
    assert listings.orders(TlsFacts([*seen, more])) == {"TLSv1.2": order}


def test_an_order_that_nobody_asked_for_is_not_told() -> None:
    assert listings.orders(TlsFacts([chose("versions.TLSv1.2", (FIRST,), FIRST)])) == {}
