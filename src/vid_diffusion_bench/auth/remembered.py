"""What was read of a database, for as long as nobody writes to it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
MOST: Final = 1000
"""Things that are kept; the one that was asked for longest ago goes first."""


class Remembered(Generic[T]):
    """Values that hold until the database changes: a revocation by any process is seen by the next request.

    Args:
        version: As of ``Database.version``; while it gives ``None`` nothing is kept and nothing found.
    """

    def __init__(self, version: Callable[[], int | None]) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, T]] = OrderedDict()

    def keep(self, name: str, value: T, version: int | None) -> None:
        """Keep what was read after the database was at ``version``."""
        if version is None:
            return
        with self._lock:
            self._kept[name] = (version, value)
            self._kept.move_to_end(name)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def get(self, name: str) -> T | None:
        """The value, if the database is what it was."""
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                return None
            self._kept.move_to_end(name)
        version, value = found
        return value if version == self._version() else None
