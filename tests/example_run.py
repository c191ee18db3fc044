"""A run written by hand: real clips of the built-in world, every kind of number and of failure."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters, derive_seed, prompt_id
from vid_diffusion_bench.results import (
    BenchmarkResult,
    ClipInfo,
    Cost,
    Failure,
    Manifest,
    MetricResult,
    ModelResult,
    SampleRecord,
    Score,
)
from vid_diffusion_bench.video import Video, write_preview
from vid_diffusion_bench.world.captions import parse
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

HOSTILE = [
    "<script>window.broken = 1</script><img src=x onerror='window.broken=1'>",
    "\u202eright to left\u202c حصان أبيض يعدو على الشاطئ",
    "emoji 🦊🎬 and a | pipe, a $dollar$, 100 % & an _underscore_",
    "long " * 1999,
]
MODELS = ("shapes-base", "shapes-oracle", "shapes-small")
QUALITY = {"shapes-oracle": 0.95, "shapes-base": 0.85, "shapes-small": 0.55}


@dataclasses.dataclass(frozen=True)
class Run:
    result: BenchmarkResult
    folder: Path


def metric(name, value, half=None, **fields):
    bounds = None if half is None or value is None else (value - half, value + half)
    reason = {"reason": "one clip where many are needed"} if value is None else {}
    why = {} if bounds else {"interval_reason": "a single number"}
    defaults = {"n": 24, "total": 24, "higher_is_better": True, "protocol": {"metric": name, "formula": f"mean {name}"}}
    return MetricResult(name=name, value=value, confidence_interval=bounds, **{**defaults, **reason, **why, **fields})


def record(model, prompt, folder, *, failure=None):
    attributes = parse(prompt)
    rng = np.random.default_rng(derive_seed(0, prompt, 0))
    frames = render(sample_scene(rng, attributes), 9, 64, 64, 8)
    noise = (1 - QUALITY[model]) * 120
    noisy = np.clip(frames + rng.normal(0, noise, frames.shape), 0, 255).astype(np.uint8)
    key = f"{model}-{prompt_id(prompt)}"
    clip = None
    if failure is None:
        (folder / "previews").mkdir(parents=True, exist_ok=True)
        write_preview(folder / "previews" / f"{key}.mp4", Video(noisy, 8.0))
        clip = ClipInfo(
            sha256="0" * 64, path=None, preview=f"previews/{key}.mp4", num_frames=9, height=64, width=64, fps=8.0
        )
    seconds = {"shapes-oracle": 0.01, "shapes-base": 0.5, "shapes-small": 0.2}[model] * rng.uniform(0.9, 1.1)
    stages = (
        {}
        if model == "shapes-oracle"
        else {"text_encoder": seconds / 10, "denoiser": seconds * 0.7, "decoder": seconds * 0.2}
    )
    return SampleRecord(
        key=key, model=model, prompt=prompt, prompt_id=prompt_id(prompt), index=0, seed=derive_seed(0, prompt, 0),
        parameters=GenerationParameters(num_frames=9), status="failed" if failure else "completed", failure=failure,
        clip=clip, cost=None if failure else Cost(latency=seconds, stages=stages),
        scores={} if failure else {
            "clip_similarity": Score(value=QUALITY[model] * rng.uniform(0.5, 0.7)),
            "motion_smoothness": Score(value=None, reason="too few frames"),
        },
    )  # fmt: skip


def model_result(model, prompts, folder):
    quality = QUALITY[model]
    failed = Failure(code="GENERATION_TIMEOUT", message="passed its <b>time-out</b>", stage="generate", step=3)
    records = [
        record(model, prompt, folder, failure=failed if model == "shapes-small" and number == 1 else None)
        for number, prompt in enumerate(prompts)
    ]
    latency = {"shapes-oracle": 9.8, "shapes-base": 512.4, "shapes-small": 204.9}[model]
    return ModelResult(
        model_name=model,
        metric_results={
            "overall_score": metric("overall_score", 100 * quality, 1.234),
            "fvd": metric("fvd", 900 * (1 - quality), label="fvd[shapes-v1]", higher_is_better=False,
                          warnings=["24 clips are few for FVD: its floor at this size is 31"]),
            "clip_similarity": metric("clip_similarity", quality * 0.6, 0.0123, label="clip_similarity[shapes-v1]"),
            "dynamic_degree": metric("dynamic_degree", 0.75, 0.1, higher_is_better=None),
            "motion_smoothness": metric("motion_smoothness", None),
        },
        performance_results={
            "avg_latency_ms": metric("avg_latency_ms", latency, latency / 50, unit="ms", higher_is_better=False),
            "throughput_fps": metric("throughput_fps", 17 / latency * 1000, unit="frames/s"),
            "peak_vram_gb": metric("peak_vram_gb", None, unit="GiB", reason="this machine has no GPU"),
            "success_rate": metric("success_rate", 1.0 if model != "shapes-small" else 0.9, 0.05),
        },
        records=records, provenance={"class": "LTXPipeline", "licence": "Apache-2.0"}, load_seconds=1.2,
    )  # fmt: skip


def make_run(folder, models=MODELS, prompts=("a red circle moving left on a black background",), **fields):
    config = BenchmarkConfig(models=list(models), prompts=list(prompts), num_frames=9)
    manifest = Manifest(
        packages={"torch": "2.13.0"}, python="3.11", platform="Linux", processor="Xeon <test>", cpu_count=2,
        memory_gb=8.0, device="cpu", precision="fp32", threads=1,
    )  # fmt: skip
    result = BenchmarkResult(
        benchmark_id="bench_1", status="completed", execution_time=75.0, config=config,
        models=[model_result(model, prompts, folder) for model in models],
        manifests={manifest.id: manifest}, **fields,
    )  # fmt: skip
    return Run(result, folder)
