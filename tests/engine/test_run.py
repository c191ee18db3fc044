import multiprocessing
import resource
import shutil
import threading
from collections import Counter

import numpy as np
import pytest

from small_models import STEPS
from vid_diffusion_bench import events
from vid_diffusion_bench.engine import rescore, run
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, RunLockedError, StorageError
from vid_diffusion_bench.storage import RunStore, load_result
from vid_diffusion_bench.video import read_video

METRICS = ["motion_smoothness", "dynamic_degree"]


def _without_times(result):
    """What has to be the same when the same samples are made again."""
    return [record.model_dump(exclude={"cost", "created_at"}) for model in result.models for record in model.records]


def test_a_run_leaves_records_clips_and_a_result(configure, painter, tmp_path):
    seen = []
    config = configure("a red circle", "a blue square", samples_per_prompt=2, warmup=2, metrics=METRICS)
    result = run(config, listener=seen.append)
    assert result.status == "completed"
    assert load_result(config.output_dir) == result
    model = result.model("painter")
    assert [record.status for record in model.records] == ["completed"] * 4
    for record in model.records:
        assert len(record.cost.steps) == STEPS
        assert record.cost.latency >= sum(record.cost.steps) > 0
        stored = read_video(tmp_path / "run" / record.clip.path)
        assert stored.sha256() == record.clip.sha256
        assert set(record.scores) == set(METRICS)
        assert record.manifest in result.manifests
    assert len(painter.made) == 4 + 2
    counts = Counter(type(event) for event in seen)
    assert counts[events.StepCompleted] == 4 * STEPS
    assert counts[events.WarmUpStarted] == 2
    assert [e.done for e in seen if isinstance(e, events.SampleCompleted)] == [1, 2, 3, 4]
    assert isinstance(seen[0], events.RunStarted)
    assert seen[-1] == events.RunCompleted(result)


@pytest.mark.parametrize(
    ("word", "code", "stage", "step"),
    [
        ("explode", "GENERATION_FAILED", "generate", 1),
        ("hungry", "INSUFFICIENT_MEMORY", "generate", None),
        ("nan", "INVALID_OUTPUT", "generate", STEPS),
        ("lost", "INVALID_OUTPUT", "generate", STEPS),
        ("slow", "GENERATION_TIMEOUT", "generate", 2),
        ("black", "INVALID_OUTPUT", "check", None),
        ("short", "INVALID_OUTPUT", "check", None),
    ],
)
def test_a_failing_sample_is_a_record_and_the_run_goes_on(configure, word, code, stage, step):
    config = configure("a first", f"{word} second", "a third", timeout_seconds=0.075 if word == "slow" else None)
    result = run(config, score=False)
    first, failed, third = result.model("painter").records
    assert (first.status, failed.status, third.status) == ("completed", "failed", "completed")
    assert (failed.failure.code, failed.failure.stage, failed.failure.step) == (code, stage, step)
    assert failed.failure.message
    assert failed.cost.latency > 0
    assert result.status == "completed"
    rate = result.model("painter").performance_results["success_rate"]
    assert rate.value == pytest.approx(2 / 3)
    assert rate.confidence_interval[0] < 2 / 3 < rate.confidence_interval[1]
    assert result.model("painter").performance_results["avg_latency_ms"].n == 2


def test_a_frozen_clip_counts_and_is_flagged(configure):
    records = run(configure("freeze now", "a moving thing"), score=False).model("painter").records
    assert [record.flags for record in records] == [["frozen"], []]
    assert {record.status for record in records} == {"completed"}


def test_when_every_sample_fails_so_has_the_run(configure):
    result = run(configure("explode"), score=False)
    assert result.status == "failed"
    assert "exploded" in result.error_message
    latency = result.model("painter").performance_results["avg_latency_ms"]
    assert (latency.value, latency.reason) == (None, "no clip was completed")


@pytest.mark.parametrize("broken", ["unloadable", "reluctant"])
def test_a_model_that_cannot_load_leaves_failed_records_and_the_others_go_on(configure, broken):
    seen = []
    result = run(configure("a", "b", models=[broken, "painter"]), score=False, listener=seen.append)
    failed, made = result.models
    assert [record.failure.stage for record in failed.records] == ["load", "load"]
    assert failed.error.code == "MODEL_LOADING_FAILED"
    assert made.success_rate == 1
    assert any(isinstance(event, events.ModelFailed) and event.model == broken for event in seen)


