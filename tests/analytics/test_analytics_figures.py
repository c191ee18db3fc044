"""Summaries and comparisons hold what was put in, of one protocol, of one owner, of their time."""

import statistics
import time

import pytest
from scipy.stats import ttest_1samp
from sqlalchemy import insert

from analytics_history import ended
from vid_diffusion_bench.analytics import Figure, aggregate, compare_models, overview
from vid_diffusion_bench.analytics.aggregate import interval
from vid_diffusion_bench.database.tables import users
from vid_diffusion_bench.exceptions import ValidationError

DAY = 86400.0


def look(database, period="24h", **more):
    return overview(database, period, time.time(), **more)


def test_means_are_of_the_period_and_trends_against_the_one_before(database):
    for ago, score, latency, fps in ((60, 80, 100, 10), (3600, 90, 300, 30), (1.5 * DAY, 50, 400, 40)):
        ended(
            database,
            "owner",
            {"m": {"overall_score": score, "avg_latency_ms": latency, "throughput_fps": fps}},
            ago=ago,
        )
    ended(database, "owner", {"m": {"overall_score": 1.0}}, ago=2.5 * DAY)
    found = look(database)
    assert found.metrics == {"avg_quality_score": 85.0, "avg_latency_ms": 200.0, "avg_throughput_fps": 20.0}
    assert found.total_benchmarks == 2
    expected = {"quality_trend": 0.7, "performance_trend": -0.5, "usage_trend": 1.0}
    assert found.trends == pytest.approx(expected)
    assert found.reasons == {}
    assert look(database, "1h").metrics["avg_quality_score"] == 80.0
    assert look(database, "7d").metrics["avg_quality_score"] == pytest.approx((80 + 90 + 50 + 1) / 4)


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("avg", 11.5),
        ("min", 0.0),
        ("max", 23.0),
        ("p95", statistics.quantiles(range(24), n=20, method="inclusive")[18]),
    ],
)
def test_aggregations(database, how, value):
    for number in range(24):
        ended(database, "owner", {"m": {"fvd": float(number)}}, ago=60 + number)
    found = look(database, metric="fvd", how=how)
    assert found.metrics == pytest.approx({f"{how}_fvd": value})
    assert found.details[f"{how}_fvd"].n == 24


def test_p95_of_few_is_null(database):
    for number in range(19):
        ended(database, "owner", {"m": {"fvd": float(number)}})
    found = look(database, metric="fvd", how="p95")
    assert found.metrics == {"p95_fvd": None}
    assert "20" in found.details["p95_fvd"].reason


def test_what_was_not_measured_is_null_with_a_reason(database):
    found = look(database)
    assert (found.total_benchmarks, found.success_rate) == (0, None)
    assert set(found.metrics.values()) == set(found.trends.values()) == {None}
    assert found.reasons.keys() == found.trends.keys()
    assert all(detail.reason for detail in found.details.values())


def test_protocols_are_never_averaged(database):
    ended(database, "owner", {"m": {"fvd": (100.0, "old")}}, ago=600)
    ended(database, "owner", {"m": {"fvd": (300.0, "old")}}, ago=500)
    ended(database, "owner", {"m": {"fvd": (10.0, "new")}}, ago=60)
    detail = look(database, metric="fvd").details["avg_fvd"]
    assert (detail.value, detail.n, detail.protocol) == (10.0, 1, "new")
    assert [(o.protocol, o.n, o.value) for o in detail.others] == [("old", 2, 200.0)]


def test_a_trend_over_two_protocols_is_null(database):
    ended(database, "owner", {"m": {"overall_score": (1.0, "old")}}, ago=1.5 * DAY)
    ended(database, "owner", {"m": {"overall_score": (2.0, "new")}})
    found = look(database)
    assert found.trends["quality_trend"] is None
    assert "protocol" in found.reasons["quality_trend"]


def test_the_cancelled_count_neither_way(database):
    for status in ("completed", "completed", "completed", "failed", "cancelled"):
        ended(database, "owner", {"m": {}}, status=status)
    found = look(database)
    assert (found.total_benchmarks, found.success_rate) == (5, 0.75)


def test_top_models_by_count(database):
    for score in (70.0, 90.0):
        ended(database, "owner", {"often": {"overall_score": score}, "rare": {"overall_score": 1.0}})
    ended(database, "owner", {"often": {}}, status="failed")
    top = look(database).top_models
    assert [(t.model_name, t.benchmark_count, t.avg_score) for t in top] == [("often", 3, 80.0), ("rare", 2, 1.0)]


