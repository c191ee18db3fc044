"""Load, alerts, Prometheus and logs say what was measured, to those who may know it."""

import io
import json
import logging
import time
from functools import partial
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update

from server_clients import app_of, client, client_as
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, users, workers
from vid_diffusion_bench.jobs import JobQueue, Leases, NewJob
from vid_diffusion_bench.monitoring import RULES, Instruments, Monitor, Traffic, alerts, read_load, read_system
from vid_diffusion_bench.monitoring.recent import Recent
from vid_diffusion_bench.server import logs, services


@pytest.fixture
def app(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr(services, "Monitor", partial(Monitor, seconds=0.0))
    made = app_of(tmp_path / "data", database_url)
    yield made
    made.state.services.database.close()


def owner_of(database):
    row = {"id": "o1", "username": "o1", "permissions": [], "tier": "standard", "created_at": 0.0}
    with database.writing() as connection:
        connection.execute(insert(users).values(**row))
    return "o1"


def put(database, owner, *statuses, **columns):
    """Benchmarks that have ended, or wait, as these statuses say."""
    queue, now = JobQueue(database), time.time()
    jobs = queue.submit([NewJob(owner, ["m"], {}) for _ in statuses])
    with database.writing() as connection:
        for job, status in zip(jobs, statuses, strict=True):
            values = {"status": status, "completed_at": now if status in ("completed", "failed") else None, **columns}
            connection.execute(update(benchmarks).where(benchmarks.c.id == job.id).values(**values))


def put_worker(database, name, ago):
    row = {"id": name, "started_at": 0.0, "seen_at": time.time() - ago, "description": {}}
    with database.writing() as connection:
        connection.execute(insert(workers).values(**row))


def rules_of(app):
    return {rule["name"]: rule for rule in client_as(app, tier="enterprise").get("/monitoring/alerts").json()["rules"]}


def test_load_counts_what_is_in_the_queue(app):
    database = app.state.services.database
    owner = owner_of(database)
    put(database, owner, "completed", "completed", "completed", "failed", "running", "cancelled", "submitted")
    put(database, owner, "completed", completed_at=time.time() - 2 * 86400)
    put_worker(database, "w", 0)
    found = client_as(app).get("/monitoring/metrics").json()["benchmark"]
    expected = {"active_evaluations": 1, "completed_today": 3, "error_rate": 25.0, "waiting": 1, "workers": 1}
    assert found == expected


def test_a_day_begins_at_midnight_utc(app):
    database = app.state.services.database
    midnight = 1_700_006_400.0  # 2023-11-15T00:00:00Z
    owner = owner_of(database)
    put(database, owner, "completed", completed_at=midnight - 1)
    put(database, owner, "failed", completed_at=midnight + 1)
    found = read_load(database, midnight + 60)
    assert (found.completed_today, found.failed_today, found.completed_last_hour) == (0, 1, 1)


def test_nothing_measured_is_null_with_a_reason(app):
    found = client_as(app).get("/monitoring/metrics").json()
    assert found["benchmark"]["error_rate"] is None
    system = found["system"]
    assert 0 < system["memory_percent"] < 100
    assert 0 < system["disk_usage"] <= 100
    assert (system["gpu_utilization"] is None) == ("gpu_utilization" in system["reasons"])


def test_a_folder_that_is_gone_has_no_usage(tmp_path):
    found = read_system(tmp_path / "none")
    assert found.disk_usage is None
    assert found.reasons["disk_usage"]


@pytest.mark.parametrize("path", ["/monitoring/metrics", "/monitoring/alerts", "/metrics"])
def test_figures_are_for_those_who_may(app, path):
    assert client(app).get(path).status_code == 401
    assert client_as(app, ["models.read"]).get(path).status_code == 403
    assert client_as(app, ["monitoring.read"]).get(path).status_code == 200


def test_a_quiet_server_has_no_alert_but_those_of_its_machine(app):
    names = {alert["name"] for alert in client_as(app).get("/monitoring/alerts").json()["alerts"]}
    assert names <= {"disk", "memory"}


def test_failing_benchmarks_are_an_alert(app):
    database = app.state.services.database
    owner = owner_of(database)
    put(database, owner, "failed", "failed", "failed", "failed")
    put(database, owner, "completed", "completed", completed_at=time.time() - 2 * 3600)
    assert rules_of(app)["error_rate"] | {"active": False, "value": None} == rules_of(app)["error_rate"]
    assert "fewer than 5" in rules_of(app)["error_rate"]["reason"]
    put(database, owner, *["completed"] * 36)
    assert rules_of(app)["error_rate"] | {"active": True, "value": 10.0} == rules_of(app)["error_rate"]


def test_just_below_the_threshold_is_no_alert(app):
    database = app.state.services.database
    put(database, owner_of(database), "failed", *["completed"] * 10)
    assert rules_of(app)["error_rate"]["value"] == pytest.approx(100 / 11)
    assert not rules_of(app)["error_rate"]["active"]


def test_a_silent_worker_is_an_alert_for_an_hour(app):
    database = app.state.services.database
    put_worker(database, "there", 5)
    put_worker(database, "long ago", 3700)
    assert read_load(database).silent == 0
    put_worker(database, "silent", 90)
    rule = rules_of(app)["silent_worker"]
    assert (rule["active"], rule["value"]) == (True, 1.0)


def test_a_benchmark_that_says_nothing_is_an_alert(app):
    database = app.state.services.database
    put(database, owner_of(database), "submitted")
    Leases(database, "w").claim()
    assert not rules_of(app)["stalled_benchmark"]["active"]
    with database.writing() as connection:
        connection.execute(update(benchmarks).values(updated_at=time.time() - 2000))
    rule = rules_of(app)["stalled_benchmark"]
    assert rule["active"]
    assert rule["value"] == pytest.approx(2000, abs=30)


def test_requests_that_are_refused_or_fail_are_alerts(app):
    ask = client_as(app)
    for _ in range(99):
        app.state.services.instruments.request("GET", "/x", 429, 0.0)
    assert not rules_of(app)["rate_limit_storm"]["active"]
    app.state.services.instruments.request("GET", "/x", 429, 0.0)
    assert rules_of(app)["rate_limit_storm"] | {"active": True, "value": 100.0} == rules_of(app)["rate_limit_storm"]
    assert not rules_of(app)["server_errors"]["active"]
    for _ in range(20):
        app.state.services.instruments.request("GET", "/x", 500, 0.0)
    assert rules_of(app)["server_errors"]["active"]
    assert {"rate_limit_storm", "server_errors"} <= {
        alert["name"] for alert in ask.get("/monitoring/alerts").json()["alerts"]
    }


def test_a_real_storm_is_counted(app):
    ask = client_as(app)
    statuses = [ask.get("/benchmarks").status_code for _ in range(60)]
    assert app.state.services.monitor.traffic.recent().refused == statuses.count(429) > 0


@pytest.mark.parametrize(("name", "field"), [("disk", "disk_usage"), ("memory", "memory_percent")])
def test_a_full_machine_is_an_alert(name, field):
    (rule,) = [rule for rule in RULES if rule.name == name]
    for value, active in ((89.9, False), (90.0, True), (None, False)):
        facts = SimpleNamespace(system=SimpleNamespace(**{field: value}))
        (found,) = alerts.look(facts, [rule])
        assert (found.active, found.value) == (active, value)


def test_what_is_measured_of_the_machine_reaches_the_rules(app):
    found, system = rules_of(app), app.state.services.monitor.system()
    assert found["disk"]["value"] == pytest.approx(system.disk_usage, abs=5)
    assert found["memory"]["value"] == pytest.approx(system.memory_percent, abs=20)


def test_traffic_forgets():
    now = [0.0]
    traffic = Traffic(lambda: now[0])
    for at, status in ((0, 429), (5, 200), (100, 503), (299, 429)):
        now[0] = at
        traffic.add(status)
    assert vars(traffic.recent()) == {"requests": 4, "refused": 2, "failed": 1}
    now[0] = 301
    assert vars(traffic.recent()) == {"requests": 2, "refused": 1, "failed": 1}
    now[0] = 1000
    assert vars(traffic.recent()) == {"requests": 0, "refused": 0, "failed": 0}


def test_a_look_is_kept_for_its_time_and_an_error_is_not():
    now, made = [0.0], []

    def make():
        made.append(now[0])
        if len(made) == 1:
            raise OSError
        return len(made)

    recent = Recent(make, 2.0, lambda: now[0])
    with pytest.raises(OSError, match=r"^$"):
        recent.get()
    assert [recent.get(), recent.get()] == [2, 2]
    now[0] = 1.9
    assert recent.get() == 2
    now[0] = 2.0
    assert recent.get() == 3


def samples_of(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_requests_by_template_and_the_queue(app):
    database = app.state.services.database
    put(database, owner_of(database), "submitted", "submitted", "completed")
    put_worker(database, "w", 0)
    ask = client_as(app, tier="enterprise")
    ask.get("/models/shapes-base?token=secret")
    ask.get("/models/shapes-small")
    ask.get("/models/none-such")
    ask.get("/no/such/path")
    ask.request("BREW", "/models")
    answer = ask.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "secret" not in answer.text
    found = samples_of(answer.text)
    routes = {dict(key[1:])["route"] for key in found if key[0] == "vidbench_http_requests_total"}
    (template,) = [route for route in routes if route.endswith("/models/{model_name}")]
    of_it = (("method", "GET"), ("route", template))
    assert found["vidbench_http_requests_total", *of_it, ("status", "200")] == 2
    assert found["vidbench_http_requests_total", *of_it, ("status", "404")] == 1
    assert found["vidbench_http_request_duration_seconds_count", *of_it] == 3
    assert not [route for route in routes if "shapes" in route or "no/such" in route]
    assert not [key for key in found if ("method", "BREW") in key]
    assert found["vidbench_benchmarks", ("status", "submitted")] == 2
    assert found["vidbench_benchmarks", ("status", "completed")] == 1
    assert found[("vidbench_queue_length",)] == 2
    assert found[("vidbench_workers",)] == 1
    assert found[("vidbench_database_up",)] == 1
    assert found[("vidbench_websocket_followers",)] == 0


def test_events_and_followers_are_counted(app):
    database = app.state.services.database
    put(database, owner_of(database), "submitted")
    Leases(database, "w").claim()
    app.state.services.instruments.followers = lambda: 7
    found = samples_of(client_as(app).get("/metrics").text)
    assert found[("vidbench_events",)] == 1
    assert found[("vidbench_websocket_followers",)] == 7


def test_without_its_database_prometheus_is_told_so(tmp_path):
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    found = samples_of(Instruments(Monitor(away, tmp_path)).text().decode())
    assert found[("vidbench_database_up",)] == 0
    assert ("vidbench_workers",) not in found


def test_two_applications_count_apart(tmp_path):
    one, other = app_of(tmp_path / "a"), app_of(tmp_path / "b")
    client(one).get("/health")
    assert "/health" in one.state.services.instruments.text().decode()
    assert "/health" not in other.state.services.instruments.text().decode()


def test_metrics_can_be_opened_and_lie_where_prometheus_looks(tmp_path):
    for opened, status in ((False, 401), (True, 200)):
        made = app_of(tmp_path / str(opened), open_metrics=opened)
        assert client(made).get("/metrics").status_code == status
        assert client(made).get("http://testserver/metrics").status_code == status
        assert client(made).get("/monitoring/alerts").status_code == 401


@pytest.fixture
def lines():
    """What the server's loggers write, as the lines that `serve` writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    ours = logging.getLogger("vid_diffusion_bench")
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    ours.removeHandler(handler)
    ours.setLevel(before)


def test_every_request_is_one_line_without_secrets(app, lines):
    ask = client_as(app, ["models.read"])
    key = ask.headers["X-API-Key"]
    user = app.state.services.auth.authenticate(None, key, origin=SimpleNamespace(address=None, request_id=None))
    ask.get("/models/shapes-base?token=eyJhbGciOi.abcdef.ghijkl&api_key=" + key, headers={"X-Request-ID": "mine-1"})
    client(app).get("/models")
    first, second = [line for line in lines() if line["logger"] == logs.REQUESTS]
    assert first["at"].endswith("Z")
    assert first["route"].endswith("/models/{model_name}")
    wanted = {"request_id": "mine-1", "method": "GET", "status": 200, "user_id": user.user_id, "level": "info"}
    assert first | wanted == first
    assert first["duration_ms"] > 0
    assert (second["status"], second["user_id"]) == (401, None)
    assert second["request_id"].startswith("req_")
    whole = json.dumps(lines())
    assert key not in whole
    assert "eyJhbGciOi" not in whole


def test_whatever_is_logged_within_a_request_has_its_id(app, lines, monkeypatch):
    def warning(*_):
        logging.getLogger("vid_diffusion_bench.elsewhere").warning("by somebody who knows of no request")
        return {}

    monkeypatch.setattr(app.state.services.history, "averages", warning)
    asking = client_as(app)
    for name in ("first", "second"):
        asking.get("/models/shapes-base", headers={"X-Request-ID": name})
    logging.getLogger("vid_diffusion_bench.elsewhere").warning("outside")
    found = [line.get("request_id") for line in lines() if line["logger"] == "vid_diffusion_bench.elsewhere"]
    assert found == ["first", "second", None]


def test_a_fault_is_logged_with_its_request(app, lines, monkeypatch):
    def broken():
        raise RuntimeError("no: vdb_0123456789abcdef at postgresql://user:hunter2@host/db")

    monkeypatch.setattr(app.state.services.monitor, "system", broken)
    answer = client_as(app).get("/monitoring/metrics")
    assert answer.status_code == 500
    asked = answer.json()["error"]["request_id"]
    fault, request = [line for line in lines() if line["level"] == "error"][::-1]
    assert fault["request_id"] == request["request_id"] == asked
    assert "RuntimeError" in fault["traceback"]
    assert "hunter2" not in json.dumps(lines())
    assert "vdb_0123" not in json.dumps(lines())
    assert request["status"] == 500


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key vdb_abcdefghijk.", "key [hidden]."),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "Bearer [hidden]"),
        ("postgresql+psycopg://me:pass@host/x", "postgresql+psycopg://[hidden]@host/x"),
        ("GET /ws?token=abc HTTP/1.1", "GET /ws?[hidden] HTTP/1.1"),
        ("a line\nand another", "a line\nand another"),
    ],
)
def test_secrets_in_messages_are_hidden(text, shown):
    assert logs.hidden(text) == shown
