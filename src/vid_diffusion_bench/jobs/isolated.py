"""One piece of work in a process of its own: whatever becomes of it, the process that asked goes on."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from typing import Any

from vid_diffusion_bench.exceptions import ServerOverloadedError, VidBenchError
from vid_diffusion_bench.jobs.runner import how_it_ended

RETRY_AFTER = 10


class WorkFailedError(VidBenchError):
    """The process of a piece of work died, or took too long."""

    code = "WORK_FAILED"


class Isolated:
    """Runs functions of this package, at most ``at_once`` of them, the others are refused."""

    def __init__(self, at_once: int = 1) -> None:
        self._places = threading.BoundedSemaphore(at_once)

    def run(self, function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
        """What ``function`` gives; both it and its arguments must be importable and plain.

        Raises:
            ServerOverloadedError: Others are at work.
            WorkFailedError: It died, or did not end within ``seconds``.
            VidBenchError: It raised this.
        """
        if not self._places.acquire(blocking=False):
            raise ServerOverloadedError("other work of this kind is going on", retry_after=RETRY_AFTER)
        try:
            return self._run(function, arguments, seconds)
        finally:
            self._places.release()

    def _run(self, function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> Any:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(theirs, function, arguments), daemon=True)
        process.start()
        theirs.close()
        try:
            if not ours.poll(seconds):
                raise WorkFailedError(f"it did not end within {seconds:g} s")
            answer = ours.recv()
        except EOFError as error:
            process.join()
            raise WorkFailedError(f"its process died: {how_it_ended(process.exitcode)}") from error
        finally:
            process.kill()
            process.join()
            ours.close()
        if isinstance(answer, VidBenchError):
            raise answer
        return answer


def _answer(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        pipe.send(function(*arguments))
    except VidBenchError as error:
        pipe.send(error)
