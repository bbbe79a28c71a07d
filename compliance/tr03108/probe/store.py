"""Asks each question of a run once, however many domains want the answer, and stamps answers with key and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..model import Failure, Observation

T = TypeVar("T")


def observed(key: str, result: T | Failure) -> Observation[T]:
    """An observation of now."""
    if isinstance(result, Failure):
        return Observation(key, datetime.now(UTC), None, result)
    return Observation(key, datetime.now(UTC), result, None)


@dataclass(slots=True)
class _Shared:
    task: asyncio.Task[Any]
    waiters: int = 0


class Store:
    """Questions by key, each a task of its own: one domain that gives up does not take the answer from another."""

    def __init__(self) -> None:
        self._shared: dict[str, _Shared] = {}

    async def once(self, key: str, ask: Callable[[], Awaitable[T | Failure]]) -> Observation[T]:
        """The observation of `key`; `ask` is called only by the first who wants it.

        When the last one who waits is cancelled the question is too, and may be asked again.
        """
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = _Shared(asyncio.create_task(_observe(key, ask), name=key))
        shared.waiters += 1
        try:
            return await asyncio.shield(shared.task)
        except asyncio.CancelledError:
            if shared.waiters == 1 and not shared.task.done():
                del self._shared[key]
                await _end(shared.task)
            raise
        finally:
            shared.waiters -= 1

    async def close(self) -> None:
        """Ends what is still being asked."""
        left = [shared.task for shared in self._shared.values() if not shared.task.done()]
        self._shared.clear()
        for task in left:
            await _end(task)


async def _observe(key: str, ask: Callable[[], Awaitable[T | Failure]]) -> Observation[T]:
    return observed(key, await ask())


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
