"""How many requests may be out at once, with the moment at which each was let go."""

from __future__ import annotations

import asyncio
import math
from collections import deque


class Slots:
    """A first-come, first-served limit inside one event loop. ``None`` lets everything go at once.

    A plain semaphore does not say since when a request could have gone; the difference to when it really went is what
    the client itself was late.
    """

    def __init__(self, limit: int | None) -> None:
        self._free = limit
        self._waiting: deque[asyncio.Future[float]] = deque()

    async def take(self) -> float:
        """Wait for a slot; the event loop's time at which it came free, minus infinity where nothing was waited for."""
        if self._free is None:
            return -math.inf
        if self._free > 0:
            self._free -= 1
            return -math.inf
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Pass a slot on to who has waited longest."""
        if self._free is None:
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(asyncio.get_running_loop().time())
                return
        self._free += 1
