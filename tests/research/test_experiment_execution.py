"""Experiments through the engine: the snippet as printed, order, resumption, failures, stops (S09)."""

import json
import multiprocessing
import os
import signal
import threading
from itertools import groupby

import numpy as np
import pytest
import torch  # noqa: F401 - imported here, the killed processes have it already

from small_models import Painter, Reluctant, Unloadable
from vid_diffusion_bench import events
from vid_diffusion_bench.exceptions import ModelLoadingError, ModelNotFoundError, RunLockedError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import ModelRegistry, register_model
from vid_diffusion_bench.models.diffusers import to_uint8
from vid_diffusion_bench.research import ExperimentalFramework, ExperimentResults
from vid_diffusion_bench.storage import RunStore
from vid_diffusion_bench.video import Video

LOADS = []


class Compressor(Painter):
    """A painter whose call takes ``compression_ratio``, as a pipeline might: it washes the picture out."""

    def provenance(self):
        return {"class": "Compressor"}

    def check(self, parameters, batch_size):
        if unknown := set(parameters.extra) - {"compression_ratio"}:
            raise ValidationError(f"Compressor takes no {sorted(unknown)}")

    def load(self, device, precision):
        LOADS.append(self)

    def generate(self, requests, on_step):
        ratio = requests[0].parameters.extra.get("compression_ratio", 0.0)
        return [
            Video(to_uint8(video.frames / 255.0 * (1 - ratio) + 0.5 * ratio), video.fps)
            for video in super().generate(requests, on_step)
        ]


@pytest.fixture
def painters():
    models = {"painter": Painter, "compressor": Compressor, "torn": Unloadable, "away": Reluctant}
    for name, model in models.items():
        register_model(name)(model)
    LOADS.clear()
    yield
    for name in models:
        ModelRegistry.unregister(name)


@pytest.fixture
def under_the_snippets_names():
    """Small models under the snippet's names, one of whose call takes ``compression_ratio``."""
    before = {name: ModelRegistry.get(name) for name in ("svd-xt", "svd")}
    ModelRegistry.register("svd-xt", Compressor)
    ModelRegistry.register("svd", Painter)
    yield
    for name, factory in before.items():
        ModelRegistry.register(name, factory)


def snippet():
    """Reference 1, as printed."""
    framework = ExperimentalFramework()
    experiment = framework.design_experiment(
        research_question="Does context compression improve generation quality?",
        variables={
            "compression_ratio": [0.1, 0.3, 0.5, 0.7],
            "model": ["svd_xt_1_1", "stable_video"]
        },
        metrics=["fvd", "is", "perceptual_quality"],
        sample_size=100
    )  # fmt: skip
    results = framework.execute_experiment(experiment)
    analysis = framework.analyze_results(results, significance_level=0.05)
    return results, analysis


@pytest.mark.usefixtures("named")
def test_the_snippet_of_reference_1_runs_as_printed_where_no_pipeline_takes_the_variable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results, analysis = snippet()
    assert results.status == "failed"
    assert len(results.failed) == 800
    refused = "AnimateDiffPipeline takes no 'compression_ratio'"
    assert {clip.failure for clip in results.failed} == {
        f"{name}: {refused}" for name in ("svd_xt_1_1", "stable_video")
    }
    assert all(metric.method is None for metric in analysis.metrics)
    assert analysis.metric("fvd").reason == "no clip was completed"
    assert "perceptual_quality" in analysis.metric("perceptual_quality").reason
    assert all(
        "4 conditions" in note and f"could not be set: {note.split(': ')[1]}: {refused}" in note
        for note in analysis.notes
    )
    assert len(analysis.notes) == 2
    assert "Nothing could be tested" in analysis.summary()
    assert analysis.to_html("page.html").stat().st_size > 0


@pytest.mark.usefixtures("under_the_snippets_names")
@pytest.mark.slow
def test_the_snippet_of_reference_1_runs_as_printed_where_a_pipeline_takes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results, _ = snippet()
    assert sum(clip.status == "completed" for clip in results.clips) == 800


def small(framework, variables, *, metrics=("sharpness",), prompts=("one", "two", "three"), **more):
    return framework.design_experiment(
        "q", variables, list(metrics), more.pop("sample_size", len(prompts)), prompts=list(prompts), **more
    )


@pytest.fixture
def framework(tmp_path):
    return ExperimentalFramework(device="cpu", output_dir=tmp_path / "experiments")


def loss(real, generated):
    return {"perceptual_quality": float(np.mean([video.frames.std() for video in generated]))}


