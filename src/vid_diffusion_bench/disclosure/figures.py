"""Aggregates computed again from the records: means with their intervals, counts, time and memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from vid_diffusion_bench.disclosure.comparison import Comparison
from vid_diffusion_bench.disclosure.verification import CANNOT, Check, Difference, check_of
from vid_diffusion_bench.disclosure.wording import comparable, of_this_version
from vid_diffusion_bench.engine.serving_figures import served_performance
from vid_diffusion_bench.engine.summary import performance
from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.metrics.base import Row
from vid_diffusion_bench.metrics.per_clip import PerClipMetric, ShareMetric
from vid_diffusion_bench.results import BenchmarkResult, MetricResult, ModelResult, SampleRecord

INTERVAL_TOLERANCE: Final = 1e-9
"""Relative: quantiles and special functions may differ in the last bits between versions of NumPy and SciPy."""
_REASON: Final = "quantiles and special functions differ in the last bits between versions of NumPy and SciPy"


def figure_checks(result: BenchmarkResult) -> list[Check]:
    """One check for the metrics of each model, and one for its time, memory and success."""
    checks: list[Check] = []
    for model in result.models:
        try:
            with np.errstate(all="ignore"):
                checks += [*_aggregates(model), _performance(model, result)]
        except (ArithmeticError, ValueError, VidBenchError) as error:
            # No run writes numbers that nothing can be computed of.
            told = Difference(what=f"{model.model_name}: numbers of its records", found=str(error).splitlines()[0])
            checks.append(check_of("figures", f"{model.model_name}: figures of the records", 0, [told]))
    return checks


def _aggregates(model: ModelResult) -> Iterator[Check]:
    seen = Comparison()
    whole_sets = []
    for name, stated in model.metric_results.items():
        scores = {record.key: record.scores[name] for record in model.records if name in record.scores}
        _count(seen, model, name, stated)
        if stated.value is None or not scores:
            continue
        metric = _averaged(name, stated)
        if metric is None:
            whole_sets.append(name)
        else:
            _compare(seen, model, metric, stated, _rows(model.records, name))
    strays = {(name, record.key): score for record in model.records for name, score in record.scores.items()}
    for (name, key), score in strays.items():
        if name not in model.metric_results:
            seen.number(f"{model.model_name}: {name} of sample {key}: the run has no such metric", score.value, None)
    yield Check(
        part="figures",
        name=f"{model.model_name}: means, intervals and counts of the records' scores",
        outcome=seen.outcome,
        n=seen.n,
        detail=f"no means of the records, so checked by scoring alone: {', '.join(whole_sets)}" if whole_sets else "",
        tolerance=INTERVAL_TOLERANCE,
        tolerance_reason=f"means are asked for bit for bit; {_REASON}",
        largest=seen.largest,
        differences=seen.differences,
    )


def _count(seen: Comparison, model: ModelResult, name: str, stated: MetricResult) -> None:
    """Counts that hold for every metric; one that was not run at all has none."""
    what = f"{model.model_name}: {name}"
    if stated.protocol:
        seen.number(f"{what}: total", stated.total, len(model.records))
        coverage = stated.n / stated.total if stated.total else None
        seen.number(f"{what}: coverage", stated.metadata.get("coverage"), coverage)


def _averaged(name: str, stated: MetricResult) -> PerClipMetric | None:
    """The metric whose result is a function of the clips' own scores; ``None`` where it is of more than these."""
    metric = MetricRegistry.get(name) if name in MetricRegistry else None
    known = {PerClipMetric.aggregation, ShareMetric.aggregation}
    if isinstance(metric, PerClipMetric) and stated.protocol.get("aggregation") == metric.aggregation in known:
        return metric
    return None


def _rows(records: list[SampleRecord], name: str) -> list[Row]:
    """In the order of the keys, as scoring sums them up."""
    scored = sorted((record.key, record) for record in records if name in record.scores) if _distinct(records) else []
    return [Row(record.prompt_id, record.scores[name].value) for _, record in scored]


def _distinct(records: list[SampleRecord]) -> bool:
    return max(Counter(record.key for record in records).values(), default=0) <= 1


def _compare(
    seen: Comparison, model: ModelResult, metric: PerClipMetric, stated: MetricResult, rows: list[Row]
) -> None:
    what = f"{model.model_name}: {stated.name}"
    measured = [row for row in rows if row.value is not None]
    seen.number(f"{what}: n", stated.n, len(measured))
    if not measured:
        seen.number(f"{what}: value", stated.value, None)
        return
    interval, _ = metric.interval(measured)
    seen.number(f"{what}: value", stated.value, metric.average(measured))
    seen.tree(f"{what}: confidence_interval", stated.confidence_interval, interval, INTERVAL_TOLERANCE)


def _performance(model: ModelResult, result: BenchmarkResult) -> Check:
    seen = Comparison()
    found, same = _figures(model, result), of_this_version(result)
    for name in dict.fromkeys([*model.performance_results, *found]):
        stated, again = model.performance_results.get(name), found.get(name)
        seen.tree(f"{model.model_name}: {name}", _plain(stated, same), _plain(again, same), INTERVAL_TOLERANCE)
    return Check(
        part="figures",
        name=f"{model.model_name}: time, memory, energy and success of the records",
        outcome=seen.outcome if seen.n else CANNOT,
        n=seen.n,
        detail="what each clip took is the run's own word: it cannot be measured again",
        tolerance=INTERVAL_TOLERANCE,
        tolerance_reason=_REASON,
        largest=seen.largest,
        differences=seen.differences,
    )


def _figures(model: ModelResult, result: BenchmarkResult) -> dict[str, MetricResult]:
    if any(record.cost and record.cost.serving for record in model.records):
        return served_performance(model.model_name, model.records, result.manifests, result.config)
    return performance(model.records, result.manifests, model.load_seconds, result.config.prices)


def _plain(figure: MetricResult | None, same_version: bool) -> Any:
    return comparable(figure.model_dump(mode="json"), same_version=same_version) if figure else None
