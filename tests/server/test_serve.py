"""`vid-bench serve`: the whole thing as a program."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import select

from served_program import Live, served
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import events, samples
from vid_diffusion_bench.server.serve import PROGRAM

PROMPTS = [f"a red circle moving left on a {colour} background" for colour in ("black", "white", "gray", "blue")]
SLOW = {"num_frames": 65, "height": 256, "width": 256, "warmup": 0}


def submit(client, key, prompts=PROMPTS, **parameters):
    body = {"model_name": "shapes-oracle", "prompts": prompts, "metrics": ["sharpness"], "parameters": parameters}
    answer = client.post("/benchmarks", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.text
    return answer.json()["benchmark_id"]


def wait(live, name, seconds=120, until=lambda found: found["status"] in ("completed", "failed", "cancelled")):
    end = time.monotonic() + seconds
    with live.client() as client:
        while not until(found := client.get(f"/benchmarks/{name}").json()):
            assert time.monotonic() < end, found
            time.sleep(0.1)
    return found


def test_from_the_first_start_to_results_and_a_clean_end(tmp_path):
    with served(tmp_path) as live:
        assert live.key
        with live.client() as client:
            name = submit(client, "one")
            assert wait(live, name)["status"] == "completed"
            found = client.get(f"/benchmarks/{name}/results").json()
        assert found["results"]["metrics"]["sharpness"] > 0
        assert found["results"]["performance"]["avg_latency_ms"] > 0
        children = psutil.Process(live.process.pid).children(recursive=True)
        assert live.stop() == 0
        assert psutil.wait_procs(children, timeout=10)[1] == []
        live.start()
        with live.client() as client:
            assert client.get(f"/benchmarks/{name}").json()["status"] == "completed"
        assert live.log.read_text().count("vdb_") == 1
        assert "Fatal" not in live.log.read_text()


def test_the_api_imports_no_torch(tmp_path):
    with served(tmp_path, workers=0) as live:
        with live.client() as client:
            client.get("/models")
            submit(client, "one")
        libraries = {m.path for m in psutil.Process(live.process.pid).memory_maps()}
        assert not [path for path in libraries if "libtorch" in path]


def test_a_port_that_is_taken_is_said_in_a_line(tmp_path):
    with served(tmp_path, workers=0) as live:
        command = [sys.executable, "-c", PROGRAM, "serve", "--port", str(live.port), "--workers", "0"]
        variables = {**os.environ, "VIDBENCH_DATA_ROOT": str(tmp_path / "b")}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert done.returncode == 2
    assert "cannot be listened at" in done.stderr.splitlines()[-1]


def test_workers_end_when_their_server_is_killed(tmp_path):
    with served(tmp_path) as live:
        end = time.monotonic() + 30
        while not (children := psutil.Process(live.process.pid).children(recursive=True)):
            assert time.monotonic() < end
            time.sleep(0.1)
        live.process.kill()
        live.process.wait()
        assert psutil.wait_procs(children, timeout=30)[1] == []


def killed_until_done(tmp_path, kills, names_of=6):
    """Submit, kill everything at moments that vary, start again; the same requests are sent again with their keys."""
    live = Live(tmp_path, lease_seconds=2)
    live.start()
    try:
        for number in range(kills):
            with live.client() as client:
                names = [submit(client, f"key-{i}", PROMPTS[: 1 + i % 3], **SLOW) for i in range(names_of)]
            time.sleep(0.3 + 1.7 * (number * 0.618 % 1))
            live.kill()
            live.start()
        with live.client() as client:
            assert [submit(client, f"key-{i}", PROMPTS[: 1 + i % 3], **SLOW) for i in range(names_of)] == names
        found = [wait(live, name, 300) for name in names]
        assert {one["status"] for one in found} == {"completed"}
    finally:
        live.kill()
    database = Database(f"sqlite:///{tmp_path / 'data' / 'server.sqlite'}")
    with database.reading() as connection:
        made = connection.execute(select(samples.c.benchmark_id, samples.c.key, samples.c.record)).all()
        ended = connection.execute(select(events.c.benchmark_id).where(events.c.type == "benchmark.completed")).all()
        numbers = connection.execute(select(events.c.benchmark_id, events.c.number).order_by(events.c.number)).all()
    database.close()
    assert len(made) == sum(1 + i % 3 for i in range(names_of))
    assert sorted(row.benchmark_id for row in ended) == sorted(names)
    for name in names:
        own = [row.number for row in numbers if row.benchmark_id == name]
        assert own == list(range(1, len(own) + 1))


def test_everything_is_killed_and_nothing_is_lost_or_done_twice(tmp_path):
    killed_until_done(tmp_path, kills=3)


@pytest.mark.slow
def test_everything_is_killed_twenty_times(tmp_path):
    killed_until_done(tmp_path, kills=20)
