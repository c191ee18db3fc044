"""Ctrl-C: the first ends the run after the denoising step, the second ends the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """An event that the first SIGINT sets; the second raises :class:`KeyboardInterrupt` as ever.

    The handler itself prints nothing: it may run in the middle of another print, which Python refuses. A thread does.
    """
    stop, asked = threading.Event(), threading.Event()

    def first(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        asked.set()
        stop.set()

    def tell() -> None:
        stop.wait()
        if asked.is_set():
            say("finishing the running step; what is measured is kept (Ctrl-C again to abort)")

    watcher = threading.Thread(target=tell, daemon=True)
    watcher.start()
    before = signal.signal(signal.SIGINT, first)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
        stop.set()
        watcher.join()
