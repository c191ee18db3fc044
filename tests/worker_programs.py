"""Workers as programs of their own, benchmarks for them, and what they left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
from sqlalchemy import select

from vid_diffusion_bench.database.tables import benchmarks, metric_values, samples
from vid_diffusion_bench.jobs import EventLog, NewJob

PROMPTS = [f"a red circle moving left on a {colour} background" for colour in ("black", "white", "gray", "blue")]
SLOW = {"num_frames": 65, "height": 256, "width": 256}
"""A clip of the oracle then takes some half a second."""
PROGRAM = """
import logging, signal, sys
from pathlib import Path
from vid_diffusion_bench.jobs.worker import Worker
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
if __name__ == "__main__":
    worker = Worker(sys.argv[1], Path(sys.argv[2]), lease_seconds=float(sys.argv[3]))
    signal.signal(signal.SIGTERM, lambda *_: worker.drain())
    worker.run()
"""


class Workers:
    """Starts workers of one queue, with ``variables`` in their environment; what is left is killed at the end."""

    def __init__(self, database_url, folder, variables=None):
        self.log, self.data = folder / "log", folder / "data"
        self._url, self._folder = database_url, folder
        self._variables = {**os.environ, **(variables or {})}
        self._running = []

    def __enter__(self):
        return self

    def __call__(self, lease=3.0, before=""):
        """A worker; ``before`` is run first by each of its processes."""
        program = self._folder / f"worker_{len(self._running)}.py"
        program.write_text(before + PROGRAM)
        command = [sys.executable, str(program), self._url, str(self.data), str(lease)]
        with self.log.open("a") as log:
            process = subprocess.Popen(command, start_new_session=True, stderr=log, env=self._variables)
        self._running.append(process)
        return process

    def __exit__(self, *_):
        for process in self._running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def submit(queue, model="shapes-oracle", *, prompts=PROMPTS, options=None, **config):
    config = {"models": [model], "prompts": prompts, "metrics": ["sharpness"], "warmup": 0, "device": "cpu", **config}
    return queue.submit([NewJob("owner", [model], config, options=options or {}, total_samples=len(prompts))])[0]


def until(true, seconds=120):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)
    return found


def ended(queue, job, seconds=120):
    return until(lambda: (now := queue.get(job.id)).has_ended and now, seconds)


def child_of(process):
    """The process in which a worker runs the engine."""
    return until(
        lambda: [p for p in psutil.Process(process.pid).children() if "resource_tracker" not in str(p.cmdline())]
    )[0]


def rows(database, table, **where):
    with database.reading() as connection:
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        return connection.execute(query).mappings().all()


def made(database, job):
    """When each clip of a benchmark was made, by its key."""
    return {row["key"]: row["record"]["created_at"] for row in rows(database, samples, benchmark_id=job.id)}


def check_agrees(database, benchmark_id):
    """An ended benchmark's row, events, samples and figures say the same; gives its status."""
    (row,) = rows(database, benchmarks, id=benchmark_id)
    events, after = [], 0
    while batch := EventLog(database).after(benchmark_id, after):
        events, after = [*events, *batch], batch[-1].number
    assert [event.number for event in events] == list(range(1, row["last_event"] + 1))
    ends = [event for event in events if event.type not in ("benchmark.started", "benchmark.progress")]
    assert [event.type for event in ends] == [f"benchmark.{row['status']}"]
    assert ends[0] is events[-1]
    assert [event.type for event in events].count("benchmark.started") == row["attempts"]
    assert (row["lease"], row["completed_at"] is None) == (None, False)
    figures = {(value["model"], value["metric"]) for value in rows(database, metric_values, benchmark_id=benchmark_id)}
    told = {
        (model, name)
        for model, found in (row["results"] or {}).items()
        for name in (*found["metric_results"], *found["performance_results"])
    }
    assert figures == told
    clips = rows(database, samples, benchmark_id=benchmark_id)
    assert row["done_samples"] == len(clips)
    if row["status"] == "completed":
        assert ends[0].data["results"] == {model: found["metrics"] for model, found in row["results"].items()}
        assert len(clips) == row["total_samples"]
    return row["status"]
