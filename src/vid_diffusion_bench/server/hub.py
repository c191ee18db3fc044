"""Events of benchmarks to those who follow them: one look at the database for all of an application's sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.jobs import EventLog, StoredEvent

logger = logging.getLogger(__name__)
LOOK: Final = 0.25
"""Seconds between two looks."""
BEHIND: Final = 1000
"""Events that a follower may have waiting; one that is further behind is dropped, nobody waits for it."""


@dataclass(eq=False)
class Follower:
    """One socket. ``seen`` is the number of the last event of each benchmark that it was given."""

    seen: dict[str, int] = field(default_factory=dict)
    waiting: asyncio.Queue[StoredEvent | None] = field(default_factory=lambda: asyncio.Queue(BEHIND))
    dropped: bool = False

    async def events(self) -> AsyncIterator[StoredEvent]:
        """Events as they come, until the follower is dropped."""
        while (event := await self.waiting.get()) is not None:
            yield event

    def give(self, event: StoredEvent) -> None:
        if self.dropped:
            return
        try:
            self.waiting.put_nowait(event)
            self.seen[event.benchmark_id] = event.number
        except asyncio.QueueFull:
            self.drop()

    def drop(self) -> None:
        """Let it go: what waits is thrown away, it can come back with the last number it saw."""
        self.dropped = True
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Hub:
    """Looks for new events of every benchmark that anybody follows, and gives them out."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._followers: set[Follower] = set()
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._followers)

    @asynccontextmanager
    async def follower(self) -> AsyncIterator[Follower]:
        """A follower of nothing yet."""
        made = Follower()
        self._followers.add(made)
        try:
            yield made
        finally:
            self._followers.discard(made)

    def follow(self, follower: Follower, benchmark_id: str, after: int) -> None:
        """Give ``follower`` every event of a benchmark after number ``after``, those that have been too."""
        follower.seen[benchmark_id] = after
        self._news.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look as long as the block lasts."""
        self._start()
        try:
            yield
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._drop_all()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """After a fault of ours: who follows comes back with the last number seen, instead of waiting for ever."""
        if not task.cancelled():
            logger.error("giving out events ended and begins again", exc_info=task.exception())
            self._drop_all()
            self._start()

    def _drop_all(self) -> None:
        for follower in list(self._followers):
            follower.drop()

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                await self._look()
            except StorageError as error:
                logger.warning("%s", error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK)

    async def _look(self) -> None:
        followed: dict[str, list[Follower]] = {}
        for follower in self._followers:
            for benchmark in follower.seen:
                followed.setdefault(benchmark, []).append(follower)
        if not followed:
            return
        last = await asyncio.to_thread(self._log.last_numbers, list(followed))
        for benchmark, followers in followed.items():
            await self._give_out(benchmark, followers, last.get(benchmark, 0))

    async def _give_out(self, benchmark: str, followers: list[Follower], last: int) -> None:
        behind = [follower for follower in followers if follower.seen.get(benchmark, last) < last]
        while behind:
            first = min(follower.seen[benchmark] for follower in behind)
            events = await asyncio.to_thread(self._log.after, benchmark, first)
            for event in events:
                for follower in behind:
                    if follower.seen.get(benchmark, event.number) == event.number - 1:
                        follower.give(event)
            if not events:
                return
            # Those who are slow read while others are given.
            await asyncio.sleep(0)
            behind = [f for f in behind if not f.dropped and f.seen.get(benchmark, last) < last]
