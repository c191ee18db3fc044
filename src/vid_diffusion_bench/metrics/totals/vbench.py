"""VBench's quality, semantic and total score, where every dimension was measured as VBench measures it.

Constants and arithmetic are those of VBench 0.1.5, ``scripts/constant.py`` and ``scripts/cal_final_score.py``; unlike
there a dimension that was not measured is not 0 but leaves no total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vid_diffusion_bench.exceptions import (
    MetricComputationError,
    MissingDependencyError,
    ModelLoadingError,
    ValidationError,
)
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, Row, State, unmeasured
from vid_diffusion_bench.metrics.registry import MetricRegistry
from vid_diffusion_bench.results import MetricResult

PROTOCOL = "vbench-0.1.5"
"""What the metric of a dimension is registered as, ``<dimension>:vbench-0.1.5``, and what its label says."""


@dataclass(frozen=True)
class Dimension:
    """The values a dimension is scaled by, and its weight in the mean of its group."""

    minimum: float
    maximum: float
    weight: float = 1.0


QUALITY_DIMENSIONS = {
    "subject_consistency": Dimension(0.1462, 1.0),
    "background_consistency": Dimension(0.2615, 1.0),
    "temporal_flickering": Dimension(0.6293, 1.0),
    "motion_smoothness": Dimension(0.706, 0.9975),
    "aesthetic_quality": Dimension(0.0, 1.0),
    "imaging_quality": Dimension(0.0, 1.0),
    "dynamic_degree": Dimension(0.0, 1.0, weight=0.5),
}
SEMANTIC_DIMENSIONS = {
    "object_class": Dimension(0.0, 1.0),
    "multiple_objects": Dimension(0.0, 1.0),
    "human_action": Dimension(0.0, 1.0),
    "color": Dimension(0.0, 1.0),
    "spatial_relationship": Dimension(0.0, 1.0),
    "scene": Dimension(0.0, 0.8222),
    "appearance_style": Dimension(0.0009, 0.2855),
    "temporal_style": Dimension(0.0, 0.364),
    "overall_consistency": Dimension(0.0, 0.364),
}
DIMENSIONS = QUALITY_DIMENSIONS | SEMANTIC_DIMENSIONS
QUALITY_WEIGHT, SEMANTIC_WEIGHT = 4.0, 1.0


def vbench_normalized(dimension: str, value: float) -> float:
    """``value`` of a dimension, 0..1 as VBench prints it for a whole set, on the scale of the totals.

    (value - minimum) / (maximum - minimum), not cut: a value outside the constants gives one outside 0..1.

    Raises:
        ValidationError: VBench has no such dimension.
    """
    if (scale := DIMENSIONS.get(dimension)) is None:
        raise ValidationError(f"VBench has no dimension {dimension!r}", remedy=f"it has {', '.join(DIMENSIONS)}")
    return (value - scale.minimum) / (scale.maximum - scale.minimum)


def quality_score(values: Mapping[str, float]) -> float:
    """Weighted mean of the 7 normalised quality dimensions; ``values`` by dimension."""
    return _weighted_mean(values, QUALITY_DIMENSIONS)


def semantic_score(values: Mapping[str, float]) -> float:
    """Mean of the 9 normalised semantic dimensions; ``values`` by dimension."""
    return _weighted_mean(values, SEMANTIC_DIMENSIONS)


def total_score(values: Mapping[str, float]) -> float:
    """(4 quality + semantic) / 5; ``values`` of all 16 dimensions."""
    weighted = QUALITY_WEIGHT * quality_score(values) + SEMANTIC_WEIGHT * semantic_score(values)
    return weighted / (QUALITY_WEIGHT + SEMANTIC_WEIGHT)


def _weighted_mean(values: Mapping[str, float], group: Mapping[str, Dimension]) -> float:
    scaled = [vbench_normalized(name, values[name]) * dimension.weight for name, dimension in group.items()]
    return sum(scaled) / sum(dimension.weight for dimension in group.values())


def part(dimension: str) -> Metric:
    """The metric registered for ``dimension`` under VBench's protocol.

    Raises:
        MetricComputationError: None is, or it cannot run here; the message is the reason.
    """
    name, label = f"{dimension}:{PROTOCOL}", f"{dimension}[{PROTOCOL}]"
    if name not in MetricRegistry:
        raise MetricComputationError(f"no metric {name} is registered")
    try:
        metric = MetricRegistry.get(name)
        metric.protocol()
    except (ModelLoadingError, ValidationError) as error:
        raise MetricComputationError(error.message) from error
    if metric.label != label:
        raise MetricComputationError(f"{name} is {metric.label} and not {label}")
    return metric


class VbenchScore(Metric):
    """A total of VBench's dimensions, 0 to 1, only where all of them were measured under VBench's own protocol.

    Each dimension is scaled to (value - min) / (max - min) and averaged with VBench's weights. The metric of a
    dimension is the one registered as ``<dimension>:vbench-0.1.5``; without it there is no total, and the reason
    names what is missing.
    """

    extractor = PROTOCOL
    unit = "score 0..1"
    aggregation = "each dimension as its own metric sums it up, over the clips that metric measures; then the formula"

    def __init__(
        self, name: str, formula: str, dimensions: Iterable[str], combine: Callable[[Mapping[str, float]], float]
    ) -> None:
        self.name, self.formula, self.dimensions = name, formula, tuple(dimensions)
        self._combine = combine

    def measure(self, clip: Clip) -> Measurement:
        """The clip's value by dimension; ``None`` where a dimension's metric leaves the clip out."""
        parts, missing = self._parts()
        if missing:
            raise MetricComputationError(_named(missing))
        values = {name: _value(metric, clip) for name, metric in parts.items()}
        if all(value is None for value in values.values()):
            raise MetricComputationError("no dimension measures this clip")
        return Measurement(values)

    def compute(self, state: State, context: Context) -> MetricResult:
        rows = state.generated
        if all(row.value is None for row in rows.values()):
            return self.result(context, rows, value=None, reason=unmeasured(rows))
        parts, missing = self._parts()
        if missing:
            return self.result(context, rows, value=None, reason=_named(missing))
        results = {name: metric.compute(_state_of(name, rows), context) for name, metric in parts.items()}
        if unknown := {name: str(result.reason) for name, result in results.items() if result.value is None}:
            return self.result(context, rows, value=None, reason=_named(unknown))
        values = {name: float(result.value) for name, result in results.items() if result.value is not None}
        return self._total(context, rows, values, results)

    def _total(
        self, context: Context, rows: dict[str, Row], values: dict[str, float], results: dict[str, MetricResult]
    ) -> MetricResult:
        clips = "each dimension is taken over all clips that its metric measures, not over VBench's prompts for it"
        return self.result(
            context,
            rows,
            value=self._combine(values),
            interval_reason="VBench defines none, and each dimension is measured on clips of its own",
            metadata={
                "dimensions": values,
                "normalized": {name: vbench_normalized(name, value) for name, value in values.items()},
                "n_by_dimension": {name: result.n for name, result in results.items()},
            },
            warnings=[clips],
        )

    def check(self) -> None:
        """As every metric, and every part has to be there."""
        if missing := self._parts()[1]:
            raise MissingDependencyError(_named(missing), details={"dependency": f"{len(missing)} parts"})

    def protocol(self) -> dict[str, Any]:
        """As every metric, with the protocols of the parts; those that are missing say why."""
        parts, missing = self._parts()
        scales = {
            name: [scale.minimum, scale.maximum, scale.weight]
            for name, scale in DIMENSIONS.items()
            if name in self.dimensions
        }
        found = {name: metric.protocol() for name, metric in parts.items()}
        return {**super().protocol(), "min_max_weight": scales, "parts": {**found, **missing}}

    def _parts(self) -> tuple[dict[str, Metric], dict[str, str]]:
        """The metric of each dimension, and why there is none of the others."""
        found: dict[str, Metric] = {}
        missing: dict[str, str] = {}
        for dimension in self.dimensions:
            try:
                found[dimension] = part(dimension)
            except MetricComputationError as error:
                missing[dimension] = error.message
        return found, missing


def _value(metric: Metric, clip: Clip) -> Any:
    try:
        return metric.measure(clip).value
    except MetricComputationError:
        return None


def _named(missing: Mapping[str, str]) -> str:
    return f"missing parts: {'; '.join(f'{name} ({why})' for name, why in missing.items())}"


def _state_of(dimension: str, rows: Mapping[str, Row]) -> State:
    """The rows as the metric of ``dimension`` would have left them."""
    return State({key: _row_of(dimension, row) for key, row in rows.items()})


def _row_of(dimension: str, row: Row) -> Row:
    value = row.value[dimension] if row.value is not None else None
    reason = None if value is not None else row.reason or "the metric of this dimension leaves the clip out"
    return replace(row, value=value, reason=reason)


QUALITY = VbenchScore(
    "vbench_quality_score",
    "sum w (x - min) / (max - min) / sum w over the 7 quality dimensions; w 1, of dynamic_degree 0.5",
    QUALITY_DIMENSIONS,
    quality_score,
)
SEMANTIC = VbenchScore(
    "vbench_semantic_score",
    "mean of (x - min) / (max - min) over the 9 semantic dimensions",
    SEMANTIC_DIMENSIONS,
    semantic_score,
)
TOTAL = VbenchScore("vbench_total_score", "(4 quality score + semantic score) / 5", DIMENSIONS, total_score)
