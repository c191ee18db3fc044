"""Blockiness: do steps between pixels gather on the grid of 8x8 blocks?"""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.image import MIN_BLOCKS_SIDE
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class Blockiness(PerClipMetric):
    """max(0, (B - A) / (B + A)): visibility of steps across the edges of 8x8 blocks, B, and of all others, A.

    Visibility is that of Muijs and Kirenko (2005): a step over the mean of its six neighbours in a row. They divide B
    by A, which has no bound; here 0 is no grid, 1/2 is B = 3 A, and 1 is nothing but block edges.
    """

    name = "blockiness"
    unit = "score 0..1"
    higher_is_better = False
    needs = ("frame-statistics",)
    formula = (
        "max(0, (B - A)/(B + A)); B, A: mean over frames, on and off the 8x8 grid, of |step| over the mean of its six "
        "neighbours (at least one grey level; Muijs & Kirenko 2005, eq. 1-3), both directions averaged, on luma"
    )

    def measure(self, clip: Clip) -> Measurement:
        seen = clip.feature("frame-statistics")
        on, off = float(seen.on_edges.mean()), float(seen.off_edges.mean())
        if np.isnan(on):
            raise MetricComputationError(f"blockiness needs frames of {MIN_BLOCKS_SIDE} pixels a side or more")
        return Measurement(max(0.0, (on - off) / (on + off)) if on + off else 0.0)
