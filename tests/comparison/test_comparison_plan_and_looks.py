"""Plans from a pilot, and runs that may stop early."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from compared_runs import Grained, clips_of, model_of, result_of, run_of
from vid_diffusion_bench import BenchmarkSuite, events
from vid_diffusion_bench.comparison import SequentialInfo, compare, plan
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import run, run_until_clear
from vid_diffusion_bench.exceptions import MetricNotFoundError, ValidationError
from vid_diffusion_bench.models import ModelRegistry
from vid_diffusion_bench.statistics import SequentialPlan
from vid_diffusion_bench.storage import load_result
from worse_models import Worse

RNG = np.random.default_rng(3)
FIRST, SECOND = RNG.normal(50, 8, 20), RNG.normal(47, 8, 20)


@pytest.fixture
def pilot(tmp_path):
    return run_of([model_of("a", clips_of(FIRST)), model_of("b", clips_of(SECOND))], tmp_path)


def test_the_plan_is_the_least_n_with_the_power_of_the_noncentral_t(pilot):
    found = plan([pilot], "score", 5.0)
    deviation = np.std(FIRST - SECOND, ddof=1)

    def power(n):
        limit, shift = stats.t.ppf(0.975, n - 1), 5.0 / (deviation / np.sqrt(n))
        return stats.nct.sf(limit, n - 1, shift) + stats.nct.cdf(-limit, n - 1, shift)

    (size,) = found.sizes
    assert size.power == pytest.approx(power(size.prompts))
    assert power(size.prompts - 1) < 0.8 <= power(size.prompts)
    assert found.observed_difference == pytest.approx(np.mean(FIRST - SECOND))
    assert any("one seed a prompt" in line for line in found.remarks)


def test_a_pilot_of_several_seeds_says_what_more_seeds_bring(tmp_path):
    values = np.repeat(RNG.normal(0, 3, 10), 4) + RNG.normal(0, 5, 40)
    models = [model_of("a", clips_of(values, seeds=4)), model_of("b", clips_of(values * 0, seeds=4))]
    found = plan([run_of(models, tmp_path)], "score", 2.0)
    prompts = [size.prompts for size in found.sizes]
    assert [size.seeds for size in found.sizes] == [1, 2, 4, 8]
    assert prompts == sorted(prompts, reverse=True)
    assert prompts[0] > prompts[-1]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("nonsense", 5.0), MetricNotFoundError, "nonsense"),
        (("score", 0.0), ValidationError, "cannot be planned"),
        (("score", float("nan")), ValidationError, "finite"),
        (("success_rate", 0.1), ValidationError, "no variance"),
        (("fvd", 5.0), ValidationError, "whole set"),
    ],
)
def test_what_cannot_be_planned_is_refused(tmp_path, arguments, error, says):
    whole = {"fvd": result_of("fvd", [1.0], better=False)}
    models = [model_of(n, clips_of(v), whole=whole) for n, v in (("a", FIRST), ("b", SECOND))]
    with pytest.raises(error, match=says):
        plan([run_of(models, tmp_path)], *arguments)


def test_a_plan_is_for_two_models(pilot):
    with pytest.raises(ValidationError, match="there are 1"):
        plan([pilot], "score", 5.0, models=["a"])


def test_a_pilot_of_two_protocols_is_refused(tmp_path):
    models = [
        model_of(name, clips_of(values), protocol={"size": size})
        for name, values, size in (("a", FIRST, 224), ("b", SECOND, 256))
    ]
    with pytest.raises(ValidationError, match="other protocols: size 224 against 256"):
        plan([run_of(models, tmp_path)], "score", 5.0)


COLOURS, MOTIONS = ("red", "blue", "green", "white"), ("moves", "turns", "rests")
PROMPTS = [f"{colour} thing {motion}" for colour in COLOURS for motion in MOTIONS]
METRIC = "motion_smoothness"


@pytest.fixture
def painters():
    ModelRegistry.register("plain", Worse)
    ModelRegistry.register("noisy", lambda: Grained(noise=25.0))
    ModelRegistry.register("same", Worse)
    yield
    for name in ("plain", "noisy", "same"):
        ModelRegistry.unregister(name)


def _config(folder, other, **fields):
    about = {"models": ["plain", other], "prompts": PROMPTS, "metrics": [METRIC, "dynamic_degree"], "warmup": 0}
    return BenchmarkConfig.create(**{**about, "device": "cpu", "output_dir": str(folder), **fields})


def test_a_clear_difference_stops_early_and_the_folder_is_a_normal_run(painters, tmp_path):
    steps = []
    result = run_until_clear(
        _config(tmp_path, "noisy"), METRIC, looks=3,
        listener=lambda event: steps.append(event.result) if isinstance(event, events.RunCompleted) else None,
    )  # fmt: skip
    info = SequentialInfo.model_validate(result.metadata["sequential"])
    assert (info.stopped_early, info.difference_found) == (True, True)
    assert info.used_prompts < info.planned_prompts == 12
    assert [look.boundary for look in info.looks] == list(SequentialPlan(3).boundaries[: len(info.looks)])
    assert all(abs(look.statistic) < look.boundary for look in info.looks[:-1])
    assert abs(info.looks[-1].statistic) >= info.looks[-1].boundary
    assert load_result(tmp_path) == result
    assert len(steps) == len(info.looks) + 1
    assert result.execution_time >= sum(step.execution_time for step in steps)
    assert list(result.models[0].metric_results) == [METRIC, "dynamic_degree"]
    found = compare([result])
    assert found.sequential == info
    assert any("stopped early" in line for line in found.warnings)
    started = []
    again = run_until_clear(
        _config(tmp_path, "noisy"), METRIC, looks=3,
        listener=lambda event: started.append(event) if isinstance(event, events.RunStarted) else None,
    )  # fmt: skip
    assert again.metadata == result.metadata
    assert all(event.done == event.total for event in started)
    whole = run(_config(tmp_path, "noisy"))
    assert len(whole.models[0].records) == 12
    assert {r.key for r in result.models[0].records} < {r.key for r in whole.models[0].records}


def test_a_model_against_itself_goes_to_the_end(painters, tmp_path):
    suite = BenchmarkSuite(device="cpu", output_dir=tmp_path)
    result = suite.compare_until_clear(
        ["plain", "same"], PROMPTS, metric=METRIC, looks=2, metrics=["dynamic_degree"], warmup=0
    )
    info = SequentialInfo.model_validate(result.metadata["sequential"])
    assert (info.stopped_early, info.difference_found, info.used_prompts) == (False, False, 12)
    assert METRIC in result.models[0].metrics


@pytest.mark.parametrize(
    ("fields", "metric", "looks", "error", "says"),
    [
        ({"models": ["plain", "noisy", "same"]}, METRIC, 3, ValidationError, "two models, not 3"),
        ({}, "fvd", 3, ValidationError, "whole set"),
        ({}, "nonsense", 3, MetricNotFoundError, "nonsense"),
        ({}, METRIC, 50, ValidationError, "looks"),
        ({"prompts": PROMPTS[:3]}, METRIC, 3, ValidationError, "6 prompts or more"),
    ],
)
def test_what_cannot_stop_early_makes_nothing(painters, tmp_path, fields, metric, looks, error, says):
    with pytest.raises(error, match=says):
        run_until_clear(_config(tmp_path / "r", "noisy", **fields), metric, looks=looks)
    assert not (tmp_path / "r").exists()