def test_weights_that_are_cut_off_leave_failed_records_and_the_others_go_on(configure, tiny, tmp_path):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "ltx")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    size = {"num_frames": 9, "height": 32, "width": 32}
    failed, made = run(configure(models=[str(folder), "painter"], **size), score=False).models
    assert (failed.error.code, failed.records[0].failure.stage) == ("MODEL_LOADING_FAILED", "load")
    assert "not whole safetensors" in failed.error.message
    assert made.success_rate == 1


def test_running_again_makes_nothing_twice(configure, painter):
    config = configure("a", "b", "explode")
    first = run(config, score=False)
    made = list(painter.made)
    seen = []
    second = run(config, score=False, listener=seen.append)
    assert painter.made == made
    assert second.models[0].records == first.models[0].records
    assert second.benchmark_id == first.benchmark_id
    assert (seen[0].done, seen[0].total) == (3, 3)


def test_failures_are_tried_again_only_when_asked(configure, painter):
    config = configure("slow clip", timeout_seconds=0.01)
    assert run(config, score=False).status == "failed"
    patient = configure("slow clip")
    assert run(patient, score=False).status == "failed"
    assert run(patient, score=False, retry_failed=True).status == "completed"


def test_a_prompt_and_a_model_added_later_cost_only_themselves(configure, painter):
    run(configure("a"), score=False)
    result = run(configure("a", "b", models=["painter", "shapes-oracle"]), score=False)
    assert len(painter.made) == 2
    assert [len(model.records) for model in result.models] == [2, 2]


@pytest.mark.parametrize("damage", ["remove", "truncate"])
def test_a_damaged_clip_is_made_again_by_a_run_and_noted_by_a_rescore(configure, painter, tmp_path, damage):
    config = configure("a red circle", "a blue square", metrics=METRICS)
    first = run(config)
    path = tmp_path / "run" / first.models[0].records[0].clip.path
    path.unlink() if damage == "remove" else path.write_bytes(path.read_bytes()[:200])
    noted = rescore(config.output_dir).models[0].records
    assert [record.flags for record in noted] == [["broken"], []]
    assert noted[0].scores["motion_smoothness"].value is None
    again = run(config)
    assert _without_times(again) == _without_times(first)
    assert len(painter.made) == 3


def test_scoring_again_gives_the_same_bits(configure):
    config = configure("a red circle", "a blue square", metrics=METRICS, samples_per_prompt=2)
    first = run(config)
    again = rescore(config.output_dir)
    assert again.models[0].metric_results == first.models[0].metric_results
    assert again.models[0].records == first.models[0].records
    with pytest.raises(BenchmarkNotFoundError):
        rescore(config.output_dir + "-nowhere")


def test_a_metric_added_later_joins_the_others(configure):
    first = run(configure("a red circle", "a blue square", metrics=METRICS)).models[0]
    config = configure("a red circle", "a blue square")
    later = rescore(config.output_dir, metrics=["temporal_flickering"])
    model = later.models[0]
    assert list(model.metrics) == [*METRICS, "temporal_flickering"] == later.config.metrics
    assert {name: model.metric_results[name] for name in METRICS} == first.metric_results
    assert set(model.records[0].scores) == {*METRICS, "temporal_flickering"}


def test_stop_ends_after_the_running_step_and_keeps_what_is_there(configure, painter):
    stop = threading.Event()
    steps = []

    def listener(event):
        if isinstance(event, events.StepCompleted):
            steps.append(event.step)
            if len(steps) == STEPS + 2:
                stop.set()

    config = configure("a", "b", "c", metrics=METRICS)
    result = run(config, listener=listener, stop=stop)
    assert steps == [1, 2, 3, 1, 2]
    assert result.status == "interrupted"
    assert [record.prompt for record in result.models[0].records] == ["a"]
    assert "stopped" in result.models[0].metric_results["motion_smoothness"].reason
    whole = run(config)
    assert whole.status == "completed"
    assert len(painter.made) == 3


