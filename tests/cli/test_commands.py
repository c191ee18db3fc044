"""The commands of both references, as printed, on small real models (C01-C06, C10)."""

from __future__ import annotations

import csv
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from small_models import Painter
from vid_diffusion_bench.cli.app import app
from vid_diffusion_bench.cli.options import make_config
from vid_diffusion_bench.models import ModelRegistry, register_model
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.storage import load_result
from vid_diffusion_bench.video import Video, write_preview
from vid_diffusion_bench.world.captions import parse
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

FAST = ["--metrics", "temporal_flickering", "dynamic_degree"]
RED, BLUE = "a red circle moving left on a black background", "a blue star spinning on a white background"


@pytest.fixture
def printed(vid_bench):
    """Runs a command line as it is printed in a reference."""
    return lambda line: vid_bench(*shlex.split(line.replace("\\\n", " "))[1:])


def test_benchmark_makes_times_scores_and_reports(vid_bench, tmp_path):
    answer = vid_bench(
        "benchmark", "shapes-oracle", "--prompts", RED, BLUE, *FAST, "--num-frames", "9", "--output", "r"
    )
    assert answer.code == 0
    assert "shapes-oracle" in answer.out
    assert "Report: r/report.html" in answer.out
    result = load_result("r")
    assert [record.status for record in result.models[0].records] == ["completed"] * 2
    assert result.models[0].metrics["dynamic_degree"] is not None
    assert result.models[0].records[0].clip.num_frames == 9
    assert (tmp_path / "r" / "report.html").stat().st_size > 4_000_000


def test_what_is_on_stdout_with_json_is_the_result_and_nothing_else(vid_bench):
    answer = vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--output", "r", "--json")
    assert BenchmarkResult.model_validate(answer.json) == load_result("r")
    assert "shapes-oracle: clip 1/1" in answer.err


def test_the_same_command_again_makes_nothing_twice(vid_bench):
    command = ["benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--output", "r"]
    vid_bench(*command)
    before = load_result("r").models[0].records
    assert "1 already made" in vid_bench(*command).err
    assert load_result("r").models[0].records == before


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        (["--height", "32"], "height", 32),
        (["--width", "48"], "width", 48),
        (["--fps", "4"], "fps", 4.0),
        (["--batch-size", "2"], "batch_size", 2),
        (["--steps", "3"], "num_inference_steps", 3),
        (["--num-inference-steps", "3"], "num_inference_steps", 3),
        (["--guidance-scale", "2.5"], "guidance_scale", 2.5),
        (["--scheduler", "DDIMScheduler"], "scheduler", "DDIMScheduler"),
        (["--image", "a.png"], "image", "a.png"),
        (["--video", "a.mp4"], "video", "a.mp4"),
        (["--lora", "a.safetensors:0.5", "b.safetensors"], "lora", ["a.safetensors:0.5", "b.safetensors"]),
        (["--first-frame-model", "hf:org/name"], "first_frame_model", "hf:org/name"),
        (["--seed", "7"], "seed", 7),
        (["--samples-per-prompt", "2"], "samples_per_prompt", 2),
        (["--timeout", "30"], "timeout_seconds", 30.0),
        (["--warmup", "0"], "warmup", 0),
        (["--device", "cpu"], "device", "cpu"),
        (["--precision", "fp32"], "precision", "fp32"),
        (["--no-save-videos"], "save_videos", False),
    ],
    ids=lambda entry: entry[0] if isinstance(entry, list) else "",
)
def test_every_option_reaches_the_configuration(option, field, value):
    _, bound, _ = app.parse_args(["benchmark", "shapes-oracle", "--prompts", RED, *FAST, *option])
    config = make_config(["shapes-oracle"], bound.kwargs["prompts"], bound.kwargs["options"], None)
    assert getattr(config, field) == value
    assert field in config.model_fields_set


def test_what_is_not_given_stays_the_models_own(vid_bench):
    vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--output", "r")
    config = load_result("r").config
    assert not config.model_fields_set & {"height", "width", "num_frames", "fps", "num_inference_steps"}


