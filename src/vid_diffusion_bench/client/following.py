"""Following a benchmark over a WebSocket, come back to after every drop; what of it needs no socket."""

from __future__ import annotations

import json
import math
import time
from typing import Any, Final
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from vid_diffusion_bench.client.errors import error_of
from vid_diffusion_bench.client.retries import Retries
from vid_diffusion_bench.exceptions import (
    AuthenticationError,
    PermissionDeniedError,
    RateLimitExceededError,
    ServerUnreachableError,
    WaitTimeoutError,
)

Event = dict[str, Any]
LOST: Final = (OSError, EOFError, WebSocketException)
"""What a socket that cannot be opened, or is gone, raises."""
LAST: Final = ("benchmark.completed", "benchmark.failed", "benchmark.cancelled")
ENDED: Final = ("completed", "failed", "cancelled")
SILENCE: Final = 180.0
"""Seconds without an event after which a client that waits looks at the benchmark itself: five who wait so with one key
stay within 100 requests an hour."""
OPEN_SECONDS: Final = 10.0
POLL: Final = (1.0, 1.5, 60.0)
"""Seconds of the first wait between two looks, the factor from wait to wait, and seconds of the longest: under a limit
of 100 requests an hour one can poll for more than an hour."""
_UNKNOWN, _DENIED = 4401, 4403


class Deadline:
    """When a wait is over.

    Args:
        seconds: From now; ``None``: never.
        what: Named in the error.
    """

    def __init__(self, seconds: float | None, what: str) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._seconds, self._what = seconds, what

    def bounded(self, seconds: float) -> float:
        """The smaller of ``seconds`` and what is left.

        Raises:
            WaitTimeoutError: Nothing is.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise WaitTimeoutError(
                f"{self._what} has not ended within {self._seconds:g} s",
                remedy="wait longer: it goes on; or cancel it",
                details={"benchmark_id": self._what, "timeout_seconds": self._seconds},
            )
        return min(seconds, left)


class Following:
    """The events of one benchmark in order, each once, over any number of sockets."""

    def __init__(self, benchmark_id: str, after: int, retries: Retries) -> None:
        self._id, self.last, self._retries = quote(benchmark_id, safe=""), after, retries
        self._failures = 0

    @property
    def path(self) -> str:
        """Of the next socket: it begins after the last event that was heard."""
        return f"/ws/benchmarks/{self._id}?last_event={self.last}"

    def heard(self, text: str | bytes) -> Event | None:
        """The event that a message is, unless it is none or has been.

        Raises:
            VidBenchError: The server says that this benchmark cannot be followed.
        """
        message = json.loads(text)
        if message.get("type") == "error":
            raise error_of(message["data"]["error"])
        number = message.get("number")
        if not isinstance(number, int) or number <= self.last:
            return None
        self.last, self._failures = number, 0
        return dict(message)

    def dropped(self, error: BaseException) -> float:
        """Seconds to wait before the next socket.

        Raises:
            AuthenticationError: Nobody known asks.
            PermissionDeniedError: They may not follow.
            ServerUnreachableError: There are no sockets here, or they end again and again.
        """
        if isinstance(error, ConnectionClosed) and error.rcvd is not None:
            if error.rcvd.code == _UNKNOWN:
                raise AuthenticationError(error.rcvd.reason or "nobody known asks") from error
            if error.rcvd.code == _DENIED:
                raise PermissionDeniedError(error.rcvd.reason or "this may not be followed") from error
        self._failures += 1
        refused = isinstance(error, InvalidStatus) and error.response.status_code not in (429, 502, 503, 504)
        wait = None if refused else self._retries.wait(self._failures)
        if wait is None:
            raise ServerUnreachableError(
                f"no events over a WebSocket: {type(error).__name__}: {error}",
                remedy="ask for the benchmark's state in place of its events",
            ) from error
        return wait


def polls(wait: float) -> float:
    """Seconds between two looks, after ``wait`` seconds between the last two."""
    return min(wait * POLL[1], POLL[2])


def refused_for(error: RateLimitExceededError) -> float:
    """Seconds to wait after a look that came too often."""
    return float(error.details.get("retry_after") or POLL[2])
