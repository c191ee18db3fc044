"""Fréchet inception distance between the frames of generated and real clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.distribution.base import Estimate, SetMetric
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance_of_moments
from vid_diffusion_bench.metrics.distribution.moments import moments

EXTRACTOR = "inception-v3-torchscript"


class Fid(SetMetric):
    """Fréchet distance between Gaussians of the features of all frames of N generated and N real clips.

    A row of a state is where the features of a clip are kept; they are read one clip at a time, in the order of the
    hash of the clips' keys, so memory does not grow with the number of clips.
    """

    name = "fid"
    extractor = EXTRACTOR
    unit = "distance"
    higher_is_better = False
    needs = (EXTRACTOR,)
    formula = "|m1-m2|^2 + tr(S1+S2-2(S1 S2)^1/2) over frames, covariances over frames - 1, moments in float64"
    aggregation = f"every frame of each clip a sample; {SetMetric.aggregation}"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.kept(EXTRACTOR))

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        first, second = (moments(kept.load().features for kept in kepts) for kepts in (generated, real))
        frames = {"generated": first.n, "real": second.n}
        return Estimate(
            frechet_distance_of_moments(first, second),
            protocol={"frames": frames},
            metadata={"frames": frames},
            warnings=[
                f"{count} {side} frames cannot fill a covariance of {len(first.mean)} features"
                for side, count in frames.items()
                if count <= len(first.mean)
            ],
        )
