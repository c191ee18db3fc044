"""CLIP-Temp: how alike adjacent frames are to CLIP."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.learned.clip_text import CLIP_MODELS
from vid_diffusion_bench.metrics.learned.frames import adjacent_cosines, static_share
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class ClipTemporalConsistency(PerClipMetric):
    """Mean cosine of the CLIP embeddings of adjacent frames, -1 to 1.

    The CLIP-Temp of EvalCrafter, with CLIP's own preprocessing. A frozen clip scores 1: read it beside
    ``static_share``.
    """

    unit = "cosine -1..1"
    formula = "mean over t of cos(f_t-1, f_t), f the image embeddings of all frames"

    def __init__(self, model: str = CLIP_MODELS[0]) -> None:
        name = "clip_temporal_consistency"
        self.name = name if model == CLIP_MODELS[0] else f"{name}:{model}"
        self.extractor, self.needs = model, (model, "motion")

    def measure(self, clip: Clip) -> Measurement:
        cosines = adjacent_cosines(clip.feature(self.extractor))
        return Measurement(float(cosines.mean()), static_share(clip))


B_16, L_14 = (ClipTemporalConsistency(model) for model in CLIP_MODELS[1:])