def test_without_scoring_every_metric_says_so(vid_bench):
    assert vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--no-score", "--output", "r").code == 0
    assert load_result("r").models[0].metric_results["dynamic_degree"].reason == "scoring was not asked for"


def test_a_model_that_makes_no_clip_is_exit_code_1(vid_bench):
    register_model("painter")(Painter)
    try:
        answer = vid_bench("compare", "shapes-oracle", "painter", "--prompts", "explode now", *FAST, "--output", "r")
    finally:
        ModelRegistry.unregister("painter")
    assert answer.code == 1
    assert load_result("r").model("shapes-oracle").success_rate == 1.0
    assert load_result("r").model("painter").success_rate == 0.0
    assert "the pipeline exploded" in answer.err


def test_reference_2_benchmark_as_printed(printed, named):
    answer = printed(
        """vid-bench benchmark svd-xt \\
  --prompts "A cat playing piano" "Ocean waves" \\
  --num-frames 16 \\
  --fps 8 \\
  --output results/"""
    )
    assert answer.code == 0, answer.err
    result = load_result("results")
    assert [record.clip.num_frames for record in result.models[0].records] == [16, 16]


def test_reference_2_batch_as_printed(printed, named):
    Path("prompts.txt").write_text("# two\nA cat playing piano\n\nOcean waves\n")
    answer = printed(
        """vid-bench benchmark svd-xt \\
  --prompts-file prompts.txt \\
  --batch-size 4 \\
  --save-videos \\
  --output results/batch_run/"""
    )
    assert answer.code == 0, answer.err
    result = load_result("results/batch_run")
    assert [record.prompt for record in result.models[0].records] == ["A cat playing piano", "Ocean waves"]
    assert len(list(Path("results/batch_run/previews").glob("*.mp4"))) == 2


def test_reference_2_compare_as_printed(printed, named):
    Path("prompts.txt").write_text("A cat playing piano\nOcean waves\n")
    answer = printed(
        """vid-bench compare svd-xt cogvideo pika-lumiere \\
  --prompts-file prompts.txt \\
  --metrics fvd is clip_score \\
  --output comparison_report.json"""
    )
    assert answer.code == 0, answer.err
    result = BenchmarkResult.model_validate_json(Path("comparison_report.json").read_text())
    assert [model.model_name for model in result.models] == ["svd-xt", "cogvideo", "pika-lumiere"]
    assert list(result["svd-xt"]) == ["fvd", "is", "clip_score"]
    assert Path("comparison_report/report.html").is_file()


def test_reference_1_run_as_printed(printed, named):
    Path("prompts.txt").write_text("A cat playing with a ball\n")
    answer = printed("vid-diffusion-bench run --models svd_xt_1_1 stable_video --prompts prompts.txt")
    assert answer.code == 0, answer.err
    assert len(load_result("outputs").models) == 2


def test_reference_1_configuration_file_as_printed(printed, named):
    Path("benchmark_config.yaml").write_text(
        """models:
  - svd_xt_1_1
  - stable_video
prompts:
  - "A cat playing with a ball"
  - "Ocean waves at sunset"
metrics:
  - fvd
  - is
  - clip_similarity
config:
  batch_size: 4
  num_inference_steps: 25
"""
    )
    answer = printed("vid-diffusion-bench run --config benchmark_config.yaml --steps 2")
    assert answer.code == 0, answer.err
    config = load_result("outputs").config
    assert (config.batch_size, config.num_inference_steps) == (4, 2)


