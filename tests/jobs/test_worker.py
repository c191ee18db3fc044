"""Workers: real processes that run the real engine on a tiny pipeline, over SQLite and PostgreSQL."""

import json
import os
import signal
import time

import pytest
from sqlalchemy import text

from database_fixtures import with_tables
from vid_diffusion_bench.database.tables import metric_values, samples, workers
from vid_diffusion_bench.exceptions import ConflictError
from vid_diffusion_bench.jobs import EventLog, JobQueue
from worker_programs import PROMPTS, SLOW, Workers, check_agrees, child_of, ended, made, rows, submit, until

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What rests on processes and not on the database runs over one of them."""


@pytest.fixture
def folder(tiny):
    return str(tiny("latte"))


@pytest.fixture
def queue(database):
    return JobQueue(database)


def tiny_clips(steps):
    """What a tiny pipeline is asked for; hundreds of steps make a clip that takes a while."""
    return {"num_frames": 4, "height": 32, "width": 32, "num_inference_steps": steps}


@pytest.fixture
def start(database_url, tmp_path):
    """Starts workers."""
    with Workers(database_url, tmp_path) as workers:
        yield workers


@pytest.fixture(scope="module")
def at_work(tmp_path_factory):
    """A worker that tests share, as they do not kill it, and the database of its queue."""
    folder = tmp_path_factory.mktemp("at-work")
    own = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HF_HOME", "VIDBENCH_CACHE_DIR")
    url = f"sqlite:///{folder / 'server.sqlite'}"
    with with_tables(url) as database, Workers(url, folder, dict.fromkeys(own, str(folder))) as start:
        start()
        yield database, start


@pytest.fixture
def shared(at_work):
    """The queue of :func:`at_work`."""
    return JobQueue(at_work[0])


def test_a_benchmark_runs_and_leaves_everything(database, queue, start):
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
    assert (start.data / "runs" / job.id / "results.json").is_file()
    assert check_agrees(database, job.id) == "completed"


@ONCE
def test_a_killed_process_takes_nothing_with_it(database, queue, start):
    job = submit(queue, **SLOW)
    worker = start()
    until(lambda: queue.get(job.id).done_samples >= 1)
    child_of(worker).kill()
    done = ended(queue, job)
    assert (done.status, done.done_samples, done.attempts) == ("completed", 4, 2)
    assert worker.poll() is None
    assert len(made(database, job)) == 4


def test_another_worker_goes_on_after_kill_9(database, queue, start):
    job = submit(queue, **SLOW)
    first = start(lease=2.0)
    until(lambda: queue.get(job.id).done_samples >= 1)
    before = made(database, job)
    first.kill()
    start(lease=2.0)
    done = ended(queue, job)
    assert (done.status, done.done_samples) == ("completed", 4)
    assert before.items() <= made(database, job).items(), "nothing was made twice"
    assert check_agrees(database, job.id) == "completed"


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


def test_cancelled_within_a_step_with_what_was_measured_kept(at_work, shared, folder):
    job = submit(shared, folder, prompts=PROMPTS[:2], **tiny_clips(500))
    until(lambda: (shared.get(job.id).current_task or "").startswith("Generating"))
    shared.cancel(job.id)
    asked = time.monotonic()
    done = ended(shared, job)
    assert done.status == "cancelled"
    assert done.done_samples < 2
    assert time.monotonic() - asked < 20, "500 steps take longer"
    assert check_agrees(at_work[0], job.id) == "cancelled"


def test_a_time_out_of_its_own(shared, folder):
    job = submit(shared, folder, prompts=PROMPTS[:1], options={"timeout_seconds": 1.0}, **tiny_clips(900))
    done = ended(shared, job)
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


@pytest.mark.parametrize(
    ("config", "code"),
    [({"models": ["no-such-model"]}, "MODEL_NOT_FOUND"), ({"metrics": ["no-such-metric"]}, "METRIC_NOT_FOUND")],
)
def test_what_cannot_run_has_failed_with_its_error(shared, config, code):
    job = submit(shared, **config)
    done = ended(shared, job)
    assert (done.status, done.error["code"]) == ("failed", code)


def test_a_model_stays_loaded_for_the_next_benchmark(shared, folder):
    other, size = submit(shared, prompts=PROMPTS[:1], models=["shapes-oracle", "shapes-small"]), tiny_clips(2)
    first, second = submit(shared, folder, **size), submit(shared, folder, prompts=["another"], **size)
    assert ended(shared, other).status == "completed"  # over several models: none stays loaded
    assert ended(shared, first).results[folder]["load_seconds"] > 0
    assert ended(shared, second).results[folder]["load_seconds"] is None


def test_what_the_database_refuses_waits_in_the_worker(at_work, shared):
    """The trigger refuses every write to `samples` for a while, as a full disk does."""
    database, start = at_work
    refuse = "CREATE TRIGGER full BEFORE INSERT ON samples BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    with database.writing() as connection:
        connection.execute(text(refuse))
    try:
        job = submit(shared)
        until((start.data / "runs" / job.id / "results.json").is_file)
        until(lambda: start.log.read_text().count("database or disk is full") > 4)
        assert shared.get(job.id).status == "running"
    finally:
        with database.writing() as connection:
            connection.execute(text("DROP TRIGGER full"))
    done = ended(shared, job)
    assert (done.status, done.done_samples, done.attempts) == ("completed", 4, 1)
    assert check_agrees(database, job.id) == "completed"


@pytest.mark.parametrize("tries", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_cancelled_at_any_moment_everything_agrees(at_work, shared, tries):
    database, start = at_work
    seen = []
    for number in range(tries):
        job = submit(shared, prompts=PROMPTS[:2], num_frames=17, height=128, width=128)
        if number == tries - 1:
            ended(shared, job)
        time.sleep(1.2 * number / tries)
        try:
            shared.cancel(job.id)
        except ConflictError:
            assert shared.get(job.id).status == "completed"
        seen.append(ended(shared, job).status)
        assert check_agrees(database, job.id) == seen[-1]
        file = start.data / "runs" / job.id / "results.json"
        if file.exists():
            assert json.loads(file.read_text())["status"] == {"cancelled": "interrupted"}.get(seen[-1], seen[-1])
    assert set(seen) == {"cancelled", "completed"}
