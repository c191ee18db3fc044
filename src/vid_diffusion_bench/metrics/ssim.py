"""Structural similarity with the real clip of the same name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.structure import FORMULA, WINDOW, ssim_map
from vid_diffusion_bench.metrics.base import Measurement, paired_video
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class Ssim(PerClipMetric):
    """Mean over frames of SSIM (Wang et al. 2004) on RGB, over the pixels whose window lies in the frame."""

    name = "ssim"
    unit = "score -1..1"
    formula = f"mean over frames, RGB channels and inner pixels of SSIM; {FORMULA}"

    def measure(self, clip: Clip) -> Measurement:
        other = paired_video(clip)
        return Measurement(float(np.mean([ssim(a, b) for a, b in zip(clip.video.frames, other.frames, strict=True)])))


def ssim(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> float:
    """Mean SSIM of two images (H, W, C) in 0..255, H and W >= 11; -1..1."""
    margin = WINDOW // 2
    return float(ssim_map(first, second)[margin:-margin, margin:-margin].mean())
