"""Runs written by hand for comparisons: what each clip scored and took is given, all else follows."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters, prompt_id
from vid_diffusion_bench.results import (
    BenchmarkResult,
    ClipInfo,
    Cost,
    Failure,
    MetricResult,
    ModelResult,
    SampleRecord,
    Score,
)
from worse_models import Worse

CLIP = ClipInfo(sha256="0" * 64, path=None, preview=None, num_frames=9, height=8, width=8, fps=8.0)
FAILURE = Failure(code="GENERATION_FAILED", message="it broke", stage="generate")


def result_of(name, values, *, better=True, protocol=None, unit=""):
    """A metric's result over the clips that have a value."""
    known = [value for value in values if value is not None]
    about = {"higher_is_better": better, "protocol": protocol or {"metric": name}, "n": len(known), "unit": unit}
    if not known:
        return MetricResult(name=name, value=None, reason="no clip to score", **about)
    return MetricResult(name=name, value=float(np.mean(known)), interval_reason="by hand", **about)


def sample(model, prompt, index, scores, latency, *, seed, parameters):
    failed = scores is None
    return SampleRecord(
        key=f"{model}-{prompt}-{index}-{seed}", model=model, prompt=prompt, prompt_id=prompt_id(prompt), index=index,
        seed=seed, parameters=GenerationParameters(**parameters), status="failed" if failed else "completed",
        failure=FAILURE if failed else None, clip=None if failed else CLIP,
        cost=None if failed else Cost(latency=latency),
        scores={} if failed else {name: Score(value=value, reason=None if value is not None else "none")
                                  for name, value in scores.items()},
    )  # fmt: skip


def model_of(name, clips, *, metrics=("score",), base_seed=0, protocol=None, better=True, parameters=None, whole=None):
    """A model's result. ``clips``: (prompt, {metric: value} or ``None`` for a failure, latency in seconds) of each."""
    counts, records = {}, []
    for prompt, scores, latency in clips:
        index = counts.get(prompt, 0)
        counts[prompt] = index + 1
        seed = base_seed + 100 * index
        records.append(sample(name, prompt, index, scores, latency, seed=seed, parameters=parameters or {}))
    of = {metric: [(r.scores[metric].value if r.scores else None) for r in records] for metric in metrics}
    latencies = [r.cost.latency * 1000 if r.cost else None for r in records]
    made = [float(r.status == "completed") for r in records]
    return ModelResult(
        model_name=name,
        metric_results={metric: result_of(metric, of[metric], better=better, protocol=protocol) for metric in metrics}
        | (whole or {}),
        performance_results={
            "avg_latency_ms": result_of("avg_latency_ms", latencies, better=False, unit="ms"),
            "success_rate": result_of("success_rate", made),
        },
        records=records,
    )


def run_of(models, folder, **fields):
    prompts = list(dict.fromkeys(record.prompt for model in models for record in model.records)) or ["none"]
    config = BenchmarkConfig(
        models=[model.model_name for model in models],
        prompts=prompts,
        output_dir=str(folder),
        metrics=["dynamic_degree"],
    )
    about = {"benchmark_id": "bench_1", "status": "completed", "execution_time": 1.0, "config": config}
    return BenchmarkResult(models=models, **{**about, **fields})


def clips_of(values, *, latency=0.1, metric="score", seeds=1):
    """Clips of prompts p0, p1 ..., ``seeds`` of each in a row, by their values (``None``: a failure)."""
    return [
        (f"p{at // seeds}", None if value is None else {metric: value}, latency + 0.001 * (at % 7))
        for at, value in enumerate(values)
    ]


class Grained(Worse):
    """A painter whose noise is part of what it is, so that its clips are kept apart from a plain one's."""

    def identity(self):
        return {**super().identity(), "noise": self.noise}
