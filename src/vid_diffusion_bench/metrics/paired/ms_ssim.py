"""Multi-scale structural similarity with the real clip of the same name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement, paired_video
from vid_diffusion_bench.metrics.paired.ssim import FORMULA, WINDOW, Map, inner, ssim_terms
from vid_diffusion_bench.metrics.per_clip import PerClipMetric

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, finest first (Wang, Simoncelli and Bovik 2003, section 3.2)."""
MIN_SIDE = WINDOW * 2 ** (len(WEIGHTS) - 1)


class MsSsim(PerClipMetric):
    """Mean over frames and RGB channels of MS-SSIM (Wang, Simoncelli and Bovik 2003)."""

    name = "ms_ssim"
    unit = "score 0..1"
    formula = (
        "mean over frames and RGB channels of prod_s max(0, m_s)^w_s, w = .0448 .2856 .3001 .2363 .1333; m_s: mean "
        "over inner pixels of contrast x structure, at the coarsest scale of SSIM; each scale averages 2x2 "
        f"pixels of the finer one, without an odd last row or column (Wang 2003); SSIM: {FORMULA}"
    )

    def measure(self, clip: Clip) -> Measurement:
        other = paired_video(clip)
        return Measurement(
            float(np.mean([ms_ssim(a, b) for a, b in zip(clip.video.frames, other.frames, strict=True)]))
        )


def ms_ssim(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> float:
    """MS-SSIM of two images (H, W, C) in 0..255, mean over channels; 0..1.

    Raises:
        MetricComputationError: Images whose coarsest scale is smaller than the window.
    """
    if min(first.shape[:2]) < MIN_SIDE:
        raise MetricComputationError(f"MS-SSIM needs frames of {MIN_SIDE} pixels a side or more")
    x, y = first.astype(np.float64), second.astype(np.float64)
    factors = []
    for scale, weight in enumerate(WEIGHTS, 1):
        luminance, contrast_structure = ssim_terms(x, y)
        term = luminance * contrast_structure if scale == len(WEIGHTS) else contrast_structure
        factors.append(np.maximum(inner(term).mean(axis=(0, 1)), 0) ** weight)
        x, y = _halved(x), _halved(y)
    return float(np.prod(factors, axis=0).mean())


def _halved(image: Map) -> Map:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return np.asarray(image[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).mean(axis=(1, 3)))
