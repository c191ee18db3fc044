"""A client for loads over loopback that costs little itself: plain sockets that stay open, one thread."""

from __future__ import annotations

import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Answers:
    """Seconds from the first byte sent to the last received, one a request; seconds of all; statuses."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    statuses: set[int] = field(default_factory=set)


def get(path: str, key: str | None = None) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [f"X-API-Key: {key}"] if key else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def load(port: int, requests: Sequence[bytes], count: int, connections: int = 4) -> Answers:
    """Send ``requests`` in turn, ``count`` in all, one at a time on each of ``connections``."""
    answers, waiting = Answers(), islice(cycle(requests), count)
    with selectors.DefaultSelector() as selector:
        begun = time.perf_counter()
        for _ in range(min(connections, count)):
            one = _Connection(port)
            selector.register(one.socket, selectors.EVENT_READ, one)
            one.send(next(waiting))
        while selector.get_map():
            for ready, _ in selector.select():
                one = ready.data
                if not one.receive(answers):
                    continue
                if (request := next(waiting, None)) is None:
                    selector.unregister(one.socket)
                    one.socket.close()
                else:
                    one.send(request)
        answers.seconds = time.perf_counter() - begun
    return answers


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self._got, self._sent = b"", time.perf_counter()
        self.socket.sendall(request)

    def receive(self, answers: Answers) -> bool:
        """Take what is there; whether the answer is whole."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed a connection")
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or len(body) < int(_LENGTH.search(head)[1]):  # type: ignore[index]
            return False
        answers.latencies.append(time.perf_counter() - self._sent)
        answers.statuses.add(int(head[9:12]))
        return True


@contextmanager
def program(*command: str, port: int) -> Iterator[psutil.Process]:
    """A server that is a program of its own, once it listens on ``port``; ended afterwards."""
    # A session of its own, as the other server has: schedulers may give each session its share.
    process = subprocess.Popen([sys.executable, *command], start_new_session=True)
    try:
        end = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, "it ended"
                assert time.monotonic() < end, "it does not listen"
                time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(process: psutil.Process) -> float:
    """Of the process so far, user and system."""
    times = process.cpu_times()
    return times.user + times.system


def megabytes(process: psutil.Process) -> float:
    """Resident memory."""
    return round(process.memory_info().rss / 2**20, 1)
