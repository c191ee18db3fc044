"""Real pipelines at tiny random weights: schedulers, what a model takes of a space, the reference's snippet."""

from __future__ import annotations

import pytest

from vid_diffusion_bench import BenchmarkSuite
from vid_diffusion_bench.ai_optimization import AIOptimizationEngine, OptimizationObjective, Options, SearchSpace
from vid_diffusion_bench.ai_optimization.applied import config_fields, default_space, fit_space
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models import get_model
from vid_diffusion_bench.optimization import OptimizationProfile

PROMPTS = ["a red circle", "a blue square"]
REFERENCE = SearchSpace(
    continuous_params={"guidance_scale": (1.0, 15.0), "eta": (0.0, 1.0)},
    discrete_params={"num_inference_steps": [10, 20, 30, 50], "num_frames": [8, 16, 24, 32]},
    categorical_params={"scheduler": ["ddim", "dpm", "euler", "lms"], "precision": ["fp16", "fp32"]},
)


def _fit(space, folder):
    model = get_model(str(folder))
    return fit_space(space, model, BenchmarkConfig.create(models=[str(folder)], prompts=PROMPTS), "cpu")


def test_a_model_that_predicts_noise_takes_all_of_the_reference_space(tiny):
    fitted, left_out = _fit(REFERENCE, tiny("animatediff"))
    assert left_out == {}
    assert fitted.to_dict() == REFERENCE.to_dict()


def test_what_a_flow_model_cannot_take_is_left_out_with_the_reason(tiny):
    space = SearchSpace(
        {"eta": (0.0, 1.0), "guidance_scale": (1.0, 5.0)},
        {"num_frames": [8, 9, 13]},
        {"scheduler": ["ddim", "dpm", "euler", "unipc"], "precision": ["fp16", "fp32"]},
        {"eta": {"scheduler": ["ddim"]}},
    )
    fitted, left_out = _fit(space, tiny("ltx"))
    assert fitted.names == ["guidance_scale", "num_frames", "scheduler", "precision"]
    assert fitted.values("scheduler") == ["euler", "unipc"]
    assert fitted.values("num_frames") == [9, 13]
    assert set(left_out) == {"eta", "num_frames=8", "scheduler=ddim", "scheduler=dpm"}
    assert "eta" in left_out["eta"]
    assert "predict a flow" in left_out["scheduler=ddim"]
    assert "sets the noise levels itself" in left_out["scheduler=dpm"]
    assert "num_frames=5 or 9" in left_out["num_frames=8"] or "frames, not 8" in left_out["num_frames=8"]


def test_the_default_space_holds_the_schedulers_the_model_has(tiny):
    config = BenchmarkConfig.create(models=["m"], prompts=PROMPTS)
    noise, _ = default_space(get_model(str(tiny("animatediff"))), config, "cpu")
    flow, left_out = default_space(get_model(str(tiny("ltx"))), config, "cpu")
    assert {"ddim", "dpm", "euler", "lms", "unipc"} <= set(noise.values("scheduler"))
    assert set(flow.values("scheduler")) == {"euler", "lcm", "unipc"}
    assert "scheduler=ddim" in left_out
    assert noise.names == ["guidance_scale", "num_inference_steps", "scheduler"]


def test_a_setting_becomes_fields_of_a_configuration():
    fields = config_fields(
        {"num_inference_steps": 8, "scheduler": "dpm", "precision": "bf16", "eta": 0.5},
        OptimizationProfile(compile_model=True),
    )
    assert fields == {
        "num_inference_steps": 8,
        "scheduler": "dpm",
        "extra": {"eta": 0.5},
        "optimization": OptimizationProfile(precision="bf16", compile_model=True),
    }
    with pytest.raises(ValidationError, match="precision"):
        config_fields({"precision": "fp7"})


def test_the_references_snippet_as_printed(tmp_path, monkeypatch, named):
    """With a budget of 3 of the 50, one prompt and fewer steps, so that it takes seconds: nothing else is changed."""
    monkeypatch.chdir(tmp_path)
    suite = BenchmarkSuite()
    optimizer = AIOptimizationEngine(suite)
    search_space = SearchSpace(
        continuous_params={"guidance_scale": (1.0, 15.0), "eta": (0.0, 1.0)},
        discrete_params={"num_inference_steps": [1, 2, 3], "num_frames": [2, 4]},
        categorical_params={"scheduler": ["ddim", "dpm", "euler", "lms"], "precision": ["fp16", "fp32"]},
    )
    result = optimizer.optimize_benchmark_parameters(
        model_name="svd-xt",
        objective=OptimizationObjective.MAXIMIZE_QUALITY,
        strategy="bayesian",
        search_space=search_space,
        max_evaluations=3,
        prompts=PROMPTS[:1],
        options=Options(quality_metric="motion_smoothness", top=1),
    )

    assert set(result.best_parameters) <= set(search_space.names)
    assert float(f"{result.best_score:.3f}") == pytest.approx(result.best_score, abs=1e-3)
    assert f"{result.elapsed_time:.1f}s" != "0.0s"
    assert len(result.trials) == 3
    assert all(trial.state == "complete" for trial in result.trials), [t.reason for t in result.trials]
    assert {trial.setting["precision"] for trial in result.trials} <= {"fp16", "fp32"}


def test_on_the_built_in_model_a_better_scheduler_is_found_and_confirmed(tmp_path):
    """The small version of benchmarks/optimize.py: quality alone, which the clock does not move."""
    result = AIOptimizationEngine(BenchmarkSuite(device="cpu", output_dir=tmp_path)).optimize_benchmark_parameters(
        "shapes-base",
        "quality",
        "grid",
        SearchSpace({}, {"num_inference_steps": [6]}, {"scheduler": ["euler", "lcm"]}),
        2,
        options=Options(top=1),
        guidance_scale=1.0,
    )
    assert result.best_parameters == {"num_inference_steps": 6, "scheduler": "lcm"}
    (quality,) = [found for found in result.comparisons if found.axis == "quality"]
    assert quality.difference > 0
    assert result.best_score > result.default_score
