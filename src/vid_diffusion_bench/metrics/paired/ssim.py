"""Structural similarity with the real clip of the same name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement, paired_video
from vid_diffusion_bench.metrics.per_clip import PerClipMetric

Map = npt.NDArray[np.float64]

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
FORMULA = "Wang 2004: gaussian 11x11, sigma 1.5, K1 0.01, K2 0.03, range 255, population covariance"


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
    return float(inner(ssim_map(first, second)).mean())


def inner(image: Map) -> Map:
    """The part of (H, W, C) whose window lies in the image."""
    margin = WINDOW // 2
    return image[margin:-margin, margin:-margin]


def ssim_map(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> Map:
    """SSIM at each pixel and channel of two images (H, W, C) in 0..255; float64 (H, W, C) in -1..1.

    Raises:
        MetricComputationError: Images smaller than the window.
    """
    luminance, contrast_structure = ssim_terms(first, second)
    return np.asarray(luminance * contrast_structure)


def ssim_terms(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> tuple[Map, Map]:
    """The two factors of :func:`ssim_map`: luminance, and contrast times structure."""
    if min(first.shape[:2]) < WINDOW:
        raise MetricComputationError(f"SSIM needs frames of {WINDOW} pixels a side or more")
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = _window(x), _window(y)
    var_x = _window(x * x) - mean_x * mean_x
    var_y = _window(y * y) - mean_y * mean_y
    covariance = _window(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    return np.asarray(luminance), np.asarray((2 * covariance + C2) / (var_x + var_y + C2))


def _window(image: Map) -> Map:
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (WINDOW, WINDOW), SIGMA), np.float64)
