"""How much worse a candidate may be: defaults as data, and what a user writes over them.

The defaults are choices, not standards: a margin is the loss that nobody should mind, and who minds less sets his own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from pydantic import Field

from vid_diffusion_bench.exceptions import MetricNotFoundError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.results import Value


class CostLimit(Value):
    """A regression is more than both: ``relative`` is a share of the baseline, ``absolute`` in the figure's unit."""

    relative: float = Field(ge=0)
    absolute: float = Field(ge=0)


MARGINS: Final[dict[str, float]] = {
    "aesthetic_quality": 0.01,
    "background_consistency": 0.01,
    "blockiness": 0.02,
    "clip_score": 1.0,
    "clip_similarity": 0.01,
    "clip_temporal_consistency": 0.01,
    "i2v_subject": 0.01,
    "lpips": 0.01,
    "motion_smoothness": 0.01,
    "ms_ssim": 0.01,
    "psnr": 0.5,
    "ssim": 0.01,
    "subject_consistency": 0.01,
    "temporal_consistency": 0.01,
    "temporal_flickering": 0.01,
    "video_text_similarity": 0.01,
}
"""Mean loss a metric may show, in its unit; holds for every variant of the metric."""

COST_LIMITS: Final[dict[str, CostLimit]] = {
    "avg_latency_ms": CostLimit(relative=0.10, absolute=20.0),
    "p95_latency_ms": CostLimit(relative=0.20, absolute=50.0),
    "peak_ram_gb": CostLimit(relative=0.05, absolute=0.1),
    "peak_vram_gb": CostLimit(relative=0.05, absolute=0.1),
    "energy_per_clip_joules": CostLimit(relative=0.10, absolute=5.0),
}
"""Figures that may regress. Throughput is not among them: it is the latency read the other way."""

CLOSENESS: Final = ("psnr", "ssim", "lpips")
"""Metrics of a candidate's clip against the baseline's; limits on them are the user's, there is no default."""


class Limits(Value):
    """What counts as a regression. ``margins`` and ``closeness`` are by metric, ``cost`` by figure.

    ``max_lost`` is the share of the pairs with a clip in the baseline that may have none in the candidate.
    """

    margins: dict[str, float] = Field(default_factory=lambda: dict(MARGINS))
    closeness: dict[str, float] = Field(default_factory=dict)
    cost: dict[str, CostLimit] = Field(default_factory=lambda: dict(COST_LIMITS))
    max_lost: float = Field(0.0, ge=0, le=1)

    @classmethod
    def parse(
        cls,
        margins: Iterable[str] = (),
        closeness: Iterable[str] = (),
        cost: Iterable[str] = (),
        max_lost: float = 0.0,
    ) -> Limits:
        """The defaults with what a user wrote: ``metric=value``, and ``figure=PERCENT%,VALUE`` for a cost.

        Raises:
            ValidationError: Something cannot be read, or no such figure.
        """
        if not 0 <= max_lost <= 1:
            raise ValidationError(f"the share of clips that may be lost is 0 to 1, not {max_lost:g}")
        return cls(
            margins=MARGINS | {canonical(name): _amount(value, name) for name, value in map(_split, margins)},
            closeness={
                _one_of(canonical(name), CLOSENESS): _amount(value, name) for name, value in map(_split, closeness)
            },
            cost=COST_LIMITS | {_one_of(name, COST_LIMITS): _cost(value, name) for name, value in map(_split, cost)},
            max_lost=max_lost,
        )

    def margin(self, metric: str) -> float | None:
        """The margin of a metric by any of its spellings: its own, or that of the metric it is a variant of."""
        name = canonical(metric)
        return self.margins.get(name, self.margins.get(name.partition(":")[0]))


def canonical(metric: str) -> str:
    """The registered name behind a spelling; of a metric that is not registered here, the spelling."""
    try:
        return MetricRegistry.resolve(metric)
    except MetricNotFoundError:
        return metric


def _split(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name.strip() and sign and value.strip()):
        raise ValidationError(f"{text!r} is no NAME=VALUE")
    return name.strip(), value.strip()


def _one_of(name: str, known: Iterable[str]) -> str:
    if name not in known:
        raise ValidationError(f"there is no limit on {name!r}", remedy=f"one of {', '.join(known)}")
    return name


def _amount(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValidationError(f"{name}={text}: a number that is 0 or more is needed")
    return value


def _cost(text: str, name: str) -> CostLimit:
    share, comma, value = text.partition(",")
    if not (comma and share.strip().endswith("%")):
        raise ValidationError(f"{name}={text} is no PERCENT%,VALUE", remedy=f"for example {name}=10%,20")
    return CostLimit(relative=_amount(share.strip()[:-1], name) / 100, absolute=_amount(value, name))