def test_a_stop_while_scoring_keeps_the_clips(configure, painter):
    stop = threading.Event()

    def listener(event):
        if isinstance(event, events.ScoringProgress):
            stop.set()

    config = configure("a", "b", metrics=METRICS)
    assert run(config, listener=listener, stop=stop).status == "interrupted"
    assert run(config).model("painter").metrics["motion_smoothness"] is not None
    assert len(painter.made) == 2


def test_two_runs_cannot_write_to_one_folder(configure):
    config = configure("a")
    with RunStore(config.output_dir), pytest.raises(RunLockedError):
        run(config, score=False)


def _run_on_a_small_disk(config, queue):
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
    try:
        run(config, score=False)
    except StorageError as error:
        queue.put(error.remedy)


def test_a_full_disk_ends_the_run_and_loses_nothing(configure, painter, tmp_path):
    """The second, larger clip does not fit; with more room the run goes on from the first."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    run(configure("a"), score=False)
    large = configure("a", "b", height=300, width=320)
    process = context.Process(target=_run_on_a_small_disk, args=(large, queue))
    process.start()
    assert "measured is kept" in queue.get(timeout=60)
    process.join()
    with RunStore(tmp_path / "run") as store:
        assert len(store.samples()) == 1
    assert run(large, score=False).status == "completed"


@pytest.mark.parametrize(
    "prompt", ["../../etc/passwd", "/abs/olute", "a\nnewline", "emoji 🐈", "قطة تلعب", "x" * 10_000, "..", "con"]
)
def test_a_prompt_never_becomes_a_path(configure, tmp_path, prompt):
    result = run(configure(prompt), score=False)
    assert result.models[0].records[0].prompt == prompt
    files = {path.relative_to(tmp_path / "run").parts[0] for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert files <= {"clips", "previews", "run.sqlite", "run.sqlite-wal", "run.sqlite-shm", "results.json", ".lock"}
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside <= {"run", ".home"}


def test_batches_are_made_together_and_say_so(configure):
    result = run(configure("a", "b", "c", batch_size=2), score=False)
    records = result.models[0].records
    assert [record.cost.batch_size for record in records] == [2, 2, 1]
    assert records[0].cost == records[1].cost
    throughput = result.models[0].performance["throughput_fps"]
    spent = records[0].cost.latency + records[2].cost.latency
    assert throughput == pytest.approx(15 / spent)
    assert result.models[0].performance_results["avg_latency_ms"].warnings


def test_one_model_under_two_names_shares_its_clips(configure, painter):
    result = run(configure("a", models=["painter", "Painter"]), score=False)
    assert [model.records[0].model for model in result.models] == ["painter", "Painter"]
    assert len(painter.made) == 1


def test_clips_that_are_not_to_be_saved_go_after_scoring(configure, tmp_path):
    result = run(configure("a", "b", save_videos=False, metrics=METRICS))
    assert result.models[0].metrics["motion_smoothness"] is not None
    assert all(record.clip.path is None for record in result.models[0].records)
    assert [list((tmp_path / "run" / name).iterdir()) for name in ("clips", "previews")] == [[], []]


def test_figures_are_the_definitions_written_out(configure):
    result = run(configure("a", "b", "c", samples_per_prompt=4), score=False)
    model = result.models[0]
    latencies = [record.cost.latency for record in model.records]
    assert model.performance["avg_latency_ms"] == pytest.approx(1000 * np.mean(latencies))
    assert model.performance["p50_latency_ms"] == pytest.approx(1000 * np.median(latencies))
    assert model.performance["p95_latency_ms"] is None
    assert model.performance["throughput_fps"] == pytest.approx(12 * 5 / sum(latencies))
    assert model.performance["peak_ram_gb"] == max(record.cost.peak_rss for record in model.records) / 1024**3
    assert model.performance["peak_vram_gb"] is None
    low, high = model.performance_results["avg_latency_ms"].confidence_interval
    assert low <= model.performance["avg_latency_ms"] <= high
    for figure in model.performance_results.values():
        assert figure.value is not None or figure.reason
