"""Faults of a job: a clock that moves, a full disk, two workers, cancelling and ending at once. Nothing is lost or done
twice."""

import resource
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import text

from vid_diffusion_bench.database.tables import samples, workers
from vid_diffusion_bench.exceptions import ConflictError, ModelNotFoundError, StorageError, UnreadableStoreError
from vid_diffusion_bench.jobs import JobQueue, Leases, NewJob, Watch
from vid_diffusion_bench.jobs.child import Ended, Made
from vid_diffusion_bench.jobs.outcome import Outcome
from vid_diffusion_bench.jobs.record import Recorder
from vid_diffusion_bench.jobs.runner import Runner
from vid_diffusion_bench.jobs.supervision import PATIENCE, Supervision
from vid_diffusion_bench.results import SampleRecord
from worker_programs import PROMPTS, SLOW, Workers, check_agrees, child_of, ended, made, rows, submit, until

HOUR = 3600.0
ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What rests on processes and not on the database runs over one of them."""
MOVED = """
import time
from pathlib import Path
real = time.time
time.time = lambda: real() + float(Path({file!r}).read_text())
"""
FULL = "Waiting for the disk"


@pytest.fixture
def queue(database):
    return JobQueue(database)


@pytest.fixture
def start(database_url, tmp_path):
    """Starts workers."""
    with Workers(database_url, tmp_path) as workers:
        yield workers


def at_once(*functions):
    """What each gives, or raises, of functions that begin together."""
    barrier, found = threading.Barrier(len(functions)), [None] * len(functions)

    def go(index):
        barrier.wait()
        try:
            found[index] = functions[index]()
        except ConflictError as error:
            found[index] = error

    threads = [threading.Thread(target=go, args=(index,)) for index in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def waiting(queue):
    return queue.submit([NewJob("owner", ["m"], {})])[0]


def finish(leases, lease):
    """End a benchmark as a worker does: cancelled if it was told so in time."""
    if leases.beat(lease):
        return Recorder(leases, lease).ended(Outcome("cancelled"))
    figures = {"metrics": {"x": 1.0}, "metric_results": {"x": {}}, "performance": {}, "performance_results": {}}
    values = [{"model": "m", "metric": "x", "value": 1.0, "protocol": "p", "result": {}}]
    return Recorder(leases, lease).ended(Outcome("completed", {"m": figures}, values, 1.0))


def test_two_workers_and_one_benchmark(database, queue, start):
    start()
    start()
    until(lambda: len(rows(database, workers)) == 2)
    job = submit(queue, prompts=PROMPTS[:2])
    assert ended(queue, job).attempts == 1
    assert check_agrees(database, job.id) == "completed"


@ONCE
def test_a_clock_that_moves_an_hour_takes_no_lease(database, queue, start, tmp_path):
    def move(seconds):
        (tmp_path / "next").write_text(str(seconds))
        (tmp_path / "next").replace(tmp_path / "moved")

    move(0)
    job = submit(queue, prompts=[*PROMPTS, *(f"{prompt}, again" for prompt in PROMPTS)], **SLOW)
    start(lease=1.0, before=MOVED.format(file=str(tmp_path / "moved")))
    until(lambda: queue.get(job.id).attempts == 1)
    start(lease=1.0)
    for seconds, after in ((HOUR, 2), (-HOUR, 5)):
        until(lambda after=after: queue.get(job.id).done_samples >= after)
        move(seconds)
    done = ended(queue, job)
    assert (done.status, done.attempts) == ("completed", 1)
    assert check_agrees(database, job.id) == "completed"
    assert "its worker is gone" not in start.log.read_text()
    assert abs(done.completed_at - done.started_at + HOUR) < 600, "the clock of the worker did move"


@pytest.mark.parametrize("shift", [HOUR, -HOUR])
def test_a_lease_ends_after_its_length_whatever_the_time_of_day(database, queue, monkeypatch, shift):
    job = waiting(queue)
    leases, now = Leases(database, "w"), [0.0]
    watch = Watch(database, 30, lambda: now[0])
    lease = leases.claim()
    assert watch.look() == []
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + shift)
    now[0] = 29
    assert watch.look() == []
    leases.beat(lease)
    now[0] = 31
    assert watch.look() == []
    now[0] = 60
    assert watch.look() == []
    now[0] = 61
    assert watch.look() == [job.id]


def test_who_slept_has_seen_nothing(database, queue):
    job = waiting(queue)
    leases, now = Leases(database, "w"), [0.0]
    watch = Watch(database, 30, lambda: now[0])
    leases.claim()
    assert watch.look() == []
    now[0] = 1000
    assert watch.look() == [], "the worker that holds it may have slept as well"
    now[0] = 1029
    assert watch.look() == []
    now[0] = 1030
    assert watch.look() == [job.id]


def full(pid, bytes_):
    """No file of the process grows beyond this: the system says EFBIG, as it says ENOSPC on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))


@ONCE
def test_a_full_disk_is_waited_for(database, queue, start):
    job = submit(queue, **SLOW)
    child = child_of(start())
    until(lambda: queue.get(job.id).done_samples >= 1)
    full(child.pid, 4096)
    until(lambda: queue.get(job.id).current_task == FULL)
    before = made(database, job)
    until(lambda: start.log.read_text().count("cannot be written") >= 2)
    assert queue.get(job.id).status == "running"
    full(child.pid, resource.RLIM_INFINITY)
    done = ended(queue, job)
    assert (done.status, done.attempts) == ("completed", 1)
    assert before.items() <= made(database, job).items(), "nothing was made twice"
    assert check_agrees(database, job.id) == "completed"


