"""Ended benchmarks for tests, put into a database as a worker puts them."""

from __future__ import annotations

import time

from sqlalchemy import insert, update

from vid_diffusion_bench.database.tables import benchmarks, metric_values, samples
from vid_diffusion_bench.jobs import JobQueue, NewJob
from vid_diffusion_bench.models import canonical_name


def ended(database, owner, models, *, ago=60.0, status="completed", clips=None):
    """One benchmark. ``models``: {model: {metric: value or (value, protocol)}}; ``clips``: {model: {metric:
    {(prompt, seed): value}}}, latency in seconds."""
    at = time.time() - ago
    (job,) = JobQueue(database).submit([NewJob(owner, list(models), {})])
    values = [
        {
            "benchmark_id": job.id, "model": canonical_name(model), "metric": metric, "created_at": at,
            **dict(zip(("value", "protocol"), value if isinstance(value, tuple) else (value, "p1"), strict=True)),
            "result": {
                "n": 8, "unit": "ms" if metric == "avg_latency_ms" else "", "confidence_interval": None,
                "higher_is_better": {"avg_latency_ms": False, "fvd": False, "colorfulness": None}.get(metric, True),
            },
        }
        for model, metrics in models.items() for metric, value in metrics.items()
    ]  # fmt: skip
    rows = []
    for model, by_metric in (clips or {}).items():
        keys = sorted({key for scores in by_metric.values() for key in scores})
        for prompt, seed in keys:
            scores = {m: {"value": s[prompt, seed]} for m, s in by_metric.items() if (prompt, seed) in s}
            latency = scores.pop("avg_latency_ms", {}).get("value")
            rows.append({
                "benchmark_id": job.id, "key": f"{model}-{prompt}-{seed}", "model": canonical_name(model),
                "prompt_id": prompt, "seed": seed, "status": "completed", "latency": latency,
                "record": {"scores": scores}, "created_at": at,
            })  # fmt: skip
    with database.writing() as connection:
        ending = {"status": status, "completed_at": at, "created_at": at - 1}
        connection.execute(update(benchmarks).where(benchmarks.c.id == job.id).values(**ending))
        for table, found in ((metric_values, values), (samples, rows)):
            if found:
                connection.execute(insert(table), found)
    return job.id
