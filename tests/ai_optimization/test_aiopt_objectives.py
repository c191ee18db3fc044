"""Each objective against its definition written out; what cannot be measured is refused."""

from __future__ import annotations

import statistics

import pytest

from vid_diffusion_bench.ai_optimization import OptimizationObjective
from vid_diffusion_bench.ai_optimization.budget import Budget
from vid_diffusion_bench.ai_optimization.confirm import _worth, compare, shortlist
from vid_diffusion_bench.ai_optimization.measured import Measured, Sample
from vid_diffusion_bench.ai_optimization.objectives import balanced, define, quality_and_latency
from vid_diffusion_bench.ai_optimization.result import Confirmed
from vid_diffusion_bench.ai_optimization.samplers import encode, make_sampler, suggest
from vid_diffusion_bench.ai_optimization.space import SearchSpace
from vid_diffusion_bench.exceptions import MetricNotFoundError, ValidationError


def _measured(qualities, latencies, memory=None):
    samples = [
        Sample(prompt_id=f"p{i // 2}", index=i % 2, quality=q, latency_ms=ms)
        for i, (q, ms) in enumerate(zip(qualities, latencies, strict=True))
    ]
    return Measured(
        setting={}, seed=0, clips=len(samples), latency_ms=statistics.fmean(latencies),
        quality=statistics.fmean(qualities), memory_gb=memory, samples=samples,
    )  # fmt: skip


DEFAULT = _measured([50.0, 60.0, 70.0, 80.0], [400.0, 420.0, 380.0, 400.0])
OTHER = _measured([70.0, 66.0, 77.0, 99.0], [200.0, 210.0, 190.0, 200.0], memory=3.5)


def _value(kind):
    (axis,) = define(kind, "cuda").axes
    return axis.value(OTHER, DEFAULT)


def test_each_objective_is_what_it_says():
    assert _value("quality") == pytest.approx(78.0)
    assert _value("latency") == pytest.approx(200.0)
    assert _value("memory") == 3.5
    assert _value("efficiency") == pytest.approx(statistics.fmean([70 / 0.2, 66 / 0.21, 77 / 0.19, 99 / 0.2]))
    assert _value("balanced") == pytest.approx((78 - 65) / 65 - (200 / 400 - 1))


def test_the_default_is_balanced_at_zero_and_fewer_of_a_lower_is_better_metric_is_a_gain():
    up, down = (balanced("m", up=up, by_clip=True) for up in (True, False))
    assert up.value(DEFAULT, DEFAULT) == pytest.approx(0.0)
    assert down.value(OTHER, DEFAULT) == pytest.approx(-(78 - 65) / 65 + 0.5)


def test_pareto_is_quality_up_and_latency_down():
    found = define("PARETO", "cpu")
    assert [(axis.name, axis.maximize) for axis in found.axes] == [("quality", True), ("latency", False)]
    assert found.directions == ["maximize", "minimize"]
    assert found.axes[0].definition.startswith("overall_score, the mean over clips")


@pytest.mark.parametrize("name", ["quality", "MAXIMIZE_QUALITY", "Maximize_Quality"])
def test_an_objective_is_known_by_value_and_by_name(name):
    assert OptimizationObjective.parse(name) is OptimizationObjective.MAXIMIZE_QUALITY


@pytest.mark.parametrize(
    ("kind", "device", "options", "error", "said"),
    [
        ("speed", "cpu", {}, ValidationError, "no objective 'speed'"),
        ("memory", "cpu", {}, ValidationError, "no GPU"),
        ("memory", "cpu", {"memory_metric": "load_seconds"}, ValidationError, "no measure of memory"),
        ("quality", "cpu", {"quality_metric": "dynamic_degree"}, ValidationError, "fact about clips"),
        ("efficiency", "cpu", {"quality_metric": "fvd"}, ValidationError, "less is better"),
        ("quality", "cpu", {"quality_metric": "nothing"}, MetricNotFoundError, "nothing"),
    ],
)
def test_what_cannot_be_an_objective_is_refused(kind, device, options, error, said):
    with pytest.raises(error, match=said) as caught:
        define(kind, device, **options)
    assert caught.value.remedy


def test_memory_of_the_process_is_taken_when_asked_for():
    assert define("memory", "cpu", memory_metric="peak_ram_gb").memory == "peak_ram_gb"


def test_a_distance_of_sets_has_no_value_clip_by_clip():
    found = define("quality", "cpu", quality_metric="fvd")
    assert not found.by_clip
    assert found.directions == ["minimize"]
    assert found.axes[0].interval(OTHER, DEFAULT) is None


def test_a_comparison_is_paired_by_prompt_and_index():
    quality, latency = quality_and_latency(define("pareto", "cpu"))
    many = [float(40 + 3 * i) for i in range(12)]
    own, other = _measured(many, [400.0] * 12), _measured([q + 5 for q in many], [300.0] * 12)
    found = compare(quality, other, own)
    # Every pair differs by 5: the interval of the differences has no width, that of the mean has.
    assert found.difference == pytest.approx(5)
    assert found.difference_interval == pytest.approx((5, 5))
    assert found.better is True
    assert found.interval[0] < found.value < found.interval[1]
    assert compare(latency, other, own).better is True
    assert compare(quality, own, other).better is False


def test_with_few_prompts_nothing_is_called_better():
    quality, _ = quality_and_latency(define("pareto", "cpu"))
    found = compare(quality, OTHER, DEFAULT)
    assert found.difference == pytest.approx(13)
    assert found.better is None
    assert "fewer than 5 prompts" in found.reason


