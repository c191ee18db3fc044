"""The queue and its leases, over SQLite and PostgreSQL alike."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from vid_diffusion_bench.database import Database, upgrade
from vid_diffusion_bench.database.tables import metadata
from vid_diffusion_bench.exceptions import (
    BenchmarkNotFoundError,
    ConflictError,
    LeaseLostError,
    ServerOverloadedError,
    StorageError,
    ValidationError,
)
from vid_diffusion_bench.jobs import EventLog, Filter, JobQueue, Leases, NewJob, Watch


class Clock:
    """A clock that only the test moves."""

    now = 0.0

    def __call__(self):
        return self.now


def job(**fields):
    return NewJob(**{"owner": "owner", "models": ["m"], "config": {"prompts": ["p"]}, **fields})


def end(leases, lease, status):
    with leases.ending(lease, status, {"status": status}):
        pass


def test_steps_make_the_tables_that_the_code_has(database):
    upgrade(database)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_submitted_is_found_again(database):
    queue = JobQueue(database)
    (made,) = queue.submit([job(name="n", metadata={"a": 1}, options={"compute_metrics": False}, total_samples=3)])
    assert queue.get(made.id) == made
    assert (made.status, made.name, made.metadata, made.total_samples) == ("submitted", "n", {"a": 1}, 3)
    with pytest.raises(BenchmarkNotFoundError):
        queue.get("bench_none")


def test_pages_filter_and_order(database):
    queue = JobQueue(database)
    made = [queue.submit([job(models=[name])])[0] for name in ("a", "b", "a", "b", "a")]
    assert [found.id for found in queue.page(Filter(), limit=2)] == [made[4].id, made[3].id]
    assert [found.id for found in queue.page(Filter(), sort="created_at", page=3, limit=2)] == [made[4].id]
    assert queue.count(Filter(model_name="a")) == 3
    assert queue.count(Filter(created_after=made[2].created_at)) == 2
    assert queue.count(Filter(status="running")) == 0
    assert queue.count(Filter(owner="nobody")) == 0
    with pytest.raises(ValidationError, match="sort"):
        queue.page(Filter(), sort="name")


def test_a_full_queue_takes_all_or_none(database):
    queue = JobQueue(database, limit=2)
    queue.submit([job()])
    with pytest.raises(ServerOverloadedError) as refused:
        queue.submit([job(), job()])
    assert refused.value.retry_after > 0
    assert queue.count(Filter()) == 1


def test_claims_go_by_priority_and_then_by_age(database):
    queue = JobQueue(database)
    first, second, urgent = (queue.submit([job(priority=p)])[0] for p in (0, 0, 5))
    leases = Leases(database, "w")
    assert [leases.claim().job.id for _ in range(3)] == [urgent.id, first.id, second.id]
    assert leases.claim() is None


def test_no_job_is_claimed_twice_by_many_at_once(database):
    queue = JobQueue(database)
    queue.submit([job() for _ in range(20)])
    got, lock = [], threading.Lock()

    def work(name):
        leases = Leases(database, name)
        while lease := leases.claim():
            with lock:
                got.append(lease.job.id)

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 20


def test_events_are_numbered_without_gaps_and_replayed(database):
    queue, log = JobQueue(database), EventLog(database)
    (made,) = queue.submit([job()])
    leases = Leases(database, "w")
    lease = leases.claim()
    for done in (1, 2):
        leases.note(lease, ("benchmark.progress", {"done": done}), done_samples=done)
    with leases.ending(lease, "completed", {"status": "completed"}, results={"m": {}}):
        pass
    seen = log.after(made.id, 0)
    assert [event.number for event in seen] == [1, 2, 3, 4]
    assert [event.type.split(".")[1] for event in seen] == ["started", "progress", "progress", "completed"]
    assert log.after(made.id, 2) == seen[2:]
    assert log.last_numbers([made.id]) == {made.id: 4}
    ended = queue.get(made.id)
    assert (ended.status, ended.done_samples, ended.results, ended.lease) == ("completed", 2, {"m": {}}, None)


def test_a_silent_worker_loses_its_job_and_writes_nothing_more(database):
    queue = JobQueue(database)
    (made,) = queue.submit([job()])
    old, new = Leases(database, "old"), Leases(database, "new")
    clock = Clock()
    watch = Watch(database, 30, clock)
    lease = old.claim()
    assert watch.look() == []
    clock.now = 29
    old.beat(lease)
    assert watch.look() == []
    clock.now = 58
    assert watch.look() == []
    clock.now = 59
    assert watch.look() == [made.id]
    again = new.claim()
    assert again.job.id == made.id
    assert again.job.attempts == 2
    for write in (old.beat, old.give_back, lambda held: end(old, held, "completed")):
        with pytest.raises(LeaseLostError):
            write(lease)
    assert queue.get(made.id).status == "running"


def test_what_stands_beside_the_job_is_not_written_without_the_lease(database):
    queue = JobQueue(database)
    (made,) = queue.submit([job()])
    leases = Leases(database, "w")
    lease = leases.claim()
    leases.give_back(lease)
    with pytest.raises(LeaseLostError), leases.writing(lease, done_samples=7):
        pytest.fail("the block must not be entered")
    assert queue.get(made.id).done_samples == 0


def test_cancelling(database):
    queue, leases = JobQueue(database), Leases(database, "w")
    waiting, running = (queue.submit([job()])[0] for _ in range(2))
    assert leases.claim().job.id == waiting.id
    assert queue.cancel(running.id).status == "cancelled"
    assert EventLog(database).after(running.id, 0)[-1].type == "benchmark.cancelled"
    with pytest.raises(ConflictError):
        queue.cancel(running.id)


def test_a_worker_is_told_to_stop(database):
    queue, leases = JobQueue(database), Leases(database, "w")
    (made,) = queue.submit([job()])
    lease = leases.claim()
    assert leases.beat(lease) is False
    assert queue.cancel(made.id).status == "running"
    assert leases.beat(lease) is True
    end(leases, lease, "cancelled")
    with pytest.raises(ConflictError):
        queue.cancel(made.id)


def test_a_database_that_is_not_there_is_an_error_with_a_remedy():
    away = Database("postgresql+psycopg://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(StorageError) as failed, away.reading():
        pass
    assert "secret" not in failed.value.message
    for url in ("mysql://x", "nonsense", "sqlite://"):
        with pytest.raises(ValidationError):
            Database(url)
