"""Health is what was probed, now."""

import time
from functools import partial

import pytest
from sqlalchemy import insert

from server_clients import app_of, client, client_as
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import workers
from vid_diffusion_bench.monitoring import Monitor, probes
from vid_diffusion_bench.server import services


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch):
    monkeypatch.setattr(services, "Monitor", partial(Monitor, seconds=0.0))


def sign_on(app, ago=0.0):
    row = {"id": f"w{ago}", "started_at": 0.0, "seen_at": time.time() - ago, "description": {}}
    with app.state.services.database.writing() as connection:
        connection.execute(insert(workers).values(**row))


def test_without_a_worker_it_is_degraded_and_with_one_healthy(tmp_path):
    app = app_of(tmp_path)
    for path in ("/health", "/monitoring/health"):
        found = client(app).get(path)
        assert (found.status_code, found.json()["status"]) == (200, "degraded")
        assert (
            found.json()["checks"] | {"database": "healthy", "storage": "healthy", "worker": "degraded"}
            == (found.json()["checks"])
        )
    sign_on(app, ago=2 * probes.SILENT_SECONDS)
    assert client(app).get("/health").json()["status"] == "degraded"
    sign_on(app)
    assert client(app).get("/health").json()["status"] == "healthy"


def test_messages_are_for_the_known(tmp_path):
    app = app_of(tmp_path)
    assert client(app).get("/health").json()["messages"] is None
    assert "ms" in client_as(app).get("/health").json()["messages"]["database"]


def test_a_folder_that_is_gone_is_unhealthy(tmp_path):
    app = app_of(tmp_path / "data", f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    (tmp_path / "data").rename(tmp_path / "gone")
    found = client(app).get("/health")
    assert (found.status_code, found.json()["checks"]["storage"]) == (503, "unhealthy")


def test_little_space_is_degraded(tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "LEAST_FREE_GB", 1e9)
    assert probes.probe_storage(tmp_path).status == "degraded"


def test_a_database_that_is_away_is_unhealthy(tmp_path):
    app = app_of(tmp_path)
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    object.__setattr__(app.state.services, "monitor", Monitor(away, tmp_path))
    found = client(app).get("/health")
    assert (found.status_code, found.json()["status"]) == (503, "unhealthy")


def test_a_look_is_kept_for_a_second(tmp_path, monkeypatch):
    monkeypatch.setattr(services, "Monitor", partial(Monitor, seconds=60.0))
    app = app_of(tmp_path)
    before = client_as(app).get("/health").json()["messages"]
    sign_on(app)
    assert client_as(app).get("/health").json()["messages"] == before