def test_of_a_front_what_beats_the_default_goes_before_what_buys_one_with_the_other():
    found = define("pareto", "cpu")

    def worth(quality, latency, *, on_front=True):
        measured = _measured([quality] * 4, [latency] * 4)
        return _worth(found, Confirmed(setting={"v": 1}, seed=1, measured=measured, on_front=on_front), DEFAULT)

    cheap, both = worth(60.0, 40.0), worth(66.0, 300.0)
    assert cheap[1] > both[1]
    assert both > cheap
    assert worth(90.0, 10.0, on_front=False) < cheap


def test_the_shortlist_is_the_best_or_the_front():
    class Trial:
        def __init__(self, *values):
            self.user_attrs, self.values = {"setting": {"v": values}}, list(values)

    ones = [Trial(3.0), Trial(9.0), Trial(5.0)]
    assert [v for _, v in shortlist(define("quality", "cpu"), ones, 2)] == [[9.0], [5.0]]
    assert [v for _, v in shortlist(define("latency", "cpu"), ones, 2)] == [[3.0], [5.0]]
    twos = [Trial(5.0, 50.0), Trial(4.0, 60.0), Trial(9.0, 90.0), Trial(1.0, 10.0)]
    assert [v for _, v in shortlist(define("pareto", "cpu"), twos, 9)] == [[1.0, 10.0], [5.0, 50.0], [9.0, 90.0]]
    assert shortlist(define("pareto", "cpu"), [], 3) == []


@pytest.mark.parametrize(
    "fields",
    [{"max_evaluations": 0}, {"max_seconds": 0}, {"max_seconds": float("nan")}, {"max_cost": -1, "price_per_hour": 1}],
)
def test_a_budget_of_nothing_is_refused(fields):
    with pytest.raises(ValidationError, match="allows nothing"):
        Budget(**{"max_evaluations": 3, **fields})


def test_a_cost_is_machine_time_at_its_price():
    assert Budget(9, max_cost=0.5, price_per_hour=2.0).seconds == (900.0, "max_cost")
    assert Budget(9, max_seconds=60, max_cost=0.5, price_per_hour=2.0).seconds == (60, "max_seconds")
    with pytest.raises(ValidationError, match="price of the machine"):
        Budget(9, max_cost=0.5)


NUMBERS = SearchSpace({"a": (0.0, 1.0)}, {"b": [1, 2, 3]})
DEPENDENT = SearchSpace({"a": (0.0, 1.0)}, {}, {"s": ["x", "y"]}, {"a": {"s": ["x"]}})
WORDS = SearchSpace({"a": (0.0, 1.0)}, {}, {"s": ["x", "y"]})


@pytest.mark.parametrize(
    ("strategy", "space", "axes", "budget", "taken", "said"),
    [
        ("bayesian", WORDS, 1, 30, "gp", "after 10 random"),
        ("bayesian", WORDS, 2, 12, "gp", "after 4 random"),
        ("bayesian", WORDS, 2, 201, "tpe", "not a Gaussian process: more than 200 settings"),
        ("bayesian", DEPENDENT, 2, 30, "tpe", "not a Gaussian process: the search space has conditions"),
        ("gp", NUMBERS, 1, 30, "gp", "Gaussian"),
        ("random", WORDS, 1, 30, "random", ""),
        ("grid", WORDS, 1, 30, "grid", ""),
        ("evolutionary", NUMBERS, 1, 30, "cma-es", "number"),
        ("evolutionary", WORDS, 1, 200, "nsga-ii", "needs numbers, and no conditions; population 20"),
        ("evolutionary", NUMBERS, 2, 30, "nsga-ii", "several objectives"),
        ("evolutionary", SearchSpace({"a": (0, 1)}), 1, 30, "nsga-ii", "two parameters"),
        ("multi_objective", WORDS, 2, 30, "tpe", "not NSGA-II: fewer than 10 generations"),
        ("multi_objective", WORDS, 2, 500, "nsga-ii", "10 generations of 50"),
    ],
)  # fmt: skip
def test_the_result_says_which_sampler_was_taken_and_why(strategy, space, axes, budget, taken, said):
    found = make_sampler(strategy, space, axes=axes, evaluations=budget, seed=1)
    assert found.taken == taken
    assert said in found.reason


def test_a_search_that_gives_up_settings_learns_of_them():
    found = make_sampler("bayesian", WORDS, axes=1, evaluations=24, seed=1, prunes=True)
    assert (found.taken, "settings are pruned" in found.reason) == ("tpe", True)


@pytest.mark.parametrize(
    ("strategy", "said"), [("annealing", "no strategy 'annealing'"), ("multi_objective", "needs the objective pareto")]
)
def test_an_impossible_strategy_is_refused(strategy, said):
    with pytest.raises(ValidationError, match=said):
        make_sampler(strategy, WORDS, axes=1, evaluations=9, seed=0)


def test_optuna_is_told_the_order_of_numbers_and_gives_back_what_it_is_asked_for():
    import optuna

    space = SearchSpace({"eta": (0.1, 1.0, "log")}, {"n": [50, 10, 30]}, {"s": ["x", "y"]}, {"eta": {"s": ["x"]}})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for setting in ({"n": 30, "s": "x", "eta": 0.25}, {"n": 10, "s": "y"}):
        study.enqueue_trial(encode(space, setting))
        trial = study.ask()
        assert suggest(space, trial) == setting
    assert trial.params == {"n": 0, "s": "y"}
