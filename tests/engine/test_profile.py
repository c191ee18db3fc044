"""A profile of real models: what is apart stays apart, and every figure is of the calls it says."""

from __future__ import annotations

import threading
from statistics import fmean, median

import pytest

from vid_diffusion_bench import events
from vid_diffusion_bench.engine import optimization_levels, profile
from vid_diffusion_bench.exceptions import (
    GenerationCancelledError,
    GenerationError,
    ModelLoadingError,
    ValidationError,
    VidBenchError,
)
from vid_diffusion_bench.models import ModelRegistry, get_model
from vid_diffusion_bench.profiling import ProfileReport
from video_server import serving

SIZE = {"num_frames": 5, "height": 32, "width": 32, "num_inference_steps": 3}


@pytest.fixture(scope="module")
def report(tiny, tmp_path_factory):
    from vid_diffusion_bench.config import BenchmarkConfig

    config = BenchmarkConfig.create(
        models=[str(tiny("wan"))], prompts=["a red circle", "a blue square"], device="cpu", metrics=[],
        output_dir=str(tmp_path_factory.mktemp("profile")), **SIZE,
    )  # fmt: skip
    return profile(config, detailed=True)


def test_load_first_and_steady_calls_are_apart(report):
    (level,) = report.levels
    kinds = [call.kind for call in level.calls]
    assert kinds == ["load", "first", "steady", "steady"]
    load, first, *steady = level.calls
    assert level.load_seconds == load.cost.latency
    assert level.first_call_seconds == first.cost.latency
    assert level.steady_seconds == median(call.cost.latency for call in steady)
    assert level.first_call_extra == first.cost.latency - level.steady_seconds
    assert level.compile_seconds == 0
    assert level.step == median(step for call in steady for step in call.cost.steps)
    starts = [call.start for call in level.calls]
    assert starts == sorted(starts)
    assert all(a.start + a.cost.latency <= b.start for a, b in zip(level.calls, level.calls[1:], strict=False))


def test_stages_are_means_of_the_steady_calls_with_the_work_in_them(report, tiny):
    (level,) = report.levels
    steady = [call.cost for call in level.calls if call.kind == "steady"]
    stages = {stage.name: stage for stage in level.stages}
    assert set(stages) == {"text_encoder", "denoiser", "decoder", "post_processing", "other"}
    assert sum(stage.share for stage in stages.values()) == pytest.approx(1)
    denoiser = stages["denoiser"]
    assert denoiser.seconds == pytest.approx(fmean(cost.stages["denoiser"] for cost in steady))
    assert denoiser.flops_per_second == pytest.approx(denoiser.flops / denoiser.seconds)
    assert denoiser.peak_share == pytest.approx(denoiser.flops_per_second / report.peak.flops_per_second)
    model = get_model(str(tiny("wan")))
    model.load("cpu", "fp32")
    for stage, modules in model.stages().items():
        assert stages[stage].parameters == sum(p.numel() for module in modules for p in module.parameters())
        assert stages[stage].flops > 0


def test_the_timeline_has_the_memory_of_every_call(report):
    for call in report.levels[0].calls:
        assert call.cost.sampled_rss == max(sample.rss for sample in call.memory)
        assert all(sample.process_vram is None for sample in call.memory)
    assert len(report.levels[0].calls[2].steps) == 3


def test_performance_is_that_of_the_steady_clips(report):
    (level,) = report.levels
    steady = [call.cost.latency for call in level.calls if call.kind == "steady"]
    assert level.performance["avg_latency_ms"].value == pytest.approx(1000 * fmean(steady))
    assert level.performance["avg_latency_ms"].n == 2


def test_a_report_is_read_again_as_it_was_written(report):
    assert ProfileReport.model_validate_json(report.model_dump_json()) == report


def test_a_model_without_modules_is_profiled_as_a_whole(configure, painter):
    report = profile(configure("a red circle"))
    (level,) = report.levels
    assert [stage.name for stage in level.stages] == ["other"]
    assert level.stages[0].flops is None
    assert "no modules" in level.flops_reason
    assert not any(call.memory for call in level.calls)
    assert len(painter.made) == 2


def test_events_tell_of_every_clip(configure, painter):
    seen = []
    profile(configure("a", "b"), listener=seen.append)
    assert (seen[0].total, seen[0].done) == (2, 0)
    assert [event.done for event in seen if isinstance(event, events.SampleCompleted)] == [1, 2]


@pytest.mark.parametrize("levels", [["max"], ["baseline", "turbo"], []])
def test_levels_that_are_not_there_are_refused_before_any_work(configure, painter, levels):
    with pytest.raises(ValidationError) as caught:
        profile(configure("a"), levels=levels)
    assert all(level in caught.value.remedy for level in optimization_levels())
    assert painter.made == []


def test_a_call_that_fails_is_one_clear_error_and_the_model_is_unloaded(configure, painter, monkeypatch):
    gone = []
    monkeypatch.setattr(painter, "unload", lambda: gone.append(1))
    with pytest.raises(GenerationError, match="painter failed: RuntimeError: the pipeline exploded"):
        profile(configure("explode"))
    assert gone


def test_a_model_that_cannot_load_is_one_clear_error(configure, painter, monkeypatch):
    def torn(_device, _precision):
        raise KeyError("weights")

    monkeypatch.setattr(painter, "load", torn)
    with pytest.raises(ModelLoadingError, match="painter cannot be loaded: KeyError"):
        profile(configure("a"))
    with pytest.raises(ModelLoadingError, match="torn"):
        profile(configure("a", models=["unloadable"]))


def test_a_stop_ends_it(configure, painter):
    stop = threading.Event()

    def listener(event):
        if isinstance(event, events.StepCompleted):
            stop.set()

    with pytest.raises(GenerationCancelledError):
        profile(configure("a"), listener=listener, stop=stop)
    assert painter.made == []


def test_a_model_on_a_server_cannot_be_taken_apart(configure):
    with serving("job") as server, pytest.raises(ValidationError, match="runs on a server"):
        profile(configure(models=[server.reference]))


def test_a_model_that_is_not_there_is_one_error(configure, painter):
    with pytest.raises(VidBenchError):
        profile(configure("a", models=["reluctant"]))
    assert "painter" in ModelRegistry
