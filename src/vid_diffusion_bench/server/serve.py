"""Serving: the API in this process, workers in processes of their own that end with it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.jobs.worker import Worker
from vid_diffusion_bench.server.settings import ServerSettings

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger(__name__)
LOOK: Final = 0.5
"""Seconds between two looks at whether workers are there."""
REST: Final = (1.0, 60.0)
"""Seconds before a worker that died is started again: the first time, and at most."""
_SLACK: Final = 10.0
"""Seconds that a worker gets beyond what its benchmark gets."""
PROGRAM: Final = "from vid_diffusion_bench.cli import main; main()"


def serve(settings: ServerSettings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT: then the API takes no more, and running benchmarks go back into the queue.

    Raises:
        ValidationError: The address cannot be listened at, or a setting is not allowed.
        StorageError: The database cannot be reached.
    """
    import uvicorn

    from vid_diffusion_bench.server.app import create_app

    app = create_app(settings)
    listening = _listening(host, port)
    server = uvicorn.Server(configured(app, settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        # For a signal that comes before uvicorn listens to them; those after it answers, and raises again at its end.
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    with _Workers(workers, settings.drain_seconds):
        logger.info("listening at %s, with %d worker%s", _url(host, port), workers, "s" * (workers != 1))
        server.run(sockets=[listening])
        logger.info("ending: nothing new is taken, and what runs goes back into the queue")


def configured(app: Any, settings: ServerSettings) -> uvicorn.Config:
    """How uvicorn serves the application: without names of software, and with bounds on what a client may send."""
    import uvicorn

    from vid_diffusion_bench.server.connections import Connection
    from vid_diffusion_bench.server.middleware import MOST_HEAD

    return uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        h11_max_incomplete_event_size=MOST_HEAD,
        ws_max_size=1 << 16,
        # A few bytes of a message that is compressed can be 64 kB, and thousands of them come in one read.
        ws_per_message_deflate=False,
    )


def new_worker(settings: ServerSettings) -> Worker:
    """A worker of the queue and folder of ``settings``."""
    return Worker(
        settings.database,
        settings.data_root,
        lease_seconds=settings.lease_seconds,
        timeout=settings.benchmark_timeout,
        memory=settings.worker_memory_gb,
        grace=settings.drain_seconds,
    )


def work(settings: ServerSettings, *, until_stdin_ends: bool = False) -> None:
    """Work until SIGTERM or SIGINT, or until the program that started this one is gone.

    Raises:
        ValidationError: A setting is not allowed.
    """
    worker = new_worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.drain())
    if until_stdin_ends:
        threading.Thread(target=_drain_with_stdin, args=(worker,), daemon=True).start()
    worker.run()


def _drain_with_stdin(worker: Worker) -> None:
    # By its number: a thread that waits in sys.stdin holds its lock, and an interpreter that ends dies of that.
    while os.read(0, 1024):
        pass
    worker.drain()


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise ValidationError(
            f"{host}:{port} cannot be listened at: {error}", remedy="choose another --port, or end what listens there"
        ) from error
    # asyncio sets this only on sockets that it made itself; what is accepted inherits it. Without it an answer's body
    # waits until the client acknowledges its head: 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@dataclass
class _Slot:
    """One worker's place: the process, and when it may be started again."""

    process: subprocess.Popen[bytes] | None = None
    rest: float = 0.0
    not_before: float = 0.0
    started: float = 0.0


class _Workers:
    """Programs of their own: what becomes of them does not touch the API. Their input ends when this process does."""

    def __init__(self, number: int, drain_seconds: float) -> None:
        self._slots = [_Slot() for _ in range(number)]
        self._drain = drain_seconds
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> None:
        self._keeper.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._keeper.join()
        running = [slot.process for slot in self._slots if slot.process]
        for process in running:
            process.terminate()
        end = time.monotonic() + self._drain + _SLACK
        for process in running:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.warning("worker %d did not end and is killed", process.pid)
                process.kill()
                process.wait()

    def _keep(self) -> None:
        while not self._ending.wait(LOOK):
            for slot in self._slots:
                self._look_at(slot)

    def _look_at(self, slot: _Slot) -> None:
        now = time.monotonic()
        if slot.process is not None and (code := slot.process.poll()) is not None:
            first, most = REST
            slot.rest = first if now - slot.started > most else min(most, 2 * slot.rest or first)
            logger.error("worker %d ended with exit code %d; another starts in %g s", slot.process.pid, code, slot.rest)
            slot.process, slot.not_before = None, now + slot.rest
        if slot.process is None and now >= slot.not_before:
            command = [sys.executable, "-c", PROGRAM, "worker", "--until-stdin-ends"]
            try:
                slot.process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - this program
            except OSError as error:
                logger.warning("no worker can be started now: %s", error.strerror or error)
                slot.not_before = now + REST[1]
            slot.started = now
