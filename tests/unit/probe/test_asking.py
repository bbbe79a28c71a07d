"""Each question once; again where the server puts us off or closes; never longer than it makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import AGAIN, CLOSES_OF_DROPPERS
from tr03108.model import Failure, HelloExchange, Observation, ProbePlan, Reason
from tr03108.probe import asking
from tr03108.probe.asking import TRIES, Asking
from tr03108.probe.hello import Question, direct_tls
from tr03108.probe.net import Network
from tr03108.probe.pace import MOST_PAUSES
from unit.evaluate.tls_answers import ECDHE_RSA, exchange, message, old

HELLO = old()
YES = exchange("answered", HELLO, message(0x0303, ECDHE_RSA))
NO = exchange("alert", HELLO, alert=(2, 40))
CLOSE = exchange("closed", HELLO)
DEFERRED = Failure(Reason.DEFERRED, "421")
DROPPED = Failure(Reason.ABORTED, "lost")
Seen = dict[str, Observation[HelloExchange]]


def asked(
    monkeypatch: pytest.MonkeyPatch, results: Sequence[HelloExchange | Failure], *questions: str, askers: int = 1
) -> tuple[list[Answer], Seen, int]:
    """The answers, the observations, and how many connections that took; the server answers as told, then as last."""
    left, connections = list(results), 0
    seen: Seen = {}

    async def ask_hello(*_: object) -> HelloExchange | Failure:
        nonlocal connections
        connections += 1
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(asking, "ask_hello", ask_hello)

    async def run() -> list[Answer]:
        async with Network(ProbePlan(back_off=0.0)) as network:

            async def record(
                key: str, ask: Callable[[], Awaitable[HelloExchange | Failure]]
            ) -> Observation[HelloExchange]:
                found = await network.store.once(key, ask)
                seen[key.rpartition("/")[2]] = found
                return found

            everybody = [Asking(network, record, direct_tls, ("mx", "192.0.2.1", 25)) for _ in range(askers)]
            return [await each(Question(name, HELLO)) for name in questions for each in everybody]

    return asyncio.run(run()), seen, connections


@pytest.mark.parametrize(("result", "kind"), [(YES, "chosen"), (NO, "refused")])
def test_one_connection_for_one_answer(monkeypatch: pytest.MonkeyPatch, result: HelloExchange, kind: str) -> None:
    answers, seen, connections = asked(monkeypatch, [result], "q")
    assert ([a.kind for a in answers], list(seen), connections) == ([kind], ["q"], 1)


@pytest.mark.parametrize("off", [DEFERRED, DROPPED])
def test_who_puts_us_off_is_asked_again(monkeypatch: pytest.MonkeyPatch, off: Failure) -> None:
    answers, seen, connections = asked(monkeypatch, [off, off, YES], "q")
    assert ([a.kind for a in answers], list(seen), connections) == (["chosen"], ["q"], 3)


@pytest.mark.parametrize(("off", "code"), [(DEFERRED, "SERVICE_DEFERRED"), (DROPPED, "SERVICE_ABORTED")])
def test_but_not_for_ever(monkeypatch: pytest.MonkeyPatch, off: Failure, code: str) -> None:
    answers, _, connections = asked(monkeypatch, [off], *(f"q{number}" for number in range(10)))
    assert {answer.kind for answer in answers} == {"unclear"}
    assert answers[0].code == code
    assert TRIES <= connections <= max(TRIES, MOST_PAUSES)


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.REJECTED, Reason.BUDGET, Reason.UNREACHABLE])
def test_other_blindness_is_not_asked_again(monkeypatch: pytest.MonkeyPatch, reason: Reason) -> None:
    answers, _, connections = asked(monkeypatch, [Failure(reason, "")], "q")
    assert (answers[0].kind, connections) == ("unclear", 1)


def test_a_close_is_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, seen, connections = asked(monkeypatch, [CLOSE], "q")
    assert (answers[0].kind, sorted(seen), connections) == ("refused", ["q", "q" + AGAIN], 2)


@pytest.mark.parametrize(("second", "kind"), [(YES, "chosen"), (NO, "refused"), (DEFERRED, "unclear")])
def test_the_second_look_decides(monkeypatch: pytest.MonkeyPatch, second: HelloExchange | Failure, kind: str) -> None:
    answers, _, _ = asked(monkeypatch, [CLOSE, second], "q")
    assert answers[0].kind == kind


def test_who_closes_at_random_is_asked_oftener(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, seen, _ = asked(monkeypatch, [CLOSE, YES, CLOSE, CLOSE, CLOSE, YES], "one", "two")
    assert [answer.kind for answer in answers] == ["chosen", "chosen"]
    assert len(seen) == 2 + 4
    answers, seen, _ = asked(monkeypatch, [CLOSE, YES, CLOSE], "one", "two")
    assert [answer.kind for answer in answers] == ["chosen", "refused"]
    assert len(seen) == 2 + CLOSES_OF_DROPPERS


def test_a_certificate_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = b"\x0b\x00\x00\x09\x00\x00\x06\x00\x00\x03DER"
    full = exchange("answered", HELLO, message(0x0303, ECDHE_RSA), certificate)
    answers, seen, _ = asked(monkeypatch, [full], "one", "two")
    assert [answer.chain for answer in answers] == [(b"DER",), (b"DER",)]
    kept = [certificate in cast(HelloExchange, each.value).received for each in seen.values()]
    assert kept == [True, False]


def test_two_who_ask_the_same_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, _, connections = asked(monkeypatch, [YES], "q", askers=2)
    assert ([answer.kind for answer in answers], connections) == (["chosen", "chosen"], 1)
