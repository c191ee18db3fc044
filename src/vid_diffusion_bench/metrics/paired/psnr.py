"""Peak signal-to-noise ratio against the real clip of the same name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement, paired_video
from vid_diffusion_bench.metrics.per_clip import PerClipMetric

CAP = 60.0
"""Decibels given to a frame equal to its pair, and the most any frame gets: libvmaf's limit for 8-bit video."""


class Psnr(PerClipMetric):
    """Mean over frames of 10 log10(255^2 / MSE) on RGB, at most 60 dB."""

    name = "psnr"
    unit = "dB"
    formula = "mean over frames of min(60, 10 log10(255^2 / MSE)), MSE over pixels and RGB"

    def measure(self, clip: Clip) -> Measurement:
        other = paired_video(clip)
        frames = [psnr(a, b) for a, b in zip(clip.video.frames, other.frames, strict=True)]
        return Measurement(float(np.mean(frames)), {"capped_share": float(np.mean([db == CAP for db in frames]))})

    def warnings(self, facts: Mapping[str, float]) -> list[str]:
        """As every metric, and how many frames met the cap."""
        capped = facts.get("capped_share")
        line = [f"{capped:.0%} of the frames equal their pair and count as {CAP:g} dB"] if capped else []
        return super().warnings(facts) + line


def psnr(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Decibels between two uint8 images (H, W, 3), exact MSE, at most 60."""
    difference: Any = first.astype(np.int64) - second.astype(np.int64)
    error = float((difference * difference).sum()) / first.size
    return min(CAP, 10 * math.log10(255**2 / error)) if error else CAP
