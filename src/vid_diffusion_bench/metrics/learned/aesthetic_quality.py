"""LAION's aesthetic predictor, frame by frame."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class AestheticQuality(PerClipMetric):
    """A tenth of LAION's aesthetic rating, mean over the frames of a clip, then over clips; about 0 to 1.

    The rating is a linear head on CLIP ViT-L/14, trained on what people said of pictures from 1 to 10; it is not cut.
    Frames, formula and mean are those of VBench 0.1.5.
    """

    name = "aesthetic_quality"
    extractor = "vbench-0.1.5"
    unit = "score 0..1"
    needs = ("laion-aesthetic-l-14",)
    formula = "mean over all frames of (w . f / |f| + b) / 10, f the image embedding of CLIP ViT-L/14"

    def measure(self, clip: Clip) -> Measurement:
        ratings = clip.feature("laion-aesthetic-l-14")
        return Measurement(float(np.mean(ratings, dtype=np.float64)) / 10.0)