def test_export_without_a_folder_is_of_the_last_run(printed, vid_bench, tmp_path):
    vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--output", "deep/run")
    assert printed("vid-diffusion-bench export --format csv --output results.csv").code == 0
    rows = list(csv.DictReader(Path("results.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["benchmark_id"] for row in rows} == {load_result("deep/run").benchmark_id}
    assert vid_bench("report", "--output", "again.html").code == 0
    assert Path("again.html").is_file()


@pytest.mark.parametrize("kind", ["csv", "json", "markdown", "latex"])
def test_export_writes_every_format_of_a_named_run(vid_bench, kind):
    vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--output", "r")
    answer = vid_bench("export", "r", "--format", kind, "--output", "out/file", "--json")
    assert answer.code == 0
    assert Path(answer.json["output"]).stat().st_size > 0


def test_score_adds_a_metric_and_makes_no_clip(vid_bench):
    vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST, "--output", "r")
    before = {path: path.stat().st_mtime_ns for path in Path("r/clips").rglob("*.mkv")}
    first = load_result("r").models[0].metrics["temporal_flickering"]
    assert vid_bench("score", "r", "--metrics", "temporal_flickering", "motion_smoothness").code == 0
    again = load_result("r").models[0].metrics
    assert again["temporal_flickering"] == first
    assert again["motion_smoothness"] is not None
    assert {path: path.stat().st_mtime_ns for path in Path("r/clips").rglob("*.mkv")} == before


def clips(folder, prompts):
    import numpy as np

    folder.mkdir()
    for number, prompt in enumerate(prompts):
        frames = render(sample_scene(np.random.default_rng(number), parse(prompt)), 17, 64, 64, 8)
        write_preview(folder / f"{number}.mp4", Video(frames, 8.0))
    return folder


def test_metrics_compute_as_printed_names_what_it_skips(printed, tmp_path):
    clips(tmp_path / "real_videos", [RED, BLUE])
    clips(tmp_path / "generated_videos", [RED, BLUE])
    (tmp_path / "generated_videos" / "zz.mp4").write_bytes(b"not a video")
    answer = printed(
        "vid-diffusion-bench metrics compute --real real_videos/ --generated generated_videos/ "
        "--metrics psnr temporal_flickering"
    )
    assert answer.code == 0, answer.err
    assert "skipped zz.mp4" in answer.out
    assert "psnr" in answer.out
    assert "generated_videos: scored 3/3" in answer.err


def test_metrics_compute_on_nothing_usable_is_exit_code_1(vid_bench, tmp_path):
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "a.mp4").write_bytes(b"")
    answer = vid_bench("metrics", "compute", "--generated", "g", "--json")
    assert answer.code == 1
    assert list(answer.json["broken"]) == ["a.mp4"]
    assert all(result["value"] is None and result["reason"] for result in answer.json["results"].values())


def test_models_list_and_info_as_printed(printed, vid_bench):
    assert "svd-xt" in printed("vid-bench models list").out
    assert "stabilityai" in printed("vid-bench models info svd-xt").out
    entries = {entry["name"]: entry for entry in vid_bench("models", "list", "--json").json["models"]}
    assert entries["shapes-oracle"]["status"] == "available"
    assert entries["svd-xt"]["status"] == "not_downloaded"
    assert entries["svd-xt"]["status_reason"]


def test_metrics_list_and_info(vid_bench):
    entries = vid_bench("metrics", "list", "--json").json["metrics"]
    assert {"fvd", "inception_score", "overall_score"} <= {entry["name"] for entry in entries}
    assert all(entry["formula"] and entry["description"] for entry in entries)
    assert vid_bench("metrics", "info", "is", "--json").json["name"] == "inception_score"


def test_prompts_show_is_a_prompt_file(vid_bench):
    from vid_diffusion_bench import StandardPrompts
    from vid_diffusion_bench.prompts import read_prompts

    Path("p.txt").write_text(vid_bench("prompts", "show", "shapes-demo").out, encoding="utf-8")
    assert read_prompts("p.txt") == list(StandardPrompts.SHAPES_DEMO)
    assert vid_bench("prompts", "show", "cinematic-v1", "--category", "light").out.count("\n") == 6
    assert len(vid_bench("prompts", "list", "--json").json["prompt_sets"]) == 7


def test_config_as_printed(printed, vid_bench):
    for line in ("optimization_level balanced", "default_locale es", "gpu_memory_fraction 0.8"):
        assert printed(f"vid-bench config set {line}").code == 0
    shown = vid_bench("config", "show", "--json").json
    assert (shown["optimization_level"], shown["default_locale"], shown["gpu_memory_fraction"]) == (
        "balanced",
        "es",
        0.8,
    )
    assert "balanced" in printed("vid-bench config show").out
    assert printed("vid-bench config reset").code == 0
    assert vid_bench("config", "show", "--json").json["default_locale"] == "en"


def test_the_output_folder_of_the_settings_holds_unless_one_is_given(vid_bench):
    vid_bench("config", "set", "output_dir", "elsewhere")
    vid_bench("benchmark", "shapes-oracle", "--prompts", RED, *FAST)
    assert load_result("elsewhere").status == "completed"


def test_a_hostile_prompt_is_only_text(vid_bench, tmp_path):
    prompts = ["../../etc/passwd", "a\nb", '💥/\\:*?"<>|', "\u202etxt.exe", "x" * 9_999]
    answer = vid_bench("benchmark", "shapes-oracle", "--prompts", *prompts, *FAST, "--output", "r")
    assert answer.code == 0, answer.err
    assert [record.prompt for record in load_result("r").models[0].records] == prompts
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} <= {"r", ".home"}


