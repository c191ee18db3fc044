"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, Unpack

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from vid_diffusion_bench.client import calls
from vid_diffusion_bench.client.calls import BenchmarkFilter, Call, HistoryFilter
from vid_diffusion_bench.client.connection import USER_AGENT
from vid_diffusion_bench.client.errors import body_of, error_of_benchmark
from vid_diffusion_bench.client.following import (
    ENDED,
    LAST,
    LOST,
    OPEN_SECONDS,
    POLL,
    SILENCE,
    Deadline,
    Event,
    Following,
    polls,
    refused_for,
)
from vid_diffusion_bench.client.methods import Methods
from vid_diffusion_bench.client.retries import Attempts
from vid_diffusion_bench.exceptions import RateLimitExceededError, ServerUnreachableError, WaitTimeoutError


class AsyncVidBenchClient(
    Methods[
        Coroutine[Any, Any, dict[str, Any]],
        Coroutine[Any, Any, list[dict[str, Any]]],
        Coroutine[Any, Any, None],
    ]
):
    """The API of a server, as coroutines that return its answers: see :class:`Methods` for what it is made with.

    Close it, or use it in ``async with``.
    """

    _http: httpx2.AsyncClient

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End its connections."""
        await self._http.aclose()

    async def list_benchmarks(
        self, *, page_size: int = 100, **filters: Unpack[BenchmarkFilter]
    ) -> AsyncIterator[dict[str, Any]]:
        """Benchmarks, by default the newest first, page after page as they are asked for."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.benchmarks(filters, page_size, cursor))
            for benchmark in page["benchmarks"]:
                yield benchmark
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return

    async def history(
        self, *, page_size: int = 1000, **filters: Unpack[HistoryFilter]
    ) -> AsyncIterator[dict[str, Any]]:
        """Figures of benchmarks that ended, the newest first."""
        number = 1
        while True:
            page = await self._ask(calls.history(filters, page_size, number))
            for figure in page["history"]:
                yield figure
            if number >= page["pagination"]["pages"]:
                return
            number += 1

    async def login(self, username: str, password: str) -> None:
        """Ask with a token of this user from now on, in place of the key."""
        answer = await self._object(calls.login(username, password))
        self._connection.log_in(answer["access_token"])

    async def events(self, benchmark_id: str, *, after: int = 0, timeout: float | None = None) -> AsyncIterator[Event]:
        """Events of a benchmark after number ``after``, to its last, over a WebSocket that is opened again if it drops.

        Raises:
            WaitTimeoutError: It has not ended within ``timeout`` seconds.
            ServerUnreachableError: No WebSocket can be opened.
        """
        async for event in self._events(benchmark_id, after, Deadline(timeout, benchmark_id)):
            if event is not None:
                yield event

    async def wait_for_completion(
        self, benchmark_id: str, timeout: float | None = 3600.0, *, on_event: Callable[[Event], object] | None = None
    ) -> dict[str, Any]:
        """The results of a benchmark, once it has ended: told of it by WebSocket, or else by asking again and again.

        Args:
            benchmark_id: Of the benchmark.
            timeout: Seconds; ``None``: as long as it takes.
            on_event: Called with each event that comes by WebSocket.

        Raises:
            WaitTimeoutError: It has not ended in time; it goes on.
            GenerationCancelledError: It was cancelled.
            VidBenchError: It failed; the class is that of the failure's code.
        """
        deadline = Deadline(timeout, benchmark_id)
        benchmark = await self._look(benchmark_id, deadline)
        try:
            if benchmark["status"] not in ENDED:
                benchmark = await self._followed(benchmark_id, deadline, on_event)
        except ServerUnreachableError:
            benchmark = await self._polled(benchmark_id, deadline)
        if error := error_of_benchmark(benchmark):
            raise error
        return dict(await self._patiently(calls.results(benchmark_id), deadline))

    async def _followed(
        self, benchmark_id: str, deadline: Deadline, on_event: Callable[[Event], object] | None
    ) -> dict[str, Any]:
        async for event in self._events(benchmark_id, 0, deadline):
            if event is None:
                benchmark = await self._look(benchmark_id, deadline)
                if benchmark["status"] in ENDED:
                    return benchmark
            elif on_event:
                on_event(event)
        return await self._look(benchmark_id, deadline)

    async def _polled(self, benchmark_id: str, deadline: Deadline) -> dict[str, Any]:
        wait = POLL[0]
        while (benchmark := await self._look(benchmark_id, deadline))["status"] not in ENDED:
            await asyncio.sleep(deadline.bounded(wait))
            wait = polls(wait)
        return benchmark

    async def _look(self, benchmark_id: str, deadline: Deadline) -> dict[str, Any]:
        return dict(await self._patiently(calls.get(benchmark_id), deadline))

    async def _patiently(self, call: Call, deadline: Deadline) -> Any:
        """As :meth:`_ask`; who waits anyway also waits for a limit of requests, however long that takes."""
        while True:
            try:
                return await self._ask(call, deadline.bounded)
            except RateLimitExceededError as error:
                await asyncio.sleep(deadline.bounded(refused_for(error)))

    async def _events(self, benchmark_id: str, after: int, deadline: Deadline) -> AsyncIterator[Event | None]:
        """Events, and ``None`` whenever there was none for a while."""
        following = Following(benchmark_id, after, self._retries)
        while True:
            url, options = self._connection.socket(following.path)
            try:
                async with connect(url, open_timeout=deadline.bounded(OPEN_SECONDS), **options) as socket:
                    while True:
                        event = await _heard(socket, following, deadline)
                        yield event
                        if event is not None and event["type"] in LAST:
                            return
            except LOST as error:
                await asyncio.sleep(deadline.bounded(following.dropped(error)))

    def _open(self) -> None:
        self._http = httpx2.AsyncClient(headers={"User-Agent": USER_AGENT})

    async def _object(self, call: Call) -> dict[str, Any]:
        return dict(await self._ask(call))

    async def _objects(self, call: Call, name: str) -> list[dict[str, Any]]:
        return list((await self._ask(call))[name])

    async def _nothing(self, call: Call) -> None:
        await self._ask(call)

    async def _ask(self, call: Call, bounded: Callable[[float], float] = float) -> Any:
        """The answer, asked for again and again; ``bounded`` shortens the waits between."""
        attempts = Attempts(call, self._retries)
        while True:
            try:
                answer = await self._send(call)
            except httpx2.TransportError as error:
                await asyncio.sleep(bounded(attempts.failed(error)))
                continue
            wait = attempts.answered(answer)
            if wait is None:
                return body_of(answer)
            await asyncio.sleep(bounded(wait))

    async def _send(self, call: Call) -> httpx2.Response:
        with calls.opened(call) as files:
            return await self._http.request(**self._request(call), files=files)


async def _heard(socket: ClientConnection, following: Following, deadline: Deadline) -> Event | None:
    """The next event; ``None`` if none comes for a while."""
    end = Deadline(deadline.bounded(SILENCE), "")
    while True:
        try:
            text = await asyncio.wait_for(socket.recv(), end.bounded(SILENCE))
        except (TimeoutError, WaitTimeoutError):
            return None
        if (event := following.heard(text)) is not None:
            return event
