"""The worker's end of the pipe to the process that runs benchmarks."""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any

from vid_diffusion_bench.jobs import child
from vid_diffusion_bench.jobs.child import Message, Task


class Died(Exception):  # noqa: N818 - what happened to the process, not what went wrong here
    """The process is gone; ``how`` says why, as far as its exit code tells."""

    def __init__(self, code: int | None) -> None:
        self.how = how_it_ended(code)
        super().__init__(self.how)


class Runner:
    """A process that runs benchmarks, started when it is first needed and again when it has died.

    Args:
        memory: GiB of models that it keeps loaded; see :class:`~vid_diffusion_bench.jobs.warm.WarmModels`.
    """

    def __init__(self, memory: float | None = None) -> None:
        self._memory = memory
        self._process: BaseProcess | None = None
        self._pipe: Any = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def run(self, task: Task) -> None:
        """Begin a task; :meth:`receive` then gives its messages up to ``Ended``."""
        if self._process is None or not self._process.is_alive():
            self._start()
        self._send(task)

    def stop(self) -> None:
        """Ask the running task to end after the denoising step it is in."""
        self._send("stop")

    def receive(self, seconds: float) -> Message | None:
        """The next message; ``None`` when none comes within ``seconds``.

        Raises:
            Died: The process is gone, and everything it sent was received.
        """
        assert self._process is not None, "a task was begun"
        try:
            if self._pipe.poll(seconds):
                message: Message = self._pipe.recv()
                return message
        except (EOFError, OSError) as error:
            self._process.join(5)
            raise Died(self._process.exitcode) from error
        return None

    def kill(self) -> None:
        """End the process at once, and everything it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def close(self, seconds: float = 5) -> None:
        """End the process, which has nothing to do."""
        if self._process is not None and self._process.is_alive():
            self._send(None)
            self._process.join(seconds)
        self.kill()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_isolated, args=(theirs, self._memory), name="vid-bench-runner")
        self._process.start()
        theirs.close()

    def _send(self, message: object) -> None:
        # When it is gone, `receive` says so, after everything that it sent before.
        with suppress(OSError):
            self._pipe.send(message)


def _isolated(pipe: Any, memory: float | None) -> None:
    """Signals of a terminal or a service are for the worker, which then says what is to be done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child.main(pipe, memory)


def how_it_ended(code: int | None) -> str:
    """What the exit code of a process tells."""
    if code is None:
        return "it stopped answering"
    if code == -signal.SIGKILL:
        return "it was killed; the system does that when memory runs out"
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended with exit code {code}"
