"""Workers: real processes that run the real engine on a tiny pipeline, over SQLite and PostgreSQL."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from vid_diffusion_bench.database.tables import metric_values, samples, workers
from vid_diffusion_bench.jobs import EventLog, JobQueue, NewJob
from vid_diffusion_bench.jobs.worker import Worker

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


ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What rests on processes and not on the database runs over one of them."""


@pytest.fixture
def folder(tiny):
    return str(tiny("latte"))


@pytest.fixture
def queue(database):
    return JobQueue(database)


def submit(queue, model="shapes-oracle", *, prompts=PROMPTS, options=None, **config):
    config = {"models": [model], "prompts": prompts, "metrics": ["sharpness"], "warmup": 0, "device": "cpu", **config}
    return queue.submit([NewJob("owner", [model], config, options=options or {}, total_samples=len(prompts))])[0]


def tiny_clips(steps):
    """What a tiny pipeline is asked for; hundreds of steps make a clip that takes a while."""
    return {"num_frames": 4, "height": 32, "width": 32, "num_inference_steps": steps}


@pytest.fixture
def start(database_url, tmp_path):
    """Start workers as programs of their own; what is left of them is killed."""
    running = []
    program = tmp_path / "worker.py"
    program.write_text(PROGRAM)

    def begin(lease=3.0):
        command = [sys.executable, str(program), database_url, str(tmp_path / "data"), str(lease)]
        process = subprocess.Popen(command, start_new_session=True, stderr=(tmp_path / "log").open("a"))
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(true, seconds=240):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)
    return found


def ended(queue, job, seconds=240):
    return until(lambda: (now := queue.get(job.id)).has_ended and now, seconds)


def child_of(process):
    import psutil

    return until(
        lambda: [p for p in psutil.Process(process.pid).children() if "resource_tracker" not in str(p.cmdline())]
    )[0]


def rows(database, table):
    with database.reading() as connection:
        return connection.execute(select(table)).mappings().all()


def test_a_benchmark_runs_and_leaves_everything(database, queue, start, tmp_path):
    job = submit(queue)
    start()
    done = ended(queue, job)
    assert (done.status, done.done_samples, done.total_samples, done.failed_samples) == ("completed", 4, 4, 0)
    found = done.results["shapes-oracle"]
    assert found["success_rate"] == 1.0
    assert found["metrics"]["sharpness"] == found["metric_results"]["sharpness"]["value"]
    assert done.summary["avg_latency_ms"] == found["performance"]["avg_latency_ms"] > 0
    assert done.execution_time > 0
    records = [row["record"] for row in rows(database, samples)]
    assert {record["prompt"] for record in records} == set(PROMPTS)
    assert all(record["scores"]["sharpness"]["value"] is not None for record in records)
    figures = {row["metric"]: row["value"] for row in rows(database, metric_values)}
    assert figures["avg_latency_ms"] == done.summary["avg_latency_ms"]
    seen = EventLog(database).after(job.id, 0)
    assert (seen[0].type, seen[-1].type) == ("benchmark.started", "benchmark.completed")
    assert seen[-1].data["results"] == {"shapes-oracle": found["metrics"]}
    progress = [event.data for event in seen if event.type == "benchmark.progress"]
    assert [p["completed_prompts"] for p in progress] == sorted(p["completed_prompts"] for p in progress)
    assert progress[-1]["percentage"] == 100.0
    assert (tmp_path / "data" / "runs" / job.id / "results.json").is_file()


@ONCE
def test_a_killed_process_takes_nothing_with_it(database, queue, start):
    job = submit(queue, **SLOW)
    worker = start()
    until(lambda: queue.get(job.id).done_samples >= 1)
    child_of(worker).kill()
    done = ended(queue, job)
    assert (done.status, done.done_samples, done.attempts) == ("completed", 4, 2)
    assert worker.poll() is None
    made = [row["record"]["created_at"] for row in rows(database, samples)]
    assert len(made) == 4


def test_another_worker_goes_on_after_kill_9(database, queue, start):
    job = submit(queue, **SLOW)
    first = start(lease=2.0)
    until(lambda: queue.get(job.id).done_samples >= 1)
    before = {row["key"]: row["record"]["created_at"] for row in rows(database, samples)}
    first.kill()
    start(lease=2.0)
    done = ended(queue, job)
    assert (done.status, done.done_samples) == ("completed", 4)
    after = {row["key"]: row["record"]["created_at"] for row in rows(database, samples)}
    assert len(after) == 4
    assert before.items() <= after.items(), "nothing was made twice"
    assert [event.type for event in EventLog(database).after(job.id, 0)].count("benchmark.completed") == 1


