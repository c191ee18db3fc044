"""When a request is sent again: exponential back-off with full jitter, and what the server asks to wait."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

import httpx2

from vid_diffusion_bench.client.calls import Call
from vid_diffusion_bench.client.errors import error_of_answer, retry_after
from vid_diffusion_bench.exceptions import ServerUnreachableError

_RANDOM: Final = random.SystemRandom()
_BUSY: Final = (429, 502, 503, 504)
_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True)
class Retries:
    """How often and how patiently.

    The wait before attempt ``n + 1`` is drawn evenly between 0 and ``min(longest, first * 2 ** (n - 1))`` ("full
    jitter", M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015), after what ``Retry-After`` says.

    Args:
        attempts: Of one request, the first included; at least 1.
        first: Seconds, the upper end of the first wait.
        longest: Seconds, the upper end of any wait.
        patience: Seconds; a ``Retry-After`` beyond it is not waited for: the error comes at once.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    patience: float = 120.0

    def wait(self, attempt: int, asked: float | None = None) -> float | None:
        """Seconds to wait after attempt number ``attempt``; ``None`` when it was the last."""
        if attempt >= self.attempts or (asked or 0.0) > self.patience:
            return None
        # Beyond 2 ** 64 every wait is the longest.
        return (asked or 0.0) + _RANDOM.uniform(0.0, min(self.longest, self.first * 2.0 ** min(attempt - 1, 64)))


class Attempts:
    """Those of one call so far."""

    def __init__(self, call: Call, retries: Retries) -> None:
        self._call, self._retries, self._number = call, retries, 0

    def failed(self, error: httpx2.TransportError) -> float:
        """Seconds to wait after no answer came.

        Raises:
            ServerUnreachableError: It is not to be sent again.
        """
        self._number += 1
        again = self._call.repeatable or isinstance(error, _NOT_SENT)
        wait = self._retries.wait(self._number) if again else None
        if wait is None:
            times = "once" if self._number == 1 else f"{self._number} times"
            raise ServerUnreachableError(
                f"no answer to {self._call.method} {self._call.path}, asked {times}: {type(error).__name__}: {error}",
                remedy="check the address, and that the server runs",
            ) from error
        return wait

    def answered(self, answer: httpx2.Response) -> float | None:
        """Seconds to wait after an answer that says so; ``None`` when it is one to use.

        Raises:
            VidBenchError: It is an error, and the last.
        """
        self._number += 1
        if answer.is_success:
            return None
        # A busy server has not begun; a gateway may have given up on one that did.
        again = answer.status_code in (_BUSY if self._call.repeatable else (429,))
        wait = self._retries.wait(self._number, retry_after(answer)) if again else None
        if wait is None:
            raise error_of_answer(answer)
        return wait