def test_ctrl_c_ends_after_the_step_keeps_what_is_measured_and_goes_on_later(tmp_path):
    command = [
        Path(sys.executable).with_name("vid-bench"), "benchmark", "shapes-oracle", "--prompt-set", "shapes-v1",
        "--samples-per-prompt", "4", "--metrics", "dynamic_degree", "--output", "r",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("shapes-oracle: clip "):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "finishing the running step" in err
    assert "Traceback" not in err
    assert "Interrupted; the same command continues" in out
    result = load_result(tmp_path / "r")
    assert result.status == "interrupted"
    assert 0 < len(result.models[0].records) < 48 * 4


def test_a_served_model_is_measured_by_arrivals(vid_bench):
    from video_server import serving

    with serving("sync", service_seconds=0.02) as server:
        shown = vid_bench("models", "info", server.reference, "--json").json
        paced = ["--arrival", "poisson", "--rate", "40", "--concurrency", "4", "--slo", "30", "--price", "0.2 USD/clip"]
        answer = vid_bench(
            *("benchmark", server.reference, "--prompts", RED, BLUE, "--samples-per-prompt", "2"),
            *(*FAST, "--num-frames", "5", "--warmup", "1", "--output", "r", *paced),
        )
    assert shown["status"] == "available"
    assert answer.code == 0
    (model,) = load_result("r").models
    assert model.performance["slo_attainment"] == 1
    assert model.performance["cost_per_clip"] == 0.2
    assert model.performance_results["cost_per_clip"].unit == "USD"
    process = model.performance_results["avg_latency_ms"].protocol["arrivals"]
    assert {"arrival": "poisson", "rate": 40, "concurrency": 4, "warmup": 1}.items() <= process.items()


def test_arrivals_at_a_local_model_are_refused(vid_bench, tmp_path):
    answer = vid_bench("benchmark", "shapes-oracle", "--prompts", RED, "--arrival", "constant", "--rate", "2")
    assert answer.code != 0
    assert "runs in this process" in answer.err


def test_arrivals_may_stand_in_a_file(vid_bench, tmp_path):
    from video_server import serving

    with serving("job") as server:
        (tmp_path / "trace.txt").write_text("0\n0.05\n")
        lines = [f"models: ['{server.reference}']", f"prompts: ['{RED}', '{BLUE}']", "metrics: [dynamic_degree]"]
        lines += ["num_frames: 5", "warmup: 0", "arrival: trace", "arrival_trace: trace.txt", "slo_seconds: 60"]
        (tmp_path / "run.yaml").write_text("\n".join([*lines, "price: {'*': 0.1 EUR/second}"]))
        assert vid_bench("run", "--config", "run.yaml", "--output", "r").code == 0
    figures = load_result("r").models[0].performance
    assert figures["offered_rate"] == pytest.approx(20)
    assert figures["cost_per_video_second"] == pytest.approx(0.1)
