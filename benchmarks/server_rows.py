"""Many benchmarks and samples, written straight into a store."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from vid_diffusion_bench.auth import READ_ONLY
from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks

SAMPLES = 100
"""Of one benchmark."""
COLUMNS = ("benchmark_id", "key", "model", "prompt_id", "seed", "status", "latency", "record", "created_at")


class Filled(NamedTuple):
    """The key of whom all benchmarks are, and a cursor behind nine tenths of them."""

    key: str
    deep: str


def fill(database: Database, samples: int) -> Filled:
    """Write ``samples`` rows, and the benchmarks that they are of."""
    auth = Auth(database, AuthSettings())
    owner = auth.users.make("owner-of-many", READ_ONLY, tier="enterprise")
    number, since = samples // SAMPLES, time.time() - 1e6
    with database.writing() as connection:
        connection.execute(benchmarks.insert(), [_benchmark(owner.id, n, since) for n in range(number)])
        raw = connection.connection.driver_connection
        assert raw is not None
        if database.is_sqlite:
            places = ", ".join("?" * len(COLUMNS))
            raw.executemany(f"INSERT INTO samples ({', '.join(COLUMNS)}) VALUES ({places})", _samples(number, since))
        else:
            with raw.cursor() as cursor, cursor.copy(f"COPY samples ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for row in _samples(number, since):
                    copy.write_row(row)
            connection.exec_driver_sql("ANALYZE")
    place = [since + number // 10, _name(number // 10)]
    deep = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    return Filled(auth.keys.make(owner, "of many", READ_ONLY)[1], deep)


def _name(number: int) -> str:
    return f"bench_{number:016x}"


def _benchmark(owner: str, number: int, since: float) -> dict[str, Any]:
    prompts = [f"a red circle moving left on background {n}" for n in range(SAMPLES)]
    metrics = dict.fromkeys(("fvd", "clip_similarity", "temporal_consistency", "flicker", "overall_score"), 0.5)
    found = {
        "metrics": metrics,
        "performance": {},
        "success_rate": 1.0,
        "metric_results": {},
        "performance_results": {},
    }
    at = since + number
    return {
        "id": _name(number), "owner": owner, "model_name": "shapes-base", "models": ["shapes-base"],
        "config": {"models": ["shapes-base"], "prompts": prompts}, "options": {}, "metadata": {}, "status": "completed",
        "created_at": at, "started_at": at, "updated_at": at + 60, "completed_at": at + 60, "execution_time": 60.0,
        "total_samples": SAMPLES, "done_samples": SAMPLES, "results": {"shapes-base": found},
        "summary": {"overall_score": 50.0, "avg_latency_ms": 500.0},
    }  # fmt: skip


def _samples(number: int, since: float) -> Iterator[tuple[Any, ...]]:
    scores = dict.fromkeys(("clip_similarity", "temporal_consistency", "flicker", "motion"), 0.5)
    record = json.dumps({"prompt": "a red circle moving left", "seed": 1, "status": "completed", "scores": scores})
    for benchmark in range(number):
        for n in range(SAMPLES):
            key, at = f"{benchmark:056x}{n:08x}", since + benchmark
            yield _name(benchmark), key, "shapes-base", f"{n:012x}", n, "completed", 0.5, record, at
