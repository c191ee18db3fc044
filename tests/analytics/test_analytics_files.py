"""Reports and exports hold what the database holds."""

import csv
import json
import math
import time
from itertools import pairwise

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pyarrow import parquet

from analytics_history import ended
from vid_diffusion_bench.analytics.plots import nice
from vid_diffusion_bench.analytics.report import report
from vid_diffusion_bench.cli.app import run
from vid_diffusion_bench.database import Database, upgrade
from vid_diffusion_bench.database.tables import users
from vid_diffusion_bench.exceptions import NotFoundError

HOUR = 3600.0


@pytest.fixture
def stored(database, monkeypatch, tmp_path):
    """A database that the command line finds."""
    monkeypatch.setenv("VIDBENCH_DATABASE_URL", database.url)
    monkeypatch.setenv("VIDBENCH_DATA_ROOT", str(tmp_path / "data"))
    return database


def fill(database):
    for number in range(6):
        clips = {
            model: {"sharpness": {(f"p{i}", 1): i / 10 + shift + 0.003 * ((i * 7 + number) % 5) for i in range(8)}}
            for model, shift in (("alpha", 0.0), ("beta", 0.1))
        }
        figures = {"sharpness": 0.4 + number / 100, "avg_latency_ms": 100.0 + number}
        ended(
            database,
            "owner",
            {"alpha": figures, "beta": {"sharpness": 0.5 + number / 100}},
            ago=number * HOUR + 60,
            clips=clips,
        )
    ended(database, "owner", {"alpha": {}}, status="failed")


def test_a_report_counts_and_averages(database):
    fill(database)
    found = report(database, "24h", time.time())
    assert [(row.model, row.completed, row.failed) for row in found.outcomes] == [("alpha", 6, 1), ("beta", 6, 0)]
    assert found.outcomes[0].success_rate == pytest.approx(6 / 7)
    assert (found.total, found.usage_change) == (7, None)
    assert report(database, "24h", time.time(), ["beta"]).total == 6
    low, high = found.outcomes[0].interval
    assert low < 6 / 7 < high
    latency, sharpness = found.metrics
    assert (latency.metric, latency.rows[0].found.value, latency.rows[1].found.value) == ("avg_latency_ms", 102.5, None)
    alpha, _ = sharpness.rows
    assert (alpha.found.value, alpha.found.n, alpha.clips) == (pytest.approx(0.425), 6, 48)
    assert alpha.interval[0] < 0.425 < alpha.interval[1]
    (pair,) = sharpness.pairs
    assert pair.difference == pytest.approx(0.1)
    assert (pair.models, pair.significant) == (("beta", "alpha"), True)


def test_a_report_of_nothing_is_refused(database):
    with pytest.raises(NotFoundError, match="no benchmark of none-such ended in the last 1h"):
        report(database, "1h", time.time(), ["none-such"])


def test_the_pdf_shows_models_numbers_and_notes(stored, tmp_path, monkeypatch):
    from reportlab import rl_config

    monkeypatch.setattr(rl_config, "pageCompression", 0)
    monkeypatch.setattr(rl_config, "useA85", 0)
    fill(stored)
    ended(stored, "owner", {"alpha": {"sharpness": (9.0, "old")}}, ago=20 * HOUR)
    target = tmp_path / "out" / "report.pdf"
    arguments = ["analytics", "report", "--period", "24h", "--models", "alpha", "beta", "--output", str(target)]
    assert run(arguments) == 0
    written = target.read_bytes().decode("latin-1")
    assert written.startswith("%PDF-")
    for words in ("alpha", "beta", "sharpness", "102.5", "0.425", "p = ", "old \\(1\\)", "87.5 %", "page 1"):
        assert words in written, words


def test_a_model_s_name_cannot_be_markup(stored, tmp_path):
    ended(stored, "owner", {"<b>bold & <img src='x'/>": {"sharpness": 1.0}})
    assert run(["analytics", "report", "--output", str(tmp_path / "a.pdf")]) == 0


def test_csv_and_parquet_hold_every_figure(stored, tmp_path, capsys):
    fill(stored)
    for name in ("csv", "parquet"):
        code = run(["analytics", "export", "--format", name, "--output", str(tmp_path / f"x.{name}"), "--json"])
        assert code == 0
        assert json.loads(capsys.readouterr().out)["figures"] == 18
    rows = list(csv.DictReader((tmp_path / "x.csv").open(newline="")))
    table = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert len(rows) == len(table) == 18
    assert sorted(float(row["value"]) for row in rows if row["metric"] == "avg_latency_ms") == [
        100 + n for n in range(6)
    ]
    for row, cells in zip(rows, table, strict=True):
        assert (row["benchmark_id"], row["model"], float(row["value"])) == (
            cells["benchmark_id"], cells["model"], cells["value"],
        )  # fmt: skip
        assert row["low"] == ""
        assert cells["low"] is None


def test_prometheus_holds_the_newest(stored, tmp_path):
    fill(stored)
    assert run(["analytics", "export", "--format", "prometheus", "--output", str(tmp_path / "m.txt")]) == 0
    samples = [s for f in text_string_to_metric_families((tmp_path / "m.txt").read_text()) for s in f.samples]
    latency = [s for s in samples if s.name == "vidbench_metric_value" and s.labels["metric"] == "avg_latency_ms"]
    assert [(s.labels["model"], s.labels["protocol"], s.value) for s in latency] == [("alpha", "p1", 100.0)]
    ends = {s.labels["status"]: s.value for s in samples if s.name == "vidbench_benchmarks_ended"}
    assert ends == {"completed": 6, "failed": 1, "cancelled": 0}


@pytest.mark.parametrize("command", [["report"], ["export", "--format", "csv"]])
def test_a_database_that_is_not_there_is_not_made(tmp_path, monkeypatch, capsys, command):
    monkeypatch.delenv("VIDBENCH_DATABASE_URL", raising=False)
    monkeypatch.setenv("VIDBENCH_DATA_ROOT", str(tmp_path / "none"))
    assert run(["analytics", *command, "--output", str(tmp_path / "x")]) == 1
    assert "VIDBENCH_DATA_ROOT" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VIDBENCH_DATABASE_URL", f"sqlite:///{tmp_path / 'a.sqlite'}")
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite'}")
    upgrade(database)
    row = {"id": "owner", "username": "owner", "permissions": [], "tier": "standard", "created_at": 0.0}
    with database.writing() as connection:
        connection.execute(users.insert().values(**row))
    database.close()
    (tmp_path / "file").write_text("")
    assert run(["analytics", "export", "--format", "csv", "--output", str(tmp_path / "file" / "x.csv")]) == 1
    assert "STORAGE_FAILED" in capsys.readouterr().err


@pytest.mark.parametrize(
    "values", [[1.0], [0.0], [0.0, 1.0], [-3.0, 7.2], [1e-9, 2e-9], [99.5, 100.5, 1e6], [-5.0], [1e-14], [3e-13, 5e-13]]
)
def test_ticks_hold_the_values_and_are_even(values):
    ticks = nice(values)
    assert ticks[0] <= min(values)
    assert ticks[-1] >= max(values)
    assert 2 <= len(ticks) <= 8
    steps = [b - a for a, b in pairwise(ticks)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)


def test_values_that_rounding_alone_tells_apart_have_ticks_too():
    ticks = nice([0.9867155252805873, 0.986715525280587])
    assert ticks[0] < 0.98671 < 0.98672 < ticks[-1]
