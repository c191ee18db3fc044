"""Fréchet inception distance between the frames of generated and real clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip, Kept
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.distribution.base import Estimate, SetMetric
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance, frechet_distance_of_moments
from vid_diffusion_bench.metrics.distribution.moments import moments

INCEPTION = "inception-v3-torchscript"


class Fid(SetMetric):
    """Fréchet distance between Gaussians of the features of all frames of N generated and N real clips.

    A row of a state is where the features of a clip are kept; they are read one clip at a time, in the order of the
    hash of the clips' keys, and no more of them are held than fill a covariance, so memory does not grow with the
    number of clips. Sets of so few frames are compared without covariances, which is exact and takes no seconds.

    Args:
        variant: What stands after ``fid:`` in the name.
        extractor: What gives the features of every frame.
        label: What stands in the label for it; its name where nothing is said.
    """

    unit = "distance"
    higher_is_better = False
    formula = "|m1-m2|^2 + tr(S1+S2-2(S1 S2)^1/2) over frames, covariances over frames - 1, float64"
    aggregation = f"every frame of each clip a sample; {SetMetric.aggregation}"

    def __init__(self, variant: str = "", extractor: str = INCEPTION, label: str = "") -> None:
        self.name = f"fid:{variant}" if variant else "fid"
        self.extractor = label or extractor
        self.needs = (extractor,)

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.kept(self.needs[0]))

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        first, second = _few(generated), _few(real)
        if first is not None and second is not None:
            value, sizes, width = frechet_distance(first, second), (len(first), len(second)), first.shape[1]
        else:
            one, other = (moments(map(_frames, kepts)) for kepts in (generated, real))
            value, sizes, width = frechet_distance_of_moments(one, other), (one.n, other.n), len(one.mean)
        frames = dict(zip(("generated", "real"), sizes, strict=True))
        return Estimate(
            value,
            protocol={"frames": frames},
            metadata={"frames": frames},
            warnings=[
                f"{count} {side} frames cannot fill a covariance of {width} features"
                for side, count in frames.items()
                if count <= width
            ],
        )


def _few(kepts: Sequence[Kept]) -> npt.NDArray[np.float64] | None:
    """(N, D) of all frames of a set, where N is no larger than D."""
    parts: list[npt.NDArray[np.float32]] = []
    count = 0
    for kept in kepts:
        parts.append(_frames(kept))
        count += len(parts[-1])
        if count > parts[-1].shape[1]:
            return None
    return np.concatenate(parts).astype(np.float64)


def _frames(kept: Kept) -> npt.NDArray[np.float32]:
    """(T, D) of one clip."""
    value = kept.load()
    frames: npt.NDArray[np.float32] = getattr(value, "features", value)
    return frames


DINOV2 = Fid("dinov2", "dinov2-large-fd", "dinov2-large")
DINOV2_BASE = Fid("dinov2-base", "dinov2-base-fd", "dinov2-base")
