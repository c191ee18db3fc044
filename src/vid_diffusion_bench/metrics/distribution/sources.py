"""Which extractor's vector of a clip a set metric compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.distribution.base import SetMetric


@dataclass(frozen=True)
class Source:
    """``extractor`` gives the vectors, ``label`` stands in the metric's label and ``variant`` in its name.

    ``clips`` is the size of a set that published figures on these features use, or that keeps bias below what one looks
    for; only metrics with bias read it. ``real_extractor`` is that of real clips where the protocol samples them
    otherwise.
    """

    label: str
    extractor: str
    variant: str
    clips: int = 2
    real_extractor: str | None = None

    def vector(self, clip: Clip, *, real: bool = False) -> npt.NDArray[np.float64]:
        """The clip as float64 (D,)."""
        value = clip.feature(self.real_extractor or self.extractor if real else self.extractor)
        return np.asarray(getattr(value, "features", value), np.float64)


SHAPES = Source("shapes-v1", "shapes-v1-video", "", 256)
STYLEGANV = Source("i3d-styleganv", "i3d-styleganv", "styleganv", 2048, "i3d-styleganv-offset")
VIDEOMAE = Source("videomae-base", "videomae-base", "videomae")
VJEPA2 = Source("vjepa2-vit-l", "vjepa2-vit-l", "vjepa2", 5000)


class SourceMetric(SetMetric):
    """A set metric on the vectors of one :class:`Source`; ``metric`` is its name without the variant."""

    metric: str

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = f"{self.metric}:{source.variant}" if source.variant else self.metric
        self.extractor = source.label
        self.needs = tuple(dict.fromkeys([source.extractor, source.real_extractor or source.extractor]))

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(self.source.vector(clip))

    def measure_real(self, clip: Clip) -> Measurement:
        return Measurement(self.source.vector(clip, real=True))
