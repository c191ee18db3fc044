"""Fréchet video distance between generated and real clips, in named protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.distribution.base import Estimate, SetMetric, matrix
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance


class Fvd(SetMetric):
    """Fréchet distance between Gaussians of video features of N generated and N real clips; 0 is the best.

    Its bias grows as N shrinks: below ``recommended_clips`` a set, the bias is as large as the differences people look
    for.

    Args:
        variant: The protocol, in the name and the label; empty: the metric of the plain name.
        features: The extractor.
        real_features: The extractor for real clips, where the protocol samples them otherwise.
        ddof: Covariances are over N - ``ddof``.
        protocol_clips: N of the protocol, where it states one.
        recommended_clips: Fewer are warned of.
    """

    unit = "distance"
    higher_is_better = False

    def __init__(
        self,
        variant: str = "",
        features: str = "shapes-v1-video",
        *,
        real_features: str | None = None,
        ddof: int = 1,
        protocol_clips: int | None = None,
        recommended_clips: int = 256,
    ) -> None:
        self.name = f"fvd:{variant}" if variant else "fvd"
        self.extractor = variant or "shapes-v1"
        self.features, self.real_features = features, real_features or features
        self.needs = tuple(dict.fromkeys([self.features, self.real_features]))
        self.ddof, self.protocol_clips, self.recommended_clips = ddof, protocol_clips, recommended_clips
        normaliser = "N-1" if ddof else "N"
        self.formula = (
            f"|m1-m2|^2 + tr(S1+S2-2(S1 S2)^1/2), covariances over {normaliser}, by nuclear norm of the cross product"
        )

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(_vector(clip.feature(self.features)))

    def measure_real(self, clip: Clip) -> Measurement:
        return Measurement(_vector(clip.feature(self.real_features)))

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        first, second = matrix(generated), matrix(real)
        few = len(first) <= first.shape[1]
        return Estimate(
            frechet_distance(first, second, ddof=self.ddof),
            warnings=[f"{len(first)} clips cannot fill a covariance of {first.shape[1]} features"] if few else [],
        )


def _vector(feature: Any) -> Any:
    """(D,) of an extractor that gives it, or more beside it."""
    return getattr(feature, "features", feature)


SHAPES = Fvd()
"""On the built-in network: comparable with nothing but itself."""
TF_HUB = Fvd("tf-hub-2019", "i3d-tf-hub-2019")
"""The reference of Unterthiner et al., which states no N; TF-GAN's covariances are over N - 1."""
STYLEGANV = Fvd(
    "styleganv-2048x16",
    "i3d-styleganv",
    real_features="i3d-styleganv-offset",
    ddof=0,
    protocol_clips=2048,
    recommended_clips=2048,
)
"""StyleGAN-V's ``fvd2048_16f``."""
CDFVD_I3D = Fvd("cdfvd-i3d", "i3d-cdfvd", ddof=0, recommended_clips=2048)
"""What cd-fvd prints for ``model='i3d'``; 2048 is its default number of generated clips."""
CDFVD_VIDEOMAE = Fvd("cdfvd-videomae", "videomae-v2-giant-ssv2-cdfvd", ddof=0, recommended_clips=2048)
"""What cd-fvd prints for ``model='videomae'``."""
