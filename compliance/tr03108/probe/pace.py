"""How fast one address is asked: all connections allowed, until it puts us off; then one by one, after a pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LONGEST_PAUSE = 30.0
MOST_PAUSES = 8  # in a row, without an answer in between; with pauses from 2 s on that is two and a half minutes


class Pace:
    """The pace for one address, shared by all who ask it."""

    def __init__(self, first_pause: float) -> None:
        self._first = first_pause
        self._pauses = 0
        self._resume = 0.0  # time of the event loop
        self._slow = False
        self._one = asyncio.Lock()

    @property
    def exhausted(self) -> bool:
        """The server put us off so often that there is no point in going on."""
        return self._pauses >= MOST_PAUSES

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits until the next connection may be made."""
        if not self._slow:
            yield
            return
        async with self._one:
            await asyncio.sleep(max(0.0, self._resume - asyncio.get_running_loop().time()))
            yield

    def answered(self) -> None:
        """The server let us in: the next pause is short again."""
        self._pauses = 0

    def put_off(self) -> None:
        """The server put us off, or dropped us before it came to TLS."""
        now = asyncio.get_running_loop().time()
        if self._slow and now < self._resume:
            return  # a connection that was made before the last pause began
        self._slow = True
        self._resume = now + min(LONGEST_PAUSE, self._first * 2**self._pauses)
        self._pauses += 1