@ONCE
def test_on_a_full_disk_it_is_cancelled_and_at_last_it_fails(database, queue, tmp_path):
    runner, leases = Runner(), Leases(database, "w")
    try:
        for expected in ("cancelled", "failed"):
            job = submit(queue, prompts=PROMPTS[:1], **SLOW)
            lease = leases.claim()
            hurry = 1.0 if expected == "cancelled" else PATIENCE
            clock = lambda hurry=hurry: hurry * time.monotonic()  # noqa: E731 - a clock, not a function
            work = Supervision(lease, leases, runner, tmp_path, 1e9, threading.Event(), clock=clock)
            thread = threading.Thread(target=work.run)
            thread.start()
            until(lambda: runner.pid)
            full(runner.pid, 4096)
            if expected == "cancelled":
                until(lambda job=job: queue.get(job.id).current_task == FULL)
                queue.cancel(job.id)
            thread.join(60)
            assert check_agrees(database, job.id) == expected
    finally:
        runner.kill()
    error = queue.get(job.id).error
    assert error["code"] == "STORAGE_FAILED"
    assert "cannot be written" in error["message"]
    assert "what is measured is kept" in error["remedy"]


@ONCE
def test_a_sample_that_failed_counts_once_however_often_it_is_told(database, queue):
    job = waiting(queue)
    leases = Leases(database, "w")
    recorder = Recorder(leases, leases.claim())
    fields = {"model": "m", "prompt": "p", "prompt_id": "p", "index": 0, "seed": 1, "parameters": {}, "manifest": ""}
    failed = SampleRecord(key="k", status="failed", **fields)
    with database.writing() as connection:
        connection.execute(text("CREATE TRIGGER t BEFORE INSERT ON samples BEGIN SELECT RAISE(ABORT, 'full'); END"))
    for _ in range(3):
        with pytest.raises(StorageError):
            recorder.made(failed, 1, 1)
    with database.writing() as connection:
        connection.execute(text("DROP TRIGGER t"))
    recorder.made(failed, 1, 1)
    assert queue.get(job.id).failed_samples == len(rows(database, samples)) == 1
    recorder.made(failed.model_copy(update={"status": "completed"}), 1, 1)
    assert queue.get(job.id).failed_samples == 0


@pytest.mark.parametrize("tries", [15, pytest.param(500, marks=pytest.mark.slow)])
def test_cancelling_and_ending_at_once(database, queue, tries, record_property):
    leases, seen = Leases(database, "w"), Counter()
    for _ in range(tries):
        job = waiting(queue)
        lease = leases.claim()
        refused, _ = at_once(lambda job=job: queue.cancel(job.id), lambda lease=lease: finish(leases, lease))
        status = check_agrees(database, job.id)
        assert status in (["completed"] if isinstance(refused, ConflictError) else ["completed", "cancelled"])
        seen[status] += 1
    record_property("seen", dict(seen))


@pytest.mark.parametrize("tries", [15, pytest.param(500, marks=pytest.mark.slow)])
def test_cancelling_twice_and_claiming_at_once(database, queue, tries, record_property):
    leases, seen = Leases(database, "w"), Counter()
    for _ in range(tries):
        job = waiting(queue)
        cancel = lambda job=job: queue.cancel(job.id)  # noqa: E731 - a step of the race
        first, second, lease = at_once(cancel, cancel, leases.claim)
        if lease is None:
            assert sum(isinstance(found, ConflictError) for found in (first, second)) == 1
        else:
            finish(leases, lease)
        assert check_agrees(database, job.id) == "cancelled"
        seen["not claimed" if lease is None else "claimed"] += 1
    record_property("seen", dict(seen))


@pytest.mark.parametrize("cancel_first", [True, False])
def test_both_orders_of_cancelling_and_ending(database, queue, cancel_first):
    job, leases = waiting(queue), Leases(database, "w")
    lease = leases.claim()
    if cancel_first:
        assert queue.cancel(job.id).status == "running"
        finish(leases, lease)
    else:
        finish(leases, lease)
        with pytest.raises(ConflictError):
            queue.cancel(job.id)
    assert check_agrees(database, job.id) == ("cancelled" if cancel_first else "completed")


class Told:
    """A process that tells what is given, and nothing after it."""

    def __init__(self, *news):
        self.news, self.killed = list(news), False

    def run(self, task):
        pass

    def receive(self, seconds):
        return self.news.pop(0) if self.news else None

    def kill(self):
        self.killed = True


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_the_database_does_not_take_fails_the_benchmark_and_is_not_tried_for_ever(database, queue, tmp_path):
    job, leases = waiting(queue), Leases(database, "w")
    fields = {"model": "m", "prompt": "p", "prompt_id": "a\0b", "index": 0, "seed": 1, "parameters": {}, "manifest": ""}
    runner = Told(Made(SampleRecord(key="k", status="completed", **fields), 1, 1))
    Supervision(leases.claim(), leases, runner, tmp_path, 1e9, threading.Event()).run()
    assert check_agrees(database, job.id) == "failed"
    assert queue.get(job.id).error["code"] == "DATA_REFUSED"
    assert runner.killed
    assert rows(database, samples) == []


@ONCE
@pytest.mark.parametrize("error", [UnreadableStoreError("version 9"), ModelNotFoundError("m")])
def test_what_waiting_does_not_mend_is_not_waited_for(database, queue, tmp_path, error):
    job, leases = waiting(queue), Leases(database, "w")
    runner = Told(Ended(Outcome("failed", error={"code": error.code, "message": error.message, "details": {}})))
    Supervision(leases.claim(), leases, runner, tmp_path, 1e9, threading.Event()).run()
    assert queue.get(job.id).error["code"] == error.code