@pytest.mark.usefixtures("painters")
def test_a_variable_that_the_call_takes_reaches_it_and_is_found(framework):
    variables = {"compression_ratio": [0.0, 0.4, 0.8], "model": ["compressor"]}
    experiment = small(framework, variables, metrics=["sharpness", "perceptual_quality"], prompts=["a", "b", "c", "d"])
    MetricRegistry.register("perceptual_quality", loss)
    try:
        results = framework.execute_experiment(experiment)
    finally:
        MetricRegistry.unregister("perceptual_quality")
    analysis = framework.analyze_results(results)
    assert analysis.metric("sharpness").effect("compression_ratio").significant
    spread = {c.settings["compression_ratio"]: c.whole_set["perceptual_quality"].value for c in analysis.conditions}
    assert spread[0.0] > spread[0.4] > spread[0.8]
    assert "whole sets" in analysis.metric("perceptual_quality").reason


@pytest.mark.usefixtures("painters")
def test_half_of_the_models_cannot_be_set_and_the_rest_is_measured(framework):
    variables = {"compression_ratio": [0.1, 0.7], "model": ["compressor", "torn"]}
    results = framework.execute_experiment(small(framework, variables))
    assert results.status == "completed"
    by_model = {name: [clip for clip in results.clips if clip.settings["model"] == name] for name in variables["model"]}
    assert {clip.status for clip in by_model["compressor"]} == {"completed"}
    assert {clip.failure for clip in by_model["torn"]} == {"the weights are torn (sew them)"}
    analysis = framework.analyze_results(results)
    assert "only one of its levels" in analysis.metric("sharpness").effect("model").reason
    assert analysis.metric("sharpness").effect("compression_ratio").p_value is not None
    assert any("the weights are torn" in note for note in analysis.notes)


@pytest.mark.usefixtures("painters")
def test_seeds_are_the_same_in_every_condition_and_the_order_is_kept(framework):
    made = []

    def listener(event):
        if isinstance(event, events.SampleCompleted):
            about = event.record
            made.append((about.parameters.num_frames, about.prompt, about.index))

    experiment = small(framework, {"model": ["painter"], "num_frames": [3, 5]}, sample_size=6)
    results = framework.execute_experiment(experiment, listener=listener)
    frames = {condition.id: condition.settings["num_frames"] for condition in experiment.conditions}
    assert made == [(frames[trial.condition], trial.prompt, trial.index) for trial in experiment.trials]
    seeds = {}
    for clip in results.clips:
        seeds.setdefault((clip.prompt, clip.index), set()).add(clip.seed)
    assert len(seeds) == 6
    assert all(len(of_pair) == 1 for of_pair in seeds.values())


@pytest.mark.usefixtures("painters")
@pytest.mark.parametrize("fully", [False, True])
def test_a_model_is_loaded_once_a_block_or_as_often_as_the_order_asks(framework, fully):
    variables = {"model": ["compressor", "painter"], "num_frames": [3, 5]}
    experiment = small(framework, variables, fully_randomised=fully)
    framework.execute_experiment(experiment)
    models = [experiment.condition(trial.condition).settings["model"] for trial in experiment.trials]
    blocks = [name for name, _ in groupby(models)]
    assert len(LOADS) == blocks.count("compressor")
    assert (len(LOADS) > 1) is fully


@pytest.mark.usefixtures("painters")
def test_what_is_there_is_not_made_again_and_another_experiment_is_refused(framework, tmp_path):
    experiment = small(framework, {"model": ["compressor"], "num_frames": [3, 5]})
    first = framework.execute_experiment(experiment, output_dir=tmp_path / "run")
    assert len(LOADS) == 1
    again = framework.execute_experiment(experiment, output_dir=tmp_path / "run")
    assert len(LOADS) == 1
    assert [clip.values for clip in again.clips] == [clip.values for clip in first.clips]
    assert ExperimentResults.load(tmp_path / "run") == again
    other = small(framework, {"model": ["compressor"], "num_frames": [3, 6]})
    with pytest.raises(ValidationError, match="another experiment"):
        framework.execute_experiment(other, output_dir=tmp_path / "run")


@pytest.mark.usefixtures("painters")
def test_a_stopped_experiment_says_so_and_goes_on(framework):
    stop = threading.Event()

    def listener(event):
        if isinstance(event, events.SampleCompleted) and event.done == 2:
            stop.set()

    experiment = small(framework, {"model": ["painter"], "num_frames": [3, 5]})
    stopped = framework.execute_experiment(experiment, listener=listener, stop=stop)
    assert stopped.status == "interrupted"
    assert [clip.status for clip in stopped.clips].count("not run") == 4
    analysis = framework.analyze_results(stopped)
    assert "4 clips were not made" in analysis.notes[0]
    done = framework.execute_experiment(experiment)
    assert {clip.status for clip in done.clips} == {"completed"}


