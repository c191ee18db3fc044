"""Analytics over HTTP: the reference's bodies, one's own benchmarks only."""

import pytest

from analytics_history import ended
from server_clients import client, client_as, key_of, make_user


def test_everybody_sees_their_own_and_an_administrator_all(app):
    user = make_user(app, ["analytics.read"])
    other = make_user(app, ["analytics.read"])
    database = app.state.services.database
    ended(database, user.id, {"a": {"overall_score": 50.0, "avg_latency_ms": 10.0}})
    ended(database, other.id, {"a": {"overall_score": 100.0}})
    mine = client(app, **{"X-API-Key": key_of(app, user)}).get("/analytics/benchmarks").json()
    every = client_as(app).get("/analytics/benchmarks").json()
    assert mine["metrics"]["avg_quality_score"] == 50.0
    assert every["metrics"] == {"avg_quality_score": 75.0, "avg_latency_ms": 10.0, "avg_throughput_fps": None}
    assert (mine["total_benchmarks"], every["total_benchmarks"]) == (1, 2)
    assert every["top_models"] == [{"model_name": "a", "benchmark_count": 2, "avg_score": 75.0}]
    assert mine.keys() >= {"period", "success_rate", "trends", "top_models"}
    compared = client(app, **{"X-API-Key": key_of(app, user)}).get("/analytics/models/compare?models=a,b").json()
    assert [m["benchmark_count"] for m in compared["models"]] == [1, 0]


def test_the_comparison_has_the_reference_s_body(app):
    user = make_user(app)
    clips = {m: {"sharpness": {(f"p{i}", 1): i + s for i in range(8)}} for m, s in (("a", 0.0), ("b", 1.0))}
    ended(app.state.services.database, user.id, {"a": {"sharpness": 3.5}, "b": {"sharpness": 4.5}}, clips=clips)
    found = client_as(app).get("/analytics/models/compare?models=a,%20b&metric=sharpness&period=1h").json()
    assert (found["comparison_metric"], found["period"]) == ("sharpness", "1h")
    assert [(m["model_name"], m["rank"]) for m in found["models"]] == [("b", 1), ("a", 2)]
    significance = found["statistical_significance"]
    assert significance | {"confidence_interval": 0.95, "significant": True, "difference": 1.0} == significance
    assert significance["p_value"] == pytest.approx(2 / 2**8)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("benchmarks?period=2h", 422), ("benchmarks?aggregation=median", 422), ("benchmarks?metric=%00", 400),
        ("benchmarks?metric=none-such", 200), ("models/compare", 422), ("models/compare?models=", 400),
        ("models/compare?models=a", 400), ("models/compare?models=a,a", 400),
        ("models/compare?models=a,b&period=1y", 422), ("models/compare?models=a,b", 200),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(app, query, status):
    answer = client_as(app).get(f"/analytics/{query}")
    assert answer.status_code == status, answer.text


def test_it_needs_the_permission(app):
    for path in ("benchmarks", "models/compare?models=a,b"):
        assert client(app).get(f"/analytics/{path}").status_code == 401
        assert client_as(app, ["metrics.read"]).get(f"/analytics/{path}").status_code == 403


def test_its_own_names_of_figures_are_understood(app):
    user = make_user(app, ["analytics.read"])
    figures = {
        "a": {"overall_score": 50.0, "avg_latency_ms": 10.0},
        "b": {"overall_score": 60.0, "avg_latency_ms": 5.0},
    }
    ended(app.state.services.database, user.id, figures)
    ask = client(app, **{"X-API-Key": key_of(app, user)})
    seen = ask.get("/analytics/benchmarks?metric=latency_ms&model_name=a").json()
    assert seen["metrics"] == {"avg_latency_ms": 10.0}
    assert [model["model_name"] for model in seen["top_models"]] == ["a"]
    compared = ask.get("/analytics/models/compare?models=a,b&metric=quality_score").json()
    assert [(model["model_name"], model["rank"]) for model in compared["models"]] == [("b", 1), ("a", 2)]
    assert compared["protocol"]
