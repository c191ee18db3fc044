"""LPIPS: perceptual distance to the real clip of the same name by features of a trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement, paired_video
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.video import Frames

if TYPE_CHECKING:
    import torch

    from vid_diffusion_bench.features.networks.lpips import Trunk

PIXELS = 1 << 19
"""Pixels a network pass; bounds its memory."""


class LpipsMetric(PerClipMetric):
    """Mean over frames of LPIPS 0.1 (Zhang et al. 2018) at the frames' own size.

    Args:
        name: What it is registered as.
        extractor: The label's: the trunk.
    """

    unit = "distance"
    higher_is_better = False
    formula = (
        "mean over frames of sum_l mean_hw sum_c w_lc (x_lc/|x_l| - y_lc/|y_l|)^2, five layers of the trunk "
        "(Zhang 2018, version 0.1)"
    )

    def __init__(self, name: str, extractor: str) -> None:
        self.name, self.extractor = name, extractor

    def trunk(self) -> Trunk:
        """The network's description."""
        from vid_diffusion_bench.features.networks import lpips

        return lpips.ALEX if self.extractor == "alex" else lpips.VGG

    def protocol(self) -> dict[str, Any]:
        """As every metric, and what decides the network's output."""
        from vid_diffusion_bench.features.networks import lpips

        return {**super().protocol(), "network": lpips.identity(self.trunk())}

    def measure(self, clip: Clip) -> Measurement:
        from vid_diffusion_bench.features.networks import lpips

        trunk, other = self.trunk(), paired_video(clip)
        if min(clip.video.height, clip.video.width) < trunk.min_side:
            raise MetricComputationError(f"LPIPS by {trunk.weights} needs frames of {trunk.min_side} pixels a side")
        return Measurement(float(np.mean(_distances(lpips.load(trunk), clip.video.frames, other.frames))))


def _distances(network: torch.nn.Module, first: Frames, second: Frames) -> list[float]:
    from vid_diffusion_bench.features.networks.device import exact_arithmetic

    found: list[float] = []
    batch = max(1, PIXELS // (first.shape[1] * first.shape[2]))
    with exact_arithmetic():
        for start in range(0, len(first), batch):
            pair = (_tensor(frames[start : start + batch]) for frames in (first, second))
            found += network(*pair).tolist()
    return found


def _tensor(frames: Frames) -> torch.Tensor:
    """(N, 3, H, W) in -1..1."""
    import torch

    from vid_diffusion_bench.features.networks.device import network_device

    pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(network_device())
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


ALEX = LpipsMetric("lpips", "alex")
VGG = LpipsMetric("lpips:vgg", "vgg")