@ONCE
def test_a_process_that_hangs_loses_its_lease_with_its_worker(queue, start):
    job = submit(queue, **SLOW)
    first = start(lease=2.0)
    until(lambda: queue.get(job.id).done_samples >= 1)
    os.killpg(first.pid, signal.SIGSTOP)
    start(lease=2.0)
    until(lambda: queue.get(job.id).attempts == 2)
    os.killpg(first.pid, signal.SIGCONT)
    done = ended(queue, job)
    assert (done.status, done.done_samples) == ("completed", 4)


@ONCE
def test_two_workers_and_one_benchmark(queue, start):
    job = submit(queue)
    start()
    start()
    assert ended(queue, job).attempts == 1


@ONCE
def test_cancelled_within_a_step_with_what_was_measured_kept(database, queue, folder, start):
    job = submit(queue, folder, prompts=PROMPTS[:2], **tiny_clips(500))
    start(lease=1.0)
    until(lambda: (queue.get(job.id).current_task or "").startswith("Generating"))
    queue.cancel(job.id)
    asked = time.monotonic()
    done = ended(queue, job)
    assert done.status == "cancelled"
    assert done.done_samples < 2
    assert time.monotonic() - asked < 20, "500 steps take longer"
    assert EventLog(database).after(job.id, 0)[-1].type == "benchmark.cancelled"


@ONCE
def test_a_time_out_of_its_own(queue, folder, start):
    job = submit(queue, folder, prompts=PROMPTS[:1], options={"timeout_seconds": 1.0}, **tiny_clips(5000))
    start(lease=2.0)
    done = ended(queue, job)
    assert done.status == "failed"
    assert done.error["code"] == "BENCHMARK_TIMEOUT"


@ONCE
def test_drained_it_goes_back_into_the_queue(database, queue, start):
    job = submit(queue, **SLOW)
    worker = start()
    until(lambda: queue.get(job.id).done_samples >= 1)
    worker.terminate()
    assert worker.wait(60) == 0
    waiting = queue.get(job.id)
    assert (waiting.status, waiting.deaths) == ("submitted", 0)
    assert rows(database, workers) == []
    start()
    assert ended(queue, job).status == "completed"


@ONCE
@pytest.mark.parametrize(
    ("config", "code"),
    [({"models": ["no-such-model"]}, "MODEL_NOT_FOUND"), ({"metrics": ["no-such-metric"]}, "METRIC_NOT_FOUND")],
)
def test_what_cannot_run_has_failed_with_its_error(queue, start, config, code):
    job = submit(queue, **config)
    start()
    done = ended(queue, job)
    assert (done.status, done.error["code"]) == ("failed", code)


@ONCE
def test_a_model_stays_loaded_for_the_next_benchmark(queue, folder, start):
    size = tiny_clips(2)
    first, second = submit(queue, folder, **size), submit(queue, folder, prompts=["another"], **size)
    start()
    assert ended(queue, first).results[folder]["load_seconds"] > 0
    assert ended(queue, second).results[folder]["load_seconds"] is None


@ONCE
def test_the_worker_outlives_a_database_that_goes_away(database, queue, tmp_path):
    """The trigger refuses every write to `samples` for a while, as a full disk does."""
    from sqlalchemy import text

    job = submit(queue)
    with database.writing() as connection:
        connection.execute(text(
            "CREATE TRIGGER full BEFORE INSERT ON samples BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        ))  # fmt: skip
    worker = Worker(database.url, tmp_path / "data", lease_seconds=5)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        until((tmp_path / "data" / "runs" / job.id / "results.json").is_file)
        time.sleep(1)
        assert queue.get(job.id).status == "running"
        with database.writing() as connection:
            connection.execute(text("DROP TRIGGER full"))
        done = ended(queue, job)
    finally:
        worker.drain()
        thread.join()
    assert (done.status, done.done_samples) == ("completed", 4)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(samples)).scalar() == 4
    assert Path(tmp_path / "data").is_dir()
