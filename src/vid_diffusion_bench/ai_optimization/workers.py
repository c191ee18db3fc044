"""Several processes on one study: each holds a lock while it lives, so that a trial whose process died is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from vid_diffusion_bench.exceptions import StorageError

_FOLDER, _ASK = "workers", "ask.lock"
_MOST = 1024
_PATIENCE = 120.0


class Worker:
    """This process's place among those that work on the study in ``folder``; ``number`` is the lowest that was free.

    Raises:
        StorageError: The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / _FOLDER
        self.number = -1
        self._lock: FileLock | None = None
        self._ask = FileLock(str(self.folder / _ASK), timeout=_PATIENCE)

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for number in range(_MOST):
                lock = self._file(number)
                try:
                    lock.acquire()
                except Timeout:
                    continue
                self.number, self._lock = number, lock
                return self
        except OSError as error:
            raise StorageError(f"{self.folder} cannot be written: {error.strerror or error}") from error
        raise StorageError(f"{_MOST} processes work in {self.folder} already")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lock:
            self._lock.release()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time looks at the study and takes the next setting."""
        try:
            with self._ask:
                yield
        except Timeout as error:
            raise StorageError(f"another process holds {self.folder / _ASK} for over {_PATIENCE:.0f} s") from error

    def lives(self, number: int) -> bool:
        """Whether the process with another ``number`` still works; ours is not asked about."""
        if number == self.number:
            return False
        lock = self._file(number)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
        return False

    def _file(self, number: int) -> FileLock:
        return FileLock(str(self.folder / f"{number}.lock"), timeout=0)
