"""Comparisons of runs written by hand, against SciPy and against what the values say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from compared_runs import clips_of, model_of, result_of, run_of
from vid_diffusion_bench.comparison import Comparison, Question, compare
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, MetricNotFoundError, ValidationError
from vid_diffusion_bench.statistics import benjamini_hochberg, holm

RNG = np.random.default_rng(7)
COMMON = RNG.normal(50, 10, 24)
NOISE = RNG.normal(0, 2, (3, 24))
VALUES = {"a": COMMON + 4 + NOISE[0], "b": COMMON + NOISE[1], "c": COMMON - 0.2 + NOISE[2]}


@pytest.fixture
def run(tmp_path):
    latency = {"a": 0.9, "b": 0.3, "c": 0.5}
    return run_of([model_of(name, clips_of(v, latency=latency[name])) for name, v in VALUES.items()], tmp_path)


def pair(comparison, first, second, name="score"):
    return next(d for d in comparison.figure(name).differences if (d.first, d.second) == (first, second))


def test_each_pair_is_tested_as_scipy_tests_it(run):
    found = compare([run])
    for first, second in (("a", "b"), ("a", "c"), ("b", "c")):
        one, expected = pair(found, first, second), stats.ttest_rel(VALUES[first], VALUES[second])
        assert one.test == "paired t"
        assert (one.statistic, one.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
        assert one.difference == pytest.approx(np.mean(VALUES[first] - VALUES[second]))
        assert one.confidence_interval[0] < one.difference < one.confidence_interval[1]
        assert (one.n, one.prompts) == (24, 24)
    assert [pair(found, *two).better for two in (("a", "b"), ("a", "c"), ("b", "c"))] == ["a", "a", None]


def test_p_values_are_adjusted_within_a_figure_and_across_all(run):
    found = compare([run])
    every = [one for figure in found.figures for one in figure.differences]
    assert [one.q_value for one in every] == pytest.approx(benjamini_hochberg([one.p_value for one in every]))
    for figure in found.figures:
        raw = [one.p_value for one in figure.differences]
        assert [one.p_holm for one in figure.differences] == pytest.approx(holm(raw))


def test_a_lower_latency_is_better_and_equal_success_is_no_difference(run):
    found = compare([run])
    assert pair(found, "a", "b", "avg_latency_ms").better == "b"
    success = pair(found, "a", "b", "success_rate")
    assert (success.difference, success.p_value, success.better, success.reason) == (
        0,
        1.0,
        None,
        "all pairs are equal",
    )


@pytest.mark.parametrize("asked", ["t", "wilcoxon", "sign-flip"])
def test_a_test_that_is_asked_for_is_taken(run, asked):
    found = compare([run], question=Question(test=asked, metrics=["score"]))
    one, values = pair(found, "a", "b"), VALUES["a"] - VALUES["b"]
    expected = {
        "t": lambda: stats.ttest_1samp(values, 0),
        "wilcoxon": lambda: stats.wilcoxon(values, method="exact"),
        "sign-flip": lambda: stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=9999, rng=1
        ),
    }[asked]()
    assert one.p_value == pytest.approx(expected.pvalue, abs=1e-4 if asked == "sign-flip" else 1e-10)
    assert one.effect == ("rank-biserial" if asked == "wilcoxon" else "Hedges' g")
    assert any(asked in line for line in found.methods)


def test_ranks_leave_open_what_the_pairs_leave_open(run):
    ranks = {rank.name: rank for rank in compare([run]).figure("score").ranks}
    assert (ranks["a"].rank, ranks["a"].interval) == (1, (1, 1))
    assert ranks["b"].interval == ranks["c"].interval == (2, 3)
    assert ranks["a"].probability_best > 0.99
    assert sum(rank.probability_best for rank in ranks.values()) == pytest.approx(1)


def test_seeds_of_a_prompt_count_once(tmp_path):
    few = RNG.normal(1, 1, 8)
    many = np.repeat(few, 6)
    first, second = model_of("a", clips_of(many, seeds=6)), model_of("b", clips_of(many * 0, seeds=6))
    one = pair(compare([run_of([first, second], tmp_path)]), "a", "b")
    assert (one.n, one.prompts) == (48, 8)
    assert one.p_value == pytest.approx(stats.ttest_1samp(few, 0).pvalue)


def test_failed_clips_are_left_out_of_pairs_and_counted_in_success(tmp_path):
    holes = [None if at in (3, 5) else value for at, value in enumerate(VALUES["b"])]
    found = compare([run_of([model_of("a", clips_of(VALUES["a"])), model_of("b", clips_of(holes))], tmp_path)])
    assert pair(found, "a", "b").n == 22
    assert pair(found, "a", "b", "success_rate").difference == pytest.approx(2 / 24)
    assert [subject.clips for subject in found.subjects] == [24, 22]


def test_the_frontier_knows_how_surely(run):
    found = compare([run], question=Question(budgets={"avg_latency_ms": 600}, floors={"score": 48})).frontier
    chances = {one.name: one.probability for one in found.members}
    assert chances["a"] > 0.99
    assert chances["b"] == 1.0
    assert 0 < chances["c"] < 1
    assert {"a", "b"} <= set(found.front)
    worst = min(one.values["score"] for one in found.members)
    span = max(one.values["score"] for one in found.members) - worst
    assert found.reference_point["score"] == pytest.approx(worst - span / 10)
    values = {one.name: one.values for one in found.members}
    affordable = max(("b", "c"), key=lambda name: values[name]["score"])
    assert [choice.name for choice in found.choices] == [affordable, "a"]


def test_the_hypervolume_is_the_area_of_the_boxes(tmp_path):
    run = run_of([model_of(n, clips_of(VALUES[n], latency=s)) for n, s in (("a", 0.9), ("b", 0.3))], tmp_path)
    found = compare([run]).frontier
    values = {one.name: one.values for one in found.members}
    x, y = found.reference_point["avg_latency_ms"], found.reference_point["score"]
    area = (x - values["a"]["avg_latency_ms"]) * (values["a"]["score"] - y)
    area += (values["a"]["avg_latency_ms"] - values["b"]["avg_latency_ms"]) * (values["b"]["score"] - y)
    assert found.hypervolume == pytest.approx(area)


def test_a_reference_point_that_is_given_in_part_is_said_to_be(run):
    rule = compare([run], question=Question(reference_point={"score": 0.0})).frontier.reference_rule
    assert rule.startswith("as given; of avg_latency_ms the worst value")


def test_margins_show_equivalence_and_who_is_not_worse(run):
    found = compare([run], question=Question(margins={"score": 3.0}))
    close, far = pair(found, "b", "c").margin, pair(found, "a", "b").margin
    assert (close.equivalent, close.first_not_worse, close.second_not_worse) == (True, True, True)
    assert (far.equivalent, far.first_not_worse, far.second_not_worse) == (False, True, False)


def test_other_protocols_are_refused_with_the_fields_that_differ(tmp_path):
    protocols = [{"metric": "score", "features": {"net": {"size": size}}} for size in (224, 256)]
    models = [model_of(n, clips_of(VALUES[n]), protocol=p) for n, p in zip("ab", protocols, strict=True)]
    found = compare([run_of(models, tmp_path)])
    figure = found.figure("score")
    assert figure.differences == []
    assert [one.differing for one in figure.refused] == [{"features.net.size": "224 against 256"}]
    assert figure.ranks == []
    assert "features.net.size differ" in figure.ranks_reason
    assert "features.net.size: 224 against 256" in found.frontier.reason


def test_runs_of_one_model_are_told_apart_and_paired_by_prompt_where_no_seed_is_shared(tmp_path):
    runs = [
        run_of([model_of("a", clips_of(VALUES[name]), base_seed=seed)], tmp_path / f"r{seed}", benchmark_id=f"b{seed}")
        for name, seed in (("a", 1), ("b", 2))
    ]
    found = compare(runs)
    assert [subject.name for subject in found.subjects] == ["a (r1)", "a (r2)"]
    assert found.paired_by == "prompt"
    assert any("share no seed" in line for line in found.warnings)
    assert pair(found, "a (r1)", "a (r2)").n == 24


def test_a_run_of_other_prompts_does_not_cost_the_others_their_seeds(tmp_path):
    elsewhere = [(f"q{at}", *rest) for at, (_, *rest) in enumerate(clips_of(VALUES["c"]))]
    models = [model_of("a", clips_of(VALUES["a"])), model_of("b", clips_of(VALUES["b"])), model_of("c", elsewhere)]
    found = compare([run_of(models, tmp_path)])
    assert found.paired_by == "prompt and seed"
    assert [count.pairs for count in found.pairs] == [24, 0, 0]
    assert pair(found, "a", "b").better == "a"
    assert pair(found, "a", "c").reason == "no pair has a value of both"


def test_other_parameters_are_said(tmp_path):
    models = [
        model_of(name, clips_of(VALUES[name]), parameters={"num_inference_steps": steps})
        for name, steps in (("a", 4), ("b", 8))
    ]
    found = compare([run_of(models, tmp_path)])
    assert found.pairs[0].differing == {"num_inference_steps": "4 against 8"}
    assert any("num_inference_steps 4 against 8" in line for line in found.warnings)


def test_a_comparison_survives_json(run):
    found = compare([run], question=Question(margins={"score": 1.0}))
    assert Comparison.model_validate(json.loads(found.model_dump_json())) == found


@pytest.mark.parametrize(
    ("values", "reason", "p_value"),
    [
        ({"a": [1.0], "b": [2.0]}, "of one prompt", None),
        ({"a": [1.0] * 8, "b": [1.0] * 8}, "all pairs are equal", 1.0),
        ({"a": [0.1 + 0.2] * 8, "b": [0.3] * 8}, "all pairs are equal", 1.0),
        ({"a": [2.0] * 8, "b": [1.0] * 8}, None, 2 / 2**8),
        ({"a": [1.0, None] * 4, "b": [None, 1.0] * 4}, "no pair has a value of both", None),
    ],
)
def test_little_data_has_its_reason(tmp_path, values, reason, p_value):
    models = [model_of(name, clips_of(v)) for name, v in values.items()]
    one = pair(compare([run_of(models, tmp_path)]), "a", "b")
    assert one.p_value == p_value
    assert (one.reason is None) == (reason is None)
    assert reason is None or reason in one.reason


def test_few_prompts_have_no_interval_and_no_finding(tmp_path):
    models = [model_of("a", clips_of([5.0, 6.0, 7.0, 8.5, 9])), model_of("b", clips_of([1.0, 1, 1, 1, 1]))]
    one = pair(compare([run_of(models, tmp_path)]), "a", "b")
    assert (one.confidence_interval, one.better) == (None, None)
    assert "6 are needed" in one.interval_reason


def test_nothing_in_common_or_all_failed_is_a_reason_and_no_crash(tmp_path):
    other = [(f"q{at}", *rest) for at, (_, *rest) in enumerate(clips_of(VALUES["b"]))]
    found = compare([run_of([model_of("a", clips_of(VALUES["a"])), model_of("b", other)], tmp_path)])
    assert found.reason == "no prompt is common to all that is compared"
    assert found.figures == []
    failed = run_of([model_of("a", clips_of([None] * 6)), model_of("b", clips_of(VALUES["b"][:6]))], tmp_path)
    assert "a made no clip of 6 samples: it broke" in compare([failed]).warnings
    figure = compare([failed]).figure("score")
    assert figure.reason == "a: no clip to score"
    assert compare([run_of([model_of("a", clips_of(VALUES["a"]))], tmp_path)]).reason.startswith("one model alone")


@pytest.mark.parametrize(
    ("question", "error", "says"),
    [
        ({"metrics": ["nonsense"]}, MetricNotFoundError, "nonsense"),
        ({"objectives": ["score", "nonsense"]}, MetricNotFoundError, "nonsense"),
        ({"margins": {"score": -1.0}}, ValidationError, "margin of score is above zero"),
        ({"margins": {"score": float("nan")}}, ValidationError, "margin of score is above zero"),
        ({"margins": {"score": float("inf")}}, ValidationError, "margin of score is above zero"),
        ({"test": "anova"}, ValidationError, "no test 'anova'"),
        ({"alpha": 1.5}, ValidationError, "alpha is between 0 and 1"),
        (
            {"objectives": ["score", "avg_latency_ms"], "budgets": {"success_rate": 1.0}},
            ValidationError,
            "no objective",
        ),
    ],
)
def test_impossible_questions_are_refused(run, question, error, says):
    with pytest.raises(error, match=says):
        compare([run], question=Question(**question))


def test_impossible_runs_are_refused(run, tmp_path):
    with pytest.raises(ValidationError, match="no runs are given"):
        compare([])
    with pytest.raises(ValidationError, match="a ModelResult is no run"):
        compare([model_of("a", clips_of(VALUES["a"]))])
    with pytest.raises(ValidationError, match="no run has a model 'z'"):
        compare([run], ["z"])
    with pytest.raises(BenchmarkNotFoundError):
        compare([tmp_path / "nothing"])


def test_an_objective_without_direction_is_none(tmp_path):
    models = [model_of(name, clips_of(VALUES[name]), better=None) for name in "ab"]
    with pytest.raises(ValidationError, match="no direction of it is better"):
        compare([run_of(models, tmp_path)], question=Question(objectives=["score", "avg_latency_ms"]))
    one = pair(compare([run_of(models, tmp_path)]), "a", "b")
    assert one.better is None
    assert one.p_holm < 0.05


def test_a_number_of_a_whole_set_without_features_says_how_to_get_a_p_value(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(tmp_path / "cache"))
    whole = {"fvd": result_of("fvd", [100.0], better=False, protocol={"n_per_set": 24})}
    models = [model_of(name, clips_of(VALUES[name]), whole=whole) for name in "ab"]
    one = pair(compare([run_of(models, tmp_path)]), "a", "b", "fvd")
    assert one.p_value is None
    assert "not at hand" in one.reason
    assert "vid-bench score RUN" in one.reason
