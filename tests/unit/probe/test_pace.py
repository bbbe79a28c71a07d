"""One by one and after growing pauses, once a server has put us off; as fast as allowed before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from tr03108.probe import pace
from tr03108.probe.pace import LONGEST_PAUSE, MOST_PAUSES, Pace

T = TypeVar("T")


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while it waits: pauses take no time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(test: Callable[[], Awaitable[T]]) -> T:
    async def whole() -> T:
        return await test()

    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(whole())


async def turn(of: Pace) -> float:
    async with of.turn():
        return asyncio.get_running_loop().time()


def test_nobody_waits_at_first() -> None:
    async def test() -> list[float]:
        mine = Pace(2.0)
        async with mine.turn(), mine.turn():  # two at once
            return [await turn(mine)]

    assert run(test) == [0.0]


def test_pauses_double_up_to_the_longest() -> None:
    async def test() -> list[float]:
        mine, ends = Pace(2.0), []
        for _ in range(MOST_PAUSES):
            mine.put_off()
            ends.append(await turn(mine))
        return [after - before for before, after in zip([0.0, *ends], ends, strict=False)]

    pauses = run(test)
    assert pauses == [2.0, 4.0, 8.0, 16.0, *[LONGEST_PAUSE] * (MOST_PAUSES - 4)]


def test_an_answer_makes_the_next_pause_short_again_and_slow_it_stays() -> None:
    async def test() -> tuple[float, bool]:
        mine = Pace(2.0)
        mine.put_off()
        await turn(mine)
        mine.put_off()
        await turn(mine)
        mine.answered()
        start = asyncio.get_running_loop().time()
        mine.put_off()
        waited = await turn(mine) - start
        held = asyncio.create_task(_hold(mine))
        await asyncio.sleep(0)
        other = asyncio.create_task(turn(mine))
        await asyncio.sleep(0.5)
        alone = not other.done()
        held.cancel()
        await other
        return waited, alone

    async def _hold(mine: Pace) -> None:
        async with mine.turn():
            await asyncio.sleep(1000)

    assert run(test) == (2.0, True)


def test_several_connections_put_off_at_once_are_one_pause() -> None:
    async def test() -> float:
        mine = Pace(2.0)
        for _ in range(4):
            mine.put_off()
        assert not mine.exhausted
        return await turn(mine)

    assert run(test) == 2.0


def test_it_comes_to_an_end() -> None:
    async def test() -> bool:
        mine = Pace(2.0)
        for _ in range(MOST_PAUSES):
            assert not mine.exhausted
            mine.put_off()
            await turn(mine)
        return mine.exhausted

    assert run(test)


@pytest.mark.parametrize("answers", [1, 3])
def test_an_answer_in_between_keeps_it_going(answers: int) -> None:
    async def test() -> bool:
        mine = Pace(pace.LONGEST_PAUSE)
        for _ in range(3 * MOST_PAUSES):
            mine.put_off()
            await turn(mine)
            for _ in range(answers):
                mine.answered()
        return mine.exhausted

    assert not run(test)
