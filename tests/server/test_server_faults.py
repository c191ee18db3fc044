"""Faults of a server: its database gone, a full disk, everybody at once. Nothing is lost or done twice."""

import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress

import httpx2
import pytest
from sqlalchemy import func, select

import databases
from live_server import serving
from served_program import served
from server_clients import app_of, key_of, make_user
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.connect import CONNECT_SECONDS
from vid_diffusion_bench.database.tables import benchmarks
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.jobs import JobQueue
from worker_programs import PROMPTS, SLOW, check_agrees, ended, made, until

REQUEST = {
    "model_name": "shapes-oracle",
    "prompts": PROMPTS,
    "metrics": ["sharpness"],
    "parameters": {**SLOW, "warmup": 0},
}


def send(client, key, **fields):
    return client.post("/benchmarks", json={**REQUEST, **fields}, headers={"Idempotency-Key": key})


def assert_unavailable(answer):
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "STORAGE_FAILED"), answer.text
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("seconds", [1.5, pytest.param(10, marks=pytest.mark.slow)])
def test_the_database_gone_for_a_while(tmp_path, seconds, record_property):
    with databases.postgresql() as server, served(tmp_path, database_url=server.url) as live, live.client() as client:
        database = Database(server.url)
        queue = JobQueue(database)
        job = queue.get(send(client, "first").json()["benchmark_id"])
        until(lambda: queue.get(job.id).done_samples >= 1)
        before = made(database, job)
        server.stop()
        end = time.monotonic() + seconds
        asked = 0
        while time.monotonic() < end:
            assert_unavailable(client.get(f"/benchmarks/{job.id}"))
            assert_unavailable(send(client, "second"))
            asked += 2
            time.sleep(0.1)
        server.start()
        second = until(lambda: (answer := send(client, "second")).status_code == 202 and answer.json()["benchmark_id"])
        done = ended(queue, job)
        assert (done.status, done.attempts) == ("completed", 1)
        assert before.items() <= made(database, job).items(), "nothing was made twice"
        assert client.get(f"/benchmarks/{job.id}").json()["status"] == "completed"
        assert ended(queue, queue.get(second)).attempts == 1
        with database.reading() as connection:
            assert connection.execute(select(func.count()).select_from(benchmarks)).scalar() == 2
        assert [check_agrees(database, name) for name in (job.id, second)] == ["completed"] * 2
        database.close()
    record_property("seen", f"{asked} requests answered 503 in {seconds} s, {len(before)} of 4 clips made before")


@pytest.mark.slow
def test_the_database_gone_for_longer_than_a_lease(tmp_path):
    with (
        databases.postgresql() as server,
        served(tmp_path, database_url=server.url, lease_seconds=2) as live,
        live.client() as client,
    ):
        database = Database(server.url)
        queue = JobQueue(database)
        job = queue.get(send(client, "first").json()["benchmark_id"])
        until(lambda: queue.get(job.id).done_samples >= 1)
        before = made(database, job)
        server.stop()
        time.sleep(10)
        server.start()
        assert ended(queue, job).status == "completed"
        assert before.items() <= made(database, job).items(), "nothing was made twice"
        assert check_agrees(database, job.id) == "completed"
        database.close()


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_not_waited_for_long():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        away = Database(f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/none")
        asked = time.monotonic()
        with pytest.raises(StorageError), away.reading():
            pass
        assert time.monotonic() - asked < 4 * CONNECT_SECONDS


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], check=False).returncode:
        pytest.skip("only root may mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with path.open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(4096))


@pytest.mark.slow
def test_a_disk_that_is_full_of_something_else(small_disk, record_property):
    """The server's SQLite, its log and its runs are on it."""
    with served(small_disk, lease_seconds=3) as live, live.client() as client:
        database = Database(f"sqlite:///{small_disk / 'data' / 'server.sqlite'}")
        queue = JobQueue(database)
        job = queue.get(send(client, "first").json()["benchmark_id"])
        until(lambda: queue.get(job.id).done_samples >= 1)
        fill(small_disk / "ballast")
        assert shutil.disk_usage(small_disk).free == 0
        before = made(database, job)
        refused = until(lambda: (answer := send(client, "second")).status_code == 503 and answer)
        assert_unavailable(refused)
        time.sleep(8)
        assert client.get("/benchmarks").status_code in (200, 503)
        (small_disk / "ballast").unlink()
        done = ended(queue, job)
        assert done.status == "completed"
        assert before.items() <= made(database, job).items(), "nothing was made twice"
        second = until(lambda: (answer := send(client, "second")).status_code == 202 and answer.json()["benchmark_id"])
        assert ended(queue, queue.get(second)).status == "completed"
        assert [check_agrees(database, name) for name in (job.id, second)] == ["completed"] * 2
        record_property("seen", f"attempts {done.attempts}, {len(before)} of 4 clips made before")
        database.close()


@pytest.mark.parametrize(
    ("keys", "places"),
    [(12, 8), pytest.param(100, 60, marks=pytest.mark.slow), pytest.param(100, 100, marks=pytest.mark.slow)],
)
def test_many_submissions_at_once(tmp_path, database_url, keys, places):
    """Each key is sent twice, all of them over connections of their own."""
    app = app_of(tmp_path / "data", database_url, queue_limit=places)
    key = key_of(app, make_user(app, tier="enterprise"))
    answers, barrier, lock = {}, threading.Barrier(2 * keys), threading.Lock()

    def go(number, url):
        with httpx2.Client(base_url=f"{url}/api/v1", headers={"X-API-Key": key}, timeout=120) as client:
            barrier.wait()
            answer = send(client, f"key-{number}")
        with lock:
            answers.setdefault(number, []).append(answer)

    with serving(app) as url:
        threads = [threading.Thread(target=go, args=(number % keys, url)) for number in range(2 * keys)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    accepted = []
    for pair in answers.values():
        assert len({(answer.status_code, answer.json().get("benchmark_id")) for answer in pair}) == 1
        if pair[0].status_code == 202:
            accepted.append(pair[0].json()["benchmark_id"])
        for answer in pair:
            if answer.status_code != 202:
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVER_OVERLOADED")
                assert int(answer.headers["Retry-After"]) >= 1
    database = Database(app.state.services.database.url)
    with database.reading() as connection:
        assert Counter(connection.execute(select(benchmarks.c.id)).scalars()) == Counter(accepted)
    database.close()
    assert len(accepted) == min(keys, places)
