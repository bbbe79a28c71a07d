"""Each question is asked once, and nobody's cancellation takes an answer from somebody else."""

from __future__ import annotations

import asyncio

import pytest

from tr03108.model import Failure, Observation, Reason
from tr03108.probe.store import Store


def test_one_question_for_many() -> None:
    async def run() -> list[Observation[str]]:
        store, asked = Store(), 0

        async def ask() -> str:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0)
            return f"answer {asked}"

        answers = await asyncio.gather(*(store.once("k", ask) for _ in range(5)))
        answers.append(await store.once("k", ask))
        return answers

    answers = asyncio.run(run())
    assert {answer.value for answer in answers} == {"answer 1"}
    assert {answer.key for answer in answers} == {"k"}


def test_failures_are_remembered_too() -> None:
    async def run() -> list[Observation[str]]:
        store = Store()
        failures = iter([Failure(Reason.TIMEOUT, "first"), Failure(Reason.TIMEOUT, "second")])

        async def ask() -> str | Failure:
            return next(failures)

        return [await store.once("k", ask), await store.once("k", ask)]

    assert [a.failure.detail for a in asyncio.run(run()) if a.failure] == ["first", "first"]


def test_one_who_gives_up_leaves_the_answer_to_the_other() -> None:
    async def run() -> str | None:
        store, go = Store(), asyncio.Event()

        async def ask() -> str:
            await go.wait()
            return "answer"

        first, second = (asyncio.create_task(store.once("k", ask)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        go.set()
        return (await second).value

    assert asyncio.run(run()) == "answer"


def test_when_all_give_up_the_question_ends_and_may_be_asked_again() -> None:
    async def run() -> tuple[int, str | None]:
        store, ended = Store(), 0

        async def ask_long() -> str:
            nonlocal ended
            try:
                await asyncio.sleep(60)
            finally:
                ended += 1
            return "never"

        async def ask() -> str:
            return "answer"

        waiters = [asyncio.create_task(store.once("k", ask_long)) for _ in range(2)]
        await asyncio.sleep(0)
        for waiter in waiters:
            waiter.cancel()
        await asyncio.wait(waiters)
        return ended, (await store.once("k", ask)).value

    assert asyncio.run(run()) == (1, "answer")


def test_a_bug_reaches_everybody_who_waits() -> None:
    async def run() -> list[object]:
        store = Store()

        async def ask() -> str:
            raise ZeroDivisionError

        return list(await asyncio.gather(*(store.once("k", ask) for _ in range(2)), return_exceptions=True))

    assert [type(result) for result in asyncio.run(run())] == [ZeroDivisionError] * 2


def test_closing_ends_what_is_open() -> None:
    async def run() -> None:
        store = Store()
        waiter = asyncio.create_task(store.once("k", lambda: asyncio.sleep(60, "x")))
        await asyncio.sleep(0.01)
        await store.close()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
