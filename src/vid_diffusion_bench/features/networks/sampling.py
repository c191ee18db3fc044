"""Which frames of a clip a network reads, as named, frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.video import sample_frames

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Sampling:
    """``count`` frames of a clip.

    Args:
        count: Frames.
        where: ``even``: evenly spaced, first and last included. ``middles``: the frame in the middle of each of
            ``count`` equal intervals. ``first``: the first ones.
    """

    count: int
    where: Literal["even", "middles", "first"]

    def __call__(self, num_frames: int) -> Indices:
        """Indices (count,) into a clip of ``num_frames``.

        Raises:
            MetricComputationError: ``first``, and the clip is shorter.
        """
        if self.where == "even":
            return sample_frames(num_frames, self.count)
        if self.where == "middles":
            return ((np.arange(self.count) + 0.5) * num_frames / self.count).astype(np.intp)
        if num_frames < self.count:
            raise MetricComputationError(f"{self.count} frames are needed, the clip has {num_frames}")
        return np.arange(self.count)

    def describe(self) -> str:
        """Both fields, in words."""
        words = {
            "even": "frames evenly spaced, first and last included; shorter clips repeat frames evenly",
            "middles": "frames, the middles of equal intervals; shorter clips repeat frames evenly",
            "first": "frames from the first on; shorter clips are refused",
        }
        return f"{self.count} {words[self.where]}"
