"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, Unpack

import httpx2
from websockets.sync.client import ClientConnection, connect

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


class VidBenchClient(Methods[dict[str, Any], list[dict[str, Any]], None]):
    """The API of a server, as methods that return its answers: see :class:`Methods` for what it is made with.

    Close it, or use ``with``.
    """

    _http: httpx2.Client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def list_benchmarks(self, *, page_size: int = 100, **filters: Unpack[BenchmarkFilter]) -> Iterator[dict[str, Any]]:
        """Benchmarks, by default the newest first, page after page as they are asked for."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.benchmarks(filters, page_size, cursor))
            yield from page["benchmarks"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return

    def history(self, *, page_size: int = 1000, **filters: Unpack[HistoryFilter]) -> Iterator[dict[str, Any]]:
        """Figures of benchmarks that ended, the newest first."""
        number = 1
        while True:
            page = self._ask(calls.history(filters, page_size, number))
            yield from page["history"]
            if number >= page["pagination"]["pages"]:
                return
            number += 1

    def login(self, username: str, password: str) -> None:
        """Ask with a token of this user from now on, in place of the key."""
        answer = self._object(calls.login(username, password))
        self._connection.log_in(answer["access_token"])

    def events(self, benchmark_id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[Event]:
        """Events of a benchmark after number ``after``, to its last, over a WebSocket that is opened again if it drops.

        Raises:
            WaitTimeoutError: It has not ended within ``timeout`` seconds.
            ServerUnreachableError: No WebSocket can be opened.
        """
        for event in self._events(benchmark_id, after, Deadline(timeout, benchmark_id)):
            if event is not None:
                yield event

    def wait_for_completion(
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
        benchmark = self._look(benchmark_id, deadline)
        try:
            if benchmark["status"] not in ENDED:
                benchmark = self._followed(benchmark_id, deadline, on_event)
        except ServerUnreachableError:
            benchmark = self._polled(benchmark_id, deadline)
        if error := error_of_benchmark(benchmark):
            raise error
        return dict(self._patiently(calls.results(benchmark_id), deadline))

    def _followed(
        self, benchmark_id: str, deadline: Deadline, on_event: Callable[[Event], object] | None
    ) -> dict[str, Any]:
        for event in self._events(benchmark_id, 0, deadline):
            if event is None:
                benchmark = self._look(benchmark_id, deadline)
                if benchmark["status"] in ENDED:
                    return benchmark
            elif on_event:
                on_event(event)
        return self._look(benchmark_id, deadline)

    def _polled(self, benchmark_id: str, deadline: Deadline) -> dict[str, Any]:
        wait = POLL[0]
        while (benchmark := self._look(benchmark_id, deadline))["status"] not in ENDED:
            time.sleep(deadline.bounded(wait))
            wait = polls(wait)
        return benchmark

    def _look(self, benchmark_id: str, deadline: Deadline) -> dict[str, Any]:
        return dict(self._patiently(calls.get(benchmark_id), deadline))

    def _patiently(self, call: Call, deadline: Deadline) -> Any:
        """As :meth:`_ask`; who waits anyway also waits for a limit of requests, however long that takes."""
        while True:
            try:
                return self._ask(call, deadline.bounded)
            except RateLimitExceededError as error:
                time.sleep(deadline.bounded(refused_for(error)))

    def _events(self, benchmark_id: str, after: int, deadline: Deadline) -> Iterator[Event | None]:
        """Events, and ``None`` whenever there was none for a while."""
        following = Following(benchmark_id, after, self._retries)
        while True:
            url, options = self._connection.socket(following.path)
            try:
                with connect(url, open_timeout=deadline.bounded(OPEN_SECONDS), **options) as socket:
                    while True:
                        event = _heard(socket, following, deadline)
                        yield event
                        if event is not None and event["type"] in LAST:
                            return
            except LOST as error:
                time.sleep(deadline.bounded(following.dropped(error)))

    def _open(self) -> None:
        self._http = httpx2.Client(headers={"User-Agent": USER_AGENT})

    def _object(self, call: Call) -> dict[str, Any]:
        return dict(self._ask(call))

    def _objects(self, call: Call, name: str) -> list[dict[str, Any]]:
        return list(self._ask(call)[name])

    def _nothing(self, call: Call) -> None:
        self._ask(call)

    def _ask(self, call: Call, bounded: Callable[[float], float] = float) -> Any:
        """The answer, asked for again and again; ``bounded`` shortens the waits between."""
        attempts = Attempts(call, self._retries)
        while True:
            try:
                answer = self._send(call)
            except httpx2.TransportError as error:
                time.sleep(bounded(attempts.failed(error)))
                continue
            wait = attempts.answered(answer)
            if wait is None:
                return body_of(answer)
            time.sleep(bounded(wait))

    def _send(self, call: Call) -> httpx2.Response:
        with calls.opened(call) as files:
            return self._http.request(**self._request(call), files=files)


def _heard(socket: ClientConnection, following: Following, deadline: Deadline) -> Event | None:
    """The next event; ``None`` if none comes for a while."""
    end = Deadline(deadline.bounded(SILENCE), "")
    while True:
        try:
            text = socket.recv(timeout=end.bounded(SILENCE))
        except (TimeoutError, WaitTimeoutError):
            return None
        if (event := following.heard(text)) is not None:
            return event
