"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from vid_diffusion_bench.client import calls
from vid_diffusion_bench.client.calls import BenchmarkFields, BenchmarkFilter, Call, EvaluationFields, HistoryFilter
from vid_diffusion_bench.client.connection import USER_AGENT, Connection
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
from vid_diffusion_bench.client.retries import Attempts, Retries
from vid_diffusion_bench.exceptions import RateLimitExceededError, ServerUnreachableError, WaitTimeoutError


class AsyncVidBenchClient:
    """The API of a server, as coroutines that return its answers.

    Every request that is not answered, or answered 429, 502, 503 or 504, is sent again (:class:`Retries`); one that
    submits carries a key under which the server does its work once. Errors of the server are raised as the classes of
    ``vid_diffusion_bench.exceptions`` by their code; answers are the plain data of the API. Close it, or use it in
    ``async with``.

    Args:
        base_url: ``http(s)://HOST[:PORT]``, with or without ``/api/v1`` behind it.
        api_key: An API key ``vdb_…``.
        token: Or a token of a login; :meth:`login` gets one.
        retries: How often a request is sent, and how long between.
        timeout: Seconds that any part of a request may take; the answer of a model's health check, and of metrics,
            may take ``work_timeout``.
        work_timeout: Seconds.

    Raises:
        ValidationError: The address is none, or both key and token are given.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        token: str | None = None,
        retries: Retries | None = None,
        timeout: float = 30.0,
        work_timeout: float = 1000.0,
    ) -> None:
        self._connection = Connection(base_url, api_key, token)
        self._retries = retries or Retries()
        self._timeout, self._work_timeout = timeout, work_timeout
        self._http = httpx2.AsyncClient(headers={"User-Agent": USER_AGENT})

    def __repr__(self) -> str:
        return f"AsyncVidBenchClient({self._connection.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End its connections."""
        await self._http.aclose()

    async def submit(
        self, prompts: Sequence[str], *, idempotency_key: str | None = None, **fields: Unpack[BenchmarkFields]
    ) -> dict[str, Any]:
        """Queue a benchmark of ``model_name`` or ``models``; gives ``benchmark_id, status, created_at, …``.

        Args:
            prompts: At least one.
            idempotency_key: Made when not given. The same key has the same effect once, for a day.
            **fields: Fields of ``POST /benchmarks``.
        """
        return dict(await self._ask(calls.submit(prompts, fields, idempotency_key)))

    async def evaluate(
        self,
        model_name: str,
        prompts: Sequence[str],
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[EvaluationFields],
    ) -> dict[str, Any]:
        """Queue a benchmark of one model."""
        return dict(await self._ask(calls.evaluate(model_name, prompts, fields, idempotency_key)))

    async def get(self, benchmark_id: str) -> dict[str, Any]:
        """How a benchmark stands: ``status, progress, current_task, …``."""
        return dict(await self._ask(calls.get(benchmark_id)))

    async def results(self, benchmark_id: str) -> dict[str, Any]:
        """The figures of a benchmark that has ended.

        Raises:
            ConflictError: It has not.
        """
        return dict(await self._ask(calls.results(benchmark_id)))

    async def cancel(self, benchmark_id: str) -> dict[str, Any]:
        """Cancel a benchmark; what was measured is kept.

        Raises:
            ConflictError: It has ended.
        """
        return dict(await self._ask(calls.cancel(benchmark_id)))

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

    async def models(self) -> list[dict[str, Any]]:
        """Every model the server knows by name, and whether it could run now."""
        return list((await self._ask(Call("GET", "/models")))["models"])

    async def model(self, model_name: str) -> dict[str, Any]:
        """All that is known of a model."""
        return dict(await self._ask(calls.model(model_name)))

    async def model_health(self, model_name: str) -> dict[str, Any]:
        """Whether a model loads and makes a clip there."""
        return dict(await self._ask(calls.model_health(model_name)))

    async def compute_metrics(
        self,
        metrics: Sequence[str],
        generated_videos: Sequence[str],
        real_videos: Sequence[str] = (),
        *,
        prompts: Sequence[str | None] | None = None,
        subsample: bool = False,
    ) -> dict[str, Any]:
        """Score videos that lie in the server's data root, by paths relative to it."""
        call = calls.compute(metrics, generated_videos, real_videos, prompts, subsample=subsample)
        return dict(await self._ask(call))

    async def upload_and_compute(
        self,
        metrics: Sequence[str],
        generated: Sequence[str | Path],
        real: Sequence[str | Path] = (),
        *,
        prompts: Sequence[str] | None = None,
        subsample: bool = False,
    ) -> dict[str, Any]:
        """Score videos of this machine: they are sent, and not kept there.

        Raises:
            ValidationError: A file is not there.
        """
        return dict(await self._ask(calls.upload(metrics, generated, real, prompts, subsample=subsample)))

    async def health(self) -> dict[str, Any]:
        """Whether the server works."""
        return dict(await self._ask(Call("GET", "/health")))

    async def login(self, username: str, password: str) -> None:
        """Ask with a token of this user from now on, in place of the key."""
        answer = await self._ask(calls.login(username, password))
        self._connection.log_in(answer["access_token"])

    async def logout(self, *, everywhere: bool = False) -> None:
        """End the token of the login, or every token of its user."""
        await self._ask(calls.logout(everywhere=everywhere))

    async def me(self) -> dict[str, Any]:
        """Who asks, and what they may do."""
        return dict(await self._ask(Call("GET", "/auth/me")))

    async def keys(self) -> list[dict[str, Any]]:
        """One's own API keys; the keys themselves are not among what is known of them."""
        return list((await self._ask(Call("GET", "/auth/api-keys")))["api_keys"])

    async def make_key(
        self, name: str, permissions: Sequence[str], *, tier: str | None = None, expires_at: datetime | None = None
    ) -> dict[str, Any]:
        """An API key of one's own; ``api_key`` of the answer is the key, which no other answer holds."""
        return dict(await self._ask(calls.make_key(name, permissions, tier, expires_at)))

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        """Refuse an API key from now on."""
        return dict(await self._ask(calls.revoke_key(key_id)))

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
                return await self._ask(call)
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

    async def _ask(self, call: Call) -> Any:
        attempts = Attempts(call, self._retries)
        while True:
            try:
                answer = await self._send(call)
            except httpx2.TransportError as error:
                await asyncio.sleep(attempts.failed(error))
                continue
            wait = attempts.answered(answer)
            if wait is None:
                return body_of(answer)
            await asyncio.sleep(wait)

    async def _send(self, call: Call) -> httpx2.Response:
        timeout = httpx2.Timeout(self._timeout, read=self._work_timeout if call.lengthy else self._timeout)
        with calls.opened(call) as files:
            return await self._http.request(
                call.method,
                self._connection.api + call.path,
                json=call.json,
                params=call.params,
                headers={**self._connection.headers, **call.headers},
                files=files,
                data=call.form,
                timeout=timeout,
            )


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