def test_spellings_of_one_model_are_one_model(database):
    for name in ("shapes-base", "shapes_base"):
        ended(database, "owner", {name: {"fvd": float(len(name))}, "shapes.small": {"fvd": 1.0}})
    top = look(database).top_models
    assert [(t.model_name, t.benchmark_count) for t in top] == [("shapes-base", 2), ("shapes-small", 2)]
    assert look(database, metric="fvd", model="Shapes_Base").details["avg_fvd"].n == 2
    found = compare_models(database, ["shapes_base", "shapes-small"], "fvd", "24h", time.time()).models
    assert [(m.model_name, m.benchmark_count, m.rank) for m in found] == [("shapes-small", 2, 1), ("shapes-base", 2, 2)]
    with pytest.raises(ValidationError, match="different"):
        compare_models(database, ["shapes_base", "shapes-base"], "fvd", "24h", time.time())


def test_filters_by_model_and_owner(database):
    with database.writing() as connection:
        row = {"id": "other", "username": "other", "permissions": [], "tier": "standard", "created_at": 0.0}
        connection.execute(insert(users).values(**row))
    ended(database, "owner", {"a": {"fvd": 1.0}, "b": {"fvd": 2.0}})
    ended(database, "other", {"b": {"fvd": 4.0}})
    assert look(database, metric="fvd", model="b").metrics == {"avg_fvd": 3.0}
    assert look(database, metric="fvd", owner="owner").metrics == {"avg_fvd": 1.5}
    assert look(database, model="a").total_benchmarks == 1
    assert look(database, owner="other").total_benchmarks == 1


def test_intervals_by_how_many_benchmarks_there_are():
    def figure(number, value, own=None):
        return Figure(f"b{number}", "m", "fvd", value, "p", float(number), 4, own, None, "")

    assert interval([figure(1, 2.0, (1.0, 3.0))]) == ((1.0, 3.0), None)
    assert interval([figure(1, 2.0), figure(2, 3.0)])[0] is None
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    low, high = interval([figure(n, value) for n, value in enumerate(values)])[0]
    assert 1.0 <= low < 3.5 < high <= 6.0


def test_aggregate_of_a_protocol_that_is_not_there():
    found = aggregate("fvd", [Figure("b", "m", "fvd", 1.0, "p", 0.0, 1, None, None, "")], protocol="q")
    assert (found.value, found.others[0].protocol) == (None, "p")


PROMPTS = [f"prompt{number}" for number in range(8)]


def clips_of(base, offsets, seed=1):
    return {(prompt, seed): base[i] + offsets[i] for i, prompt in enumerate(PROMPTS)}


BASE = [0.1, 0.9, 0.4, 0.7, 0.2, 0.5, 0.3, 0.8]
OFFSETS = [0.02, 0.04, 0.05, 0.01, 0.03, 0.06, 0.035, 0.045]


def test_models_are_ranked_and_tested_pair_by_pair(database):
    ended(database, "owner", {"a": {"sharpness": 0.5, "avg_latency_ms": 10.0}},
          clips={"a": {"sharpness": clips_of(BASE, OFFSETS)}})  # fmt: skip
    ended(database, "owner", {"b": {"sharpness": 0.4, "avg_latency_ms": 20.0}},
          clips={"b": {"sharpness": clips_of(BASE, [0.0] * 8)}})  # fmt: skip
    found = compare_models(database, ["b", "a"], "sharpness", "7d", time.time())
    assert [(m.model_name, m.rank, m.benchmark_count) for m in found.models] == [("a", 1, 1), ("b", 2, 1)]
    assert found.models[0].metrics == {"sharpness": 0.5, "latency_ms": 10.0}
    (pair,) = found.pairs
    assert pair.models == ("a", "b")
    assert (pair.n, pair.prompts, pair.significant) == (8, 8, True)
    assert pair.difference == pytest.approx(sum(OFFSETS) / 8)
    assert pair.p_value == pytest.approx(ttest_1samp(OFFSETS, 0).pvalue)
    assert pair.interval[0] < pair.difference < pair.interval[1]


def test_latency_is_better_when_less_and_paired_in_milliseconds(database):
    for name, seconds in (("slow", 0.5), ("fast", 0.25)):
        made = {(prompt, 1): seconds + 0.01 * i for i, prompt in enumerate(PROMPTS)}
        ended(database, "owner", {name: {"avg_latency_ms": 1000 * seconds}}, clips={name: {"avg_latency_ms": made}})
    found = compare_models(database, ["slow", "fast"], "avg_latency_ms", "24h", time.time())
    assert [m.model_name for m in found.models] == ["fast", "slow"]
    assert found.pairs[0].difference == pytest.approx(-250)