def _execute(framework, experiment, log, killed_after):
    made = 0

    def listener(event):
        nonlocal made
        if isinstance(event, events.SampleCompleted):
            with log.open("a") as file:
                file.write(event.record.key + "\n")
            made += 1
            if made == killed_after:
                os.kill(os.getpid(), signal.SIGKILL)

    framework.execute_experiment(experiment, listener=listener)


@pytest.mark.usefixtures("painters")
def test_a_killed_experiment_goes_on_and_makes_nothing_twice(framework, tmp_path):
    experiment = small(framework, {"model": ["painter"], "num_frames": [3, 5]})
    log = tmp_path / "log"
    for killed_after in (2, 1):
        process = multiprocessing.get_context("fork").Process(
            target=_execute, args=(framework, experiment, log, killed_after)
        )
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    _execute(framework, experiment, log, None)
    keys = log.read_text().split()
    assert len(keys) == len(set(keys)) == 6
    folder = next((tmp_path / "experiments").iterdir())
    assert {clip.status for clip in ExperimentResults.load(folder).clips} == {"completed"}


@pytest.mark.usefixtures("painters")
def test_failed_clips_are_records_and_can_be_tried_again(framework):
    experiment = small(
        framework, {"model": ["painter"], "num_frames": [3, 5]}, prompts=["one", "explode", "two", "six"]
    )
    results = framework.execute_experiment(experiment)
    assert {clip.prompt for clip in results.failed} == {"explode"}
    assert "exploded" in results.failed[0].failure
    analysis = framework.analyze_results(results)
    assert analysis.metric("sharpness").clips == 6
    assert any("2 clips failed" in note for note in analysis.notes)
    tries = []
    framework.execute_experiment(
        experiment,
        retry_failed=True,
        listener=lambda e: tries.append(e) if isinstance(e, events.SampleCompleted) else None,
    )
    assert len(tries) == 2


@pytest.mark.usefixtures("painters")
def test_a_factor_that_changes_no_pixel_is_told(framework):
    """The painter paints the same in any number of steps."""
    experiment = small(framework, {"model": ["painter"], "num_inference_steps": [1, 9]})
    analysis = framework.analyze_results(framework.execute_experiment(experiment))
    assert "num_inference_steps changed nothing" in analysis.notes[0]
    assert "no value differs" in analysis.metric("sharpness").effect("num_inference_steps").reason


@pytest.mark.usefixtures("painters")
def test_costs_of_a_clip_are_metrics_too(framework):
    experiment = small(
        framework, {"model": ["painter"], "num_frames": [3, 9]}, metrics=["avg_latency_ms", "peak_vram_gb"]
    )
    results = framework.execute_experiment(experiment)
    assert all(clip.values["avg_latency_ms"] > 0 for clip in results.clips)
    analysis = framework.analyze_results(results)
    assert analysis.metric("avg_latency_ms").effects[0].p_value is not None
    assert "no clip has a value" in analysis.metric("peak_vram_gb").reason


@pytest.mark.usefixtures("painters")
def test_a_batch_factor_and_one_prompt_with_seeds_run(framework):
    experiment = small(framework, {"model": ["painter"], "batch_size": [1, 2]}, prompts=["one"], sample_size=4)
    results = framework.execute_experiment(experiment)
    assert {clip.status for clip in results.clips} == {"completed"}
    assert {clip.index for clip in results.clips} == {0, 1, 2, 3}


@pytest.mark.usefixtures("painters")
def test_what_makes_an_execution_impossible_is_raised_before_any_work(framework, tmp_path):
    unknown = small(framework, {"model": ["painter", "shapes-bse"], "num_frames": [3]})
    with pytest.raises(ModelNotFoundError, match="shapes-bse"):
        framework.execute_experiment(unknown)
    away = small(framework, {"model": ["away"], "num_frames": [3, 5]})
    with pytest.raises(ModelLoadingError, match="at home"):
        framework.execute_experiment(away)
    fine = small(framework, {"model": ["painter"], "num_frames": [3, 5]})
    with RunStore(tmp_path / "busy"), pytest.raises(RunLockedError):
        framework.execute_experiment(fine, output_dir=tmp_path / "busy")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "experiment.json").write_text("{")
    with pytest.raises(Exception, match="cannot be read"):
        framework.execute_experiment(fine, output_dir=tmp_path / "bad")


@pytest.mark.usefixtures("painters")
def test_the_design_lies_beside_the_clips(framework, tmp_path):
    experiment = small(framework, {"model": ["painter"], "num_frames": [3, 5]})
    framework.execute_experiment(experiment, output_dir=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "experiment.json").read_text())["fingerprint"] == experiment.fingerprint
