"""How the requests of the last minutes ended."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 300.0
"""Seconds that are looked at."""
_STEP: Final = 10.0
_TOO_MANY, _SERVER_ERROR = 429, 500


@dataclass
class Counts:
    """Requests of this process: all, those refused with 429, those that ended in 5xx."""

    requests: int = 0
    refused: int = 0
    failed: int = 0


class Traffic:
    """Counts in steps of ten seconds, so that its size does not grow with the requests.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._steps: deque[tuple[float, Counts]] = deque()

    def add(self, status: int) -> None:
        """One request ended with this status."""
        with self._lock:
            now = self._forget()
            if not self._steps or now - self._steps[-1][0] >= _STEP:
                self._steps.append((now, Counts()))
            counts = self._steps[-1][1]
            counts.requests += 1
            counts.refused += status == _TOO_MANY
            counts.failed += status >= _SERVER_ERROR

    def recent(self) -> Counts:
        """Of the last :data:`WINDOW`, to ten seconds."""
        with self._lock:
            self._forget()
            found = [counts for _, counts in self._steps]
        return Counts(*(sum(getattr(c, name) for c in found) for name in ("requests", "refused", "failed")))

    def _forget(self) -> float:
        now = self._clock()
        while self._steps and now - self._steps[0][0] >= WINDOW:
            self._steps.popleft()
        return now
