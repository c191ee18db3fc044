"""A value that is made again only when it is old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """What ``make`` gave, for ``seconds``. However many threads ask at once, one makes it and the others wait.

    Args:
        make: Makes the value; what it raises goes to whoever asked, and nothing is kept.
        seconds: How long a value is kept.
        clock: Seconds that only go forward.
    """

    def __init__(self, make: Callable[[], T], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._seconds, self._clock = make, seconds, clock
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None

    def get(self) -> T:
        """The value, at most ``seconds`` old."""
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] >= self._seconds:
                value = self._make()
                self._kept = self._clock(), value
            return self._kept[1]