def test_other_seeds_are_no_pairs(database):
    for name, seed in (("a", 1), ("b", 2)):
        ended(database, "owner", {name: {"sharpness": 0.5}}, clips={name: {"sharpness": clips_of(BASE, BASE, seed)}})
    (pair,) = compare_models(database, ["a", "b"], "sharpness", "24h", time.time()).pairs
    assert (pair.p_value, pair.significant, pair.n) == (None, None, 0)
    assert "seed" in pair.reason


def test_figures_of_whole_sets_have_no_test_but_a_reason(database):
    ended(database, "owner", {"a": {"fvd": 10.0}, "b": {"fvd": 9.0}}, clips={"a": {}, "b": {}})
    found = compare_models(database, ["a", "b"], "fvd", "24h", time.time())
    assert [m.model_name for m in found.models] == ["b", "a"]
    assert found.pairs[0].p_value is None
    assert "single clips" in found.pairs[0].reason


def test_clips_of_another_protocol_are_left_out(database):
    for name, protocol in (("a", "old"), ("a", "new"), ("b", "new")):
        shift = 100.0 if protocol == "old" else 0.0
        ended(database, "owner", {name: {"sharpness": (0.5, protocol)}},
              clips={name: {"sharpness": clips_of([b + shift for b in BASE], OFFSETS)}})  # fmt: skip
    found = compare_models(database, ["a", "b"], "sharpness", "24h", time.time())
    assert found.protocol == "new"
    assert found.pairs[0].difference == pytest.approx(0)


def test_the_protocol_that_all_have_is_taken_before_a_newer_one(database):
    ended(database, "owner", {"a": {"fvd": (5.0, "shared")}, "b": {"fvd": (6.0, "shared")}}, ago=600)
    ended(database, "owner", {"a": {"fvd": (1.0, "newer")}}, ago=60)
    found = compare_models(database, ["a", "b"], "fvd", "24h", time.time())
    assert found.protocol == "shared"
    assert [m.metrics["fvd"] for m in found.models] == [5.0, 6.0]


def test_without_a_direction_nothing_is_ranked(database):
    ended(database, "owner", {"a": {"colorfulness": 1.0}, "b": {"colorfulness": 2.0}})
    found = compare_models(database, ["a", "b"], "colorfulness", "24h", time.time())
    assert [m.rank for m in found.models] == [None, None]
    assert "better" in found.reason


def test_equal_models_share_a_rank_and_the_unmeasured_has_none(database):
    ended(database, "owner", {"a": {"fvd": 1.0}, "b": {"fvd": 1.0}, "c": {"fvd": 2.0}, "d": {"sharpness": 1.0}})
    found = compare_models(database, ["d", "c", "b", "a"], "fvd", "24h", time.time())
    assert [(m.model_name, m.rank) for m in found.models] == [("b", 1), ("a", 1), ("c", 3), ("d", None)]
    assert len(found.pairs) == 6


def test_three_models_are_corrected_together(database):
    small = [0.001, -0.002, 0.004, -0.003, 0.002, 0.001, -0.001, 0.003]
    for name, offsets in (("a", OFFSETS), ("b", [0.0] * 8), ("c", small)):
        made = {name: {"sharpness": clips_of(BASE, offsets)}}
        ended(database, "owner", {name: {"sharpness": sum(offsets)}}, clips=made)
    found = compare_models(database, ["a", "b", "c"], "sharpness", "24h", time.time())
    by_models = {frozenset(pair.models): pair for pair in found.pairs}
    raw = {
        frozenset("ab"): ttest_1samp(OFFSETS, 0).pvalue,
        frozenset("ac"): ttest_1samp([o - s for o, s in zip(OFFSETS, small, strict=True)], 0).pvalue,
        frozenset("bc"): ttest_1samp(small, 0).pvalue,
    }
    least = min(raw, key=raw.get)
    assert by_models[least].p_value == pytest.approx(3 * raw[least])
    assert not by_models[frozenset("bc")].significant


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a"], [f"m{n}" for n in range(11)]])
def test_what_cannot_be_compared_is_refused(database, names):
    with pytest.raises(ValidationError, match="2 to 10 different"):
        compare_models(database, names, "fvd", "24h", time.time())
