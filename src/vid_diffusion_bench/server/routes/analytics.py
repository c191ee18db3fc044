"""What the benchmarks of a period showed (R18, R19): one's own, an administrator's are everybody's."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Query

from vid_diffusion_bench.analytics import Aggregation, Period, compare_models, overview
from vid_diffusion_bench.auth import Principal
from vid_diffusion_bench.server.access import Caller
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import analytics as schemas
from vid_diffusion_bench.server.services import Shared

router = Routes("/analytics", tag="Analytics")
Name = Annotated[str | None, Query(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]


@router.on("GET", "/benchmarks", access="analytics.read")
def get_benchmark_analytics(
    caller: Caller,
    services: Shared,
    period: Period = "24h",
    model_name: Name = None,
    metric: Name = None,
    aggregation: Aggregation = "avg",
) -> schemas.BenchmarkAnalytics:
    """How many benchmarks ended, what they measured, and what changed against the period before."""
    found = overview(
        services.database,
        period,
        time.time(),
        owner=_owner(caller),
        model=model_name,
        metric=metric,
        how=aggregation,
    )
    return schemas.BenchmarkAnalytics(**vars(found))


@router.on("GET", "/models/compare", access="analytics.read", raises=(400,))
def compare(
    caller: Caller,
    services: Shared,
    models: Annotated[
        str, Query(max_length=2600, pattern=r"^[^\x00]*$", description="names, with commas between", examples=["a,b"])
    ],
    metric: Annotated[str, Query(min_length=1, max_length=256, pattern=r"^[^\x00]*$")] = "overall_score",
    period: Period = "7d",
) -> schemas.Comparison:
    """Models side by side, ranked, with a paired test where they made clips of the same prompts and seeds."""
    names = [name.strip() for name in models.split(",") if name.strip()]
    found = compare_models(services.database, names, metric, period, time.time(), owner=_owner(caller))
    pairs = [schemas.Significance.of(pair) for pair in found.pairs]
    return schemas.Comparison(
        comparison_metric=metric,
        period=period,
        protocol=found.protocol,
        models=[schemas.ComparedModel(**vars(model)) for model in found.models],
        statistical_significance=pairs[0],
        pairs=pairs,
        reason=found.reason,
    )


def _owner(caller: Principal) -> str | None:
    return None if caller.is_admin else caller.user_id
