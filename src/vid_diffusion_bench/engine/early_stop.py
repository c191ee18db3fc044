"""A comparison of two models in looks, which may stop as soon as one is found better, without a larger error."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from vid_diffusion_bench import events
from vid_diffusion_bench.comparison.looks import METHOD, SEQUEL, look, stopping_metric
from vid_diffusion_bench.comparison.result import LookInfo, SequentialInfo
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.run import run
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.statistics import SequentialPlan
from vid_diffusion_bench.storage import RunStore


def run_until_clear(
    config: BenchmarkConfig,
    metric: str,
    *,
    looks: int = 4,
    alpha: float = 0.05,
    listener: events.Listener = events.ignore,
    stop: threading.Event | None = None,
    retry_failed: bool = False,
) -> BenchmarkResult:
    """Run two models on the prompts of ``config`` in equal steps, and stop at the first look that finds a difference.

    The steps take the prompts in a random order that depends on the seed alone. Until the end only ``metric`` is
    scored; then all metrics are, over the prompts used. The folder is that of a normal run: interrupted, the same call
    goes on; a later run of all prompts makes the rest. ``metadata["sequential"]`` of the result is a
    :class:`~vid_diffusion_bench.comparison.SequentialInfo`.

    Args:
        config: Two models, and the most prompts that may be used.
        metric: A metric of single clips, or a figure such as ``avg_latency_ms``.
        looks: How many looks, 1 to 20.
        alpha: Chance that a difference is found where there is none, over all looks.
        listener: Told of every event of every step.
        stop: Ends the run as it does :func:`run`.
        retry_failed: As of :func:`run`.

    Raises:
        ValidationError: Not two models, fewer than two prompts a look, or a metric of whole sets.
        MetricNotFoundError: No such metric.
    """
    if len(config.models) != 2:
        raise ValidationError(
            f"a run that may stop early compares two models, not {len(config.models)}",
            remedy="name two, or run all prompts without --stop-early",
        )
    name, is_quality = stopping_metric(metric)
    if is_quality and name not in config.metrics:
        config = config.model_copy(update={"metrics": [*config.metrics, name]})
    plan = SequentialPlan(looks, alpha)
    unique = list(dict.fromkeys(config.prompts))
    steps = plan.prompts_at(len(unique))
    order = [unique[at] for at in np.random.default_rng(config.base_seed).permutation(len(unique))]
    started = time.perf_counter()
    seen: list[LookInfo] = []
    options: dict[str, Any] = {"listener": listener, "stop": stop, "retry_failed": retry_failed}
    for number, prompts in enumerate(steps, 1):
        part = _part(config, set(order[:prompts]))
        result = run(part.model_copy(update={"metrics": [name] if is_quality else []}), **options)
        if result.status != "completed":
            return result
        seen.append(look(plan, number, prompts, result, name))
        if seen[-1].stop or number == looks:
            break
    result = run(part, **options).model_copy(update={"execution_time": time.perf_counter() - started})
    return _noted(result, _info(name, seen, len(unique), alpha), config.output_dir)


def _part(config: BenchmarkConfig, prompts: set[str]) -> BenchmarkConfig:
    """The configuration with some of its prompts, in their order."""
    return config.model_copy(update={"prompts": [prompt for prompt in config.prompts if prompt in prompts]})


def _info(metric: str, looks: list[LookInfo], planned: int, alpha: float) -> SequentialInfo:
    used = looks[-1].prompts
    return SequentialInfo(
        metric=metric,
        planned_prompts=planned,
        used_prompts=used,
        stopped_early=used < planned,
        difference_found=looks[-1].stop,
        looks=looks,
        alpha=alpha,
        method=METHOD,
    )


def _noted(result: BenchmarkResult, info: SequentialInfo, folder: str) -> BenchmarkResult:
    noted = result.model_copy(update={"metadata": {**result.metadata, SEQUEL: info.model_dump(mode="json")}})
    with RunStore(folder) as store:
        store.write_result(noted)
    return noted
