"""One number of many benchmarks, all of one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from vid_diffusion_bench import statistics
from vid_diffusion_bench.analytics.figures import Figure

Aggregation = Literal["avg", "min", "max", "p95"]
AGGREGATIONS: Final[tuple[Aggregation, ...]] = get_args(Aggregation)
FEWEST_FOR_P95: Final = 20
"""The 95th percentile of fewer values is their maximum by another name."""


@dataclass(frozen=True)
class OtherProtocol:
    """Values that were left out: they are not comparable."""

    protocol: str
    n: int
    value: float | None


@dataclass(frozen=True)
class Aggregate:
    """``value`` of ``n`` figures, all of ``protocol``; ``None`` for the reason stated."""

    metric: str
    value: float | None
    n: int = 0
    protocol: str | None = None
    unit: str = ""
    higher_is_better: bool | None = None
    others: list[OtherProtocol] = field(default_factory=list)
    reason: str | None = None


def aggregate(
    metric: str, figures: Sequence[Figure], how: Aggregation = "avg", protocol: str | None = None
) -> Aggregate:
    """``figures`` of ``metric`` as one number, by default of the protocol that was used last.

    A figure is one model's value in one benchmark; each counts once, however many clips are behind it.
    """
    found = [figure for figure in figures if figure.metric == metric]
    if not found:
        return Aggregate(metric, None, protocol=protocol, reason="nothing was measured")
    chosen = protocol or max(found, key=lambda figure: (figure.at, figure.protocol)).protocol
    by_protocol: dict[str, list[Figure]] = {}
    for figure in found:
        by_protocol.setdefault(figure.protocol, []).append(figure)
    own = by_protocol.pop(chosen, [])
    others = [OtherProtocol(name, len(ones), _value(ones, how)) for name, ones in sorted(by_protocol.items())]
    if not own:
        return Aggregate(metric, None, protocol=chosen, others=others, reason="nothing was measured by this protocol")
    value = _value(own, how)
    reason = f"{len(own)} values are too few for p95: {FEWEST_FOR_P95} are needed" if value is None else None
    last = own[-1]
    return Aggregate(metric, value, len(own), chosen, last.unit, last.higher_is_better, others, reason)


def _value(figures: Sequence[Figure], how: Aggregation) -> float | None:
    values = [figure.value for figure in figures]
    match how:
        case "avg":
            return statistics.mean(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "p95":
            return statistics.percentile(values, 95)


def interval(figures: Sequence[Figure]) -> tuple[tuple[float, float] | None, str | None]:
    """95 % interval of the mean of ``figures`` of one protocol, or why there is none.

    One benchmark has its own, over its prompts; of several, whole benchmarks are drawn again
    (:func:`~vid_diffusion_bench.statistics.cluster_bootstrap`).
    """
    if not figures:
        return None, "nothing was measured"
    if len(figures) == 1:
        own = figures[0].interval
        return own, None if own else "the benchmark has none"
    values, of = [figure.value for figure in figures], [figure.benchmark_id for figure in figures]
    if len(set(of)) < statistics.FEWEST_CLUSTERS:
        return None, f"{len(set(of))} benchmarks are too few: {statistics.FEWEST_CLUSTERS} are needed"
    return statistics.cluster_bootstrap(values, of), None
