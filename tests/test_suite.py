"""The SDK as the references print it (S01-S03, S15)."""

from __future__ import annotations

import logging

import pytest

from small_models import Painter
from vid_diffusion_bench import BenchmarkConfig, BenchmarkSuite, StandardPrompts, events
from vid_diffusion_bench.exceptions import (
    GenerationError,
    GenerationTimeoutError,
    InsufficientMemoryError,
    ModelNotFoundError,
    ValidationError,
)
from vid_diffusion_bench.models import ModelRegistry, register_model
from vid_diffusion_bench.storage import load_result

FAST = ["dynamic_degree"]
RED, BLUE = "a red circle moving left on a black background", "a blue star spinning on a white background"


@pytest.fixture
def suite(tmp_path):
    return BenchmarkSuite(device="cpu", output_dir=tmp_path / "results")


@pytest.fixture
def painter():
    register_model("painter")(Painter)
    yield
    ModelRegistry.unregister("painter")


def test_reference_1_basic_usage(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    benchmark = BenchmarkSuite()
    config = BenchmarkConfig(
        models=["svd_xt_1_1", "stable_video"],
        prompts=["A cat playing with a ball", "Ocean waves at sunset"],
        metrics=["fvd", "is", "clip_similarity"],
        batch_size=4,
        num_inference_steps=2,
    )
    results = benchmark.run(config)
    assert {model: list(metrics) for model, metrics in results.items()} == {
        "svd_xt_1_1": ["fvd", "is", "clip_similarity"],
        "stable_video": ["fvd", "is", "clip_similarity"],
    }
    assert results.status == "completed"
    assert load_result("outputs") == results


def test_reference_2_basic_usage(suite, named):
    result = suite.evaluate_model(
        model_name="svd-xt", prompts=StandardPrompts.DIVERSE_SET_V2[:2], num_frames=16, fps=8, metrics=FAST
    )
    assert result.metrics["dynamic_degree"] is not None
    assert result.performance["avg_latency_ms"] > 0
    assert [(record.clip.num_frames, record.clip.fps) for record in result.records] == [(16, 8.0)] * 2


def test_reference_2_comparison(tmp_path, named):
    suite = BenchmarkSuite(device="cpu", output_dir=tmp_path / "resultados", enable_monitoring=True)
    comparison = suite.evaluate_multiple_models(
        model_names=["svd-xt", "cogvideo", "pika-lumiere"],
        prompts=StandardPrompts.CINEMATIC_SET[:2],
        max_workers=2,
        save_videos=True,
        metrics=["motion_smoothness"],
    )
    report = suite.compare_models(comparison)
    assert report["pareto_frontier"]
    assert set(report["pareto_frontier"]) <= {"svd-xt", "cogvideo", "pika-lumiere"}
    assert report["pareto_axes"] == ["motion_smoothness", "avg_latency_ms"]
    assert [entry["rank"] for entry in report["ranking"]] == [1, 2, 3]
    values = [entry["value"] for entry in report["ranking"]]
    assert values == sorted(values, reverse=True)
    assert report["metrics"]["motion_smoothness"] == {
        name: comparison[name]["motion_smoothness"] for name in comparison
    }


def test_reference_2_errors(suite):
    with pytest.raises(ModelNotFoundError) as caught:
        suite.evaluate_model(model_name="invalid-model", prompts=["test prompt"])
    assert caught.value.model_name == "invalid-model"
    assert "svd-xt" in caught.value.available_models


def test_no_clip_within_the_time_is_a_timeout_error(suite, painter):
    with pytest.raises(GenerationTimeoutError) as caught:
        suite.evaluate_model("painter", ["slow one"], timeout_seconds=0.01, metrics=FAST, warmup=0)
    assert caught.value.timeout_seconds == 0.01
    assert caught.value.details["step"] >= 1


def test_no_clip_for_want_of_memory_is_a_memory_error(suite, painter):
    with pytest.raises(InsufficientMemoryError):
        suite.evaluate_model("painter", ["hungry one"], metrics=FAST)


def test_no_clip_for_another_reason_is_a_generation_error(suite, painter):
    with pytest.raises(GenerationError, match="the pipeline exploded"):
        suite.evaluate_model("painter", ["explode now"], metrics=FAST)


def test_one_failed_clip_among_others_is_a_record(suite, painter):
    result = suite.evaluate_model("painter", ["explode now", "paint"], metrics=FAST)
    assert result.success_rate == 0.5
    assert [record.status for record in result.records] == ["failed", "completed"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"prompts": "one text"}, "not a list"),
        ({"prompts": [RED], "num_frame": 8}, "num_frame"),
        ({"prompts": [RED], "num_frames": 0}, "num_frames"),
        ({"prompts": []}, "prompts"),
    ],
)
def test_what_cannot_be_done_is_a_validation_error(suite, arguments, says):
    with pytest.raises(ValidationError, match=says):
        suite.evaluate_model("shapes-oracle", **arguments)
    assert not suite.output_dir.exists()


def test_max_workers_must_be_a_number_of_workers(suite):
    with pytest.raises(ValidationError, match="max_workers"):
        suite.evaluate_multiple_models(["shapes-oracle"], [RED], max_workers=0)


def test_the_suites_folder_and_device_hold_unless_the_configuration_says_otherwise(suite, tmp_path):
    config = BenchmarkConfig(models=["shapes-oracle"], prompts=[RED], metrics=FAST)
    assert suite.run(config).config.output_dir == str(suite.output_dir)
    elsewhere = suite.run(config.model_copy(update={"output_dir": str(tmp_path / "elsewhere")}))
    assert load_result(tmp_path / "elsewhere") == elsewhere
    assert elsewhere.config.device == "cpu"


def test_the_listener_hears_the_run_and_monitoring_logs_it(tmp_path, caplog):
    heard = []
    suite = BenchmarkSuite(output_dir=tmp_path, enable_monitoring=True, listener=heard.append)
    with caplog.at_level(logging.INFO, logger="vid_diffusion_bench.suite"):
        suite.evaluate_model("shapes-oracle", [RED, BLUE], metrics=FAST)
    assert isinstance(heard[0], events.RunStarted)
    assert isinstance(heard[-1], events.RunCompleted)
    assert "shapes-oracle: clip 2 of 2 completed" in caplog.text
    caplog.clear()
    quiet = BenchmarkSuite(output_dir=tmp_path / "quiet")
    quiet.evaluate_model("shapes-oracle", [RED], metrics=FAST)
    assert not [entry for entry in caplog.records if entry.name == "vid_diffusion_bench.suite"]


def test_a_profile_of_a_model_at_the_users_prices(tmp_path, painter, monkeypatch):
    monkeypatch.setenv("VIDBENCH_PRICE_PER_HOUR", "3600")
    monkeypatch.setenv("VIDBENCH_CURRENCY", "EUR")
    suite = BenchmarkSuite(device="cpu", output_dir=tmp_path / "results")
    (level,) = suite.profile("painter", [RED, BLUE], height=16).levels
    latencies = [call.cost.latency for call in level.calls if call.kind == "steady"]
    cost = level.performance["cost_per_clip"]
    assert (cost.value, cost.unit) == (pytest.approx(sum(latencies) / 2), "EUR")
    assert not (tmp_path / "results").exists()
    result = suite.evaluate_model("painter", [RED], metrics=FAST, price_per_hour=0)
    assert result.performance["cost_per_clip"] == 0
    with pytest.raises(ValidationError, match="turbo"):
        suite.profile("painter", [RED], levels=["turbo"])
