"""A server as a user starts it: `vid-bench serve` as a program, over a real socket."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx2

from vid_diffusion_bench.server.serve import PROGRAM


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Live:
    """The program, where it listens, and the key of its first start."""

    def __init__(self, folder, workers=1, **variables):
        self.folder, self.workers, self.key = folder, workers, None
        self.variables = {f"VIDBENCH_{name.upper()}": str(value) for name, value in variables.items()}
        self.port = free_port()
        self.log = folder / "serve.log"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/api/v1"

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", PROGRAM, "serve", "--port", str(self.port), "--workers", str(self.workers)]
        variables = {**os.environ, "VIDBENCH_DATA_ROOT": str(self.folder / "data"), **self.variables}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, env=variables, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while True:
            try:
                httpx2.get(f"{self.url}/health", timeout=5)
                break
            except httpx2.TransportError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < end, self.log.read_text()
                time.sleep(0.05)
        shown = re.search(r"vdb_\S+", self.log.read_text())
        self.key = self.key or (shown and shown[0])

    def client(self, **more):
        return httpx2.Client(base_url=self.url, headers={"X-API-Key": self.key}, timeout=30, **more)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=90):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def served(folder, workers=1, **variables):
    """A running :class:`Live`, ended and gone afterwards."""
    live = Live(folder, workers, **variables)
    live.start()
    try:
        yield live
    finally:
        if live.process.poll() is None:
            live.kill()
