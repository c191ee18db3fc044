"""What is searched for: each objective, defined exactly on measured figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vid_diffusion_bench.ai_optimization.measured import Measured, Sample
from vid_diffusion_bench.exceptions import MetricComputationError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.metrics.base import Metric
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.statistics import cluster_bootstrap, mean

QUALITY: Final = "overall_score"
LATENCY: Final = "avg_latency_ms"
VRAM, RAM = "peak_vram_gb", "peak_ram_gb"
Clips = list[tuple[tuple[str, int], float]]
"""(prompt's id, index of the clip) and value, of the clips that have one."""


class OptimizationObjective(StrEnum):
    """What a search makes better."""

    MAXIMIZE_QUALITY = "quality"
    MINIMIZE_LATENCY = "latency"
    MINIMIZE_MEMORY = "memory"
    MAXIMIZE_EFFICIENCY = "efficiency"
    BALANCED = "balanced"
    PARETO = "pareto"

    @classmethod
    def parse(cls, text: object) -> OptimizationObjective:
        """An objective by value or by name, in any case: ``quality`` or ``MAXIMIZE_QUALITY``.

        Raises:
            ValidationError: There is none such.
        """
        wanted = str(text).strip().lower()
        for objective in cls:
            if wanted in (objective.value, objective.name.lower()):
                return objective
        raise ValidationError(f"no objective {text!r}", remedy=f"one of {', '.join(cls)}")


@dataclass(frozen=True)
class Axis:
    """One figure that is made better.

    ``clip`` gives the figure of one clip, beside the default setting on the same prompts and seeds; the figure of a
    setting is the mean over its clips. Where it cannot be had clip by clip, ``whole`` gives that of the setting.
    """

    name: str
    definition: str
    maximize: bool
    unit: str
    whole: Callable[[Measured, Measured], float | None]
    clip: Callable[[Sample, Measured], float | None] | None = None

    def clips(self, measured: Measured, default: Measured) -> Clips:
        """The figure of each clip that has one; empty where there is none clip by clip."""
        if self.clip is None:
            return []
        found = [((s.prompt_id, s.index), self.clip(s, default)) for s in measured.samples]
        return [(place, value) for place, value in found if value is not None]

    def value(self, measured: Measured, default: Measured) -> float | None:
        clips = self.clips(measured, default)
        return mean([value for _, value in clips]) if clips else self.whole(measured, default)

    def interval(self, measured: Measured, default: Measured) -> tuple[float, float] | None:
        """95 % interval of the mean over clips, by bootstrap of prompts; ``None`` with one prompt, or none by clip."""
        clips = self.clips(measured, default)
        prompts = [prompt for (prompt, _), _ in clips]
        if len(set(prompts)) < 2:
            return None
        return cluster_bootstrap([value for _, value in clips], prompts)


@dataclass(frozen=True)
class Objective:
    """An objective with the metrics it is measured by; more than one axis is a Pareto search."""

    kind: OptimizationObjective
    axes: tuple[Axis, ...]
    quality: str
    memory: str

    @property
    def definition(self) -> str:
        return "; ".join(f"{axis.name}: {axis.definition}" for axis in self.axes)

    @property
    def directions(self) -> list[str]:
        return ["maximize" if axis.maximize else "minimize" for axis in self.axes]

    @property
    def by_clip(self) -> bool:
        """Whether part of the prompts says something about all: the figure is a mean over clips."""
        return all(axis.clip is not None for axis in self.axes)


def define(
    kind: OptimizationObjective | str, device: str, *, quality_metric: str = QUALITY, memory_metric: str = VRAM
) -> Objective:
    """The objective on ``device``, with what cannot be measured there refused.

    Raises:
        MetricNotFoundError: No such metric.
        ValidationError: No such objective; a metric without a better side; the memory of a GPU where there is none.
    """
    kind = kind if isinstance(kind, OptimizationObjective) else OptimizationObjective.parse(kind)
    MetricRegistry.resolve(quality_metric)
    metric = MetricRegistry.get(quality_metric)
    if metric.higher_is_better is None:
        raise ValidationError(
            f"{quality_metric} is a fact about clips: neither more nor less of it is better",
            remedy=f"a quality metric such as {QUALITY}",
        )
    if kind is OptimizationObjective.MINIMIZE_MEMORY:
        _check_memory(memory_metric, device)
    if kind is OptimizationObjective.MAXIMIZE_EFFICIENCY and not metric.higher_is_better:
        raise ValidationError(
            f"efficiency is quality per second, and of {quality_metric} less is better", remedy="the objective balanced"
        )
    by_clip = _by_clip(metric)
    quality, latency = _quality(quality_metric, metric.unit, up=metric.higher_is_better, by_clip=by_clip), _latency()
    axes: dict[OptimizationObjective, tuple[Axis, ...]] = {
        OptimizationObjective.MAXIMIZE_QUALITY: (quality,),
        OptimizationObjective.MINIMIZE_LATENCY: (latency,),
        OptimizationObjective.MINIMIZE_MEMORY: (_memory(memory_metric),),
        OptimizationObjective.MAXIMIZE_EFFICIENCY: (_efficiency(quality_metric, by_clip=by_clip),),
        OptimizationObjective.BALANCED: (balanced(quality_metric, up=metric.higher_is_better, by_clip=by_clip),),
        OptimizationObjective.PARETO: (quality, latency),
    }
    return Objective(kind, axes[kind], quality_metric, memory_metric)


def quality_and_latency(objective: Objective) -> tuple[Axis, Axis]:
    """The two axes that every result shows."""
    metric = MetricRegistry.get(objective.quality)
    by_clip, up = _by_clip(metric), bool(metric.higher_is_better)
    return _quality(objective.quality, metric.unit, up=up, by_clip=by_clip), _latency()


def balanced_axis(objective: Objective) -> Axis:
    """The figure that chooses one setting from a front."""
    metric = MetricRegistry.get(objective.quality)
    return balanced(objective.quality, up=bool(metric.higher_is_better), by_clip=_by_clip(metric))


def balanced(metric: str, *, up: bool, by_clip: bool) -> Axis:
    """Share of the default's quality that is won, less the share of its latency that is added; the default has 0."""
    sign = 1.0 if up else -1.0

    def weigh(quality: float | None, latency: float, default: Measured) -> float | None:
        if quality is None or default.quality is None:
            return None
        if default.quality == 0:
            raise MetricComputationError(
                f"balanced divides by the {metric} of the default setting, which is 0", remedy="the objective pareto"
            )
        gain = sign * (quality - default.quality) / abs(default.quality)
        return gain - (latency / default.latency_ms - 1)

    definition = (
        f"({metric} - d) / |d|{'' if up else ', negated'}, less ({LATENCY} - l) / l, for d and l of the default "
        "setting on the same prompts and seeds; the default has 0"
    )
    return Axis(
        "balanced",
        definition,
        maximize=True,
        unit="",
        whole=lambda m, default: weigh(m.quality, m.latency_ms, default),
        clip=(lambda s, default: weigh(s.quality, s.latency_ms, default)) if by_clip else None,
    )


def _by_clip(metric: Metric) -> bool:
    """Whether the metric's value is the mean of its clips' values."""
    return isinstance(metric, PerClipMetric) and type(metric).average is PerClipMetric.average


def _quality(metric: str, unit: str, *, up: bool, by_clip: bool) -> Axis:
    over = "the mean over clips" if by_clip else "of the set of clips"
    return Axis(
        "quality",
        f"{metric}, {over}, {'higher' if up else 'lower'} is better",
        maximize=up,
        unit=unit,
        whole=lambda m, _: m.quality,
        clip=(lambda s, _: s.quality) if by_clip else None,
    )


def _latency() -> Axis:
    return Axis(
        "latency",
        f"{LATENCY}, the mean wall time of the generating call over clips, lower is better",
        maximize=False,
        unit="ms",
        whole=lambda m, _: m.latency_ms,
        clip=lambda s, _: s.latency_ms,
    )


def _memory(metric: str) -> Axis:
    return Axis(
        "memory",
        f"{metric}, the largest peak of a clip, lower is better",
        maximize=False,
        unit="GiB",
        whole=lambda m, _: m.memory_gb,
    )


def _efficiency(metric: str, *, by_clip: bool) -> Axis:
    over = "the mean over clips of each one's" if by_clip else "of all clips,"
    return Axis(
        "efficiency",
        f"{over} {metric} per second of its generating call, higher is better",
        maximize=True,
        unit="per s",
        whole=lambda m, _: None if m.quality is None else m.quality / (m.latency_ms / 1000),
        clip=(lambda s, _: None if s.quality is None else s.quality / (s.latency_ms / 1000)) if by_clip else None,
    )


def _check_memory(metric: str, device: str) -> None:
    if metric not in (VRAM, RAM):
        raise ValidationError(f"{metric} is no measure of memory", remedy=f"{VRAM} or {RAM}")
    if metric == VRAM and not device.startswith("cuda"):
        raise ValidationError(
            f"the objective memory is {VRAM}, and {device} is no GPU whose memory could be measured",
            remedy=f"another objective, or memory_metric={RAM}, which holds the whole process",
        )
