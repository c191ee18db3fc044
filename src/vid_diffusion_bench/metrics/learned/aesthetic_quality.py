"""LAION's aesthetic predictor, frame by frame."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric

HEAD = "laion-aesthetic-l-14"


class AestheticQuality(PerClipMetric):
    """A tenth of LAION's aesthetic rating, mean over the frames of a clip, then over clips; about 0 to 1.

    The rating is a linear head on CLIP ViT-L/14, trained on what people said of pictures from 1 to 10; it is not cut.
    """

    name = "aesthetic_quality"
    extractor = HEAD
    unit = "score 0..1"
    needs = (HEAD,)
    formula = "mean over all frames of (w . f / |f| + b) / 10, f the image embedding of CLIP ViT-L/14"

    def measure(self, clip: Clip) -> Measurement:
        (head,) = self.needs
        return Measurement(float(np.mean(clip.feature(head), dtype=np.float64)) / 10.0)


class VbenchAestheticQuality(AestheticQuality):
    """As VBench 0.1.5: the same on frames that are made smaller without antialias."""

    name = "aesthetic_quality:vbench-0.1.5"
    extractor = "vbench-0.1.5"
    needs = (f"{HEAD}-vbench",)
