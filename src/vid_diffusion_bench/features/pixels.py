"""Numbers of frames and of pairs of frames that several metrics read, each clip gone through once.

Only numbers a frame are kept, never luma or differences, so memory does not grow with the frames. What counts as
black or as unchanged is defined here once, for the metrics and for the checks of what a model made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import image
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.video import Frames

Series = npt.NDArray[np.float64]

BLACK_LEVEL = 4
"""A frame none of whose values is above this (of 255) is black: what safety filters and overflows leave."""

FROZEN_LEVEL = 1
"""Two frames none of whose values differ by more than this (of 255) are the same picture."""


def is_black(frames: Frames) -> bool:
    """Whether every frame of (T, H, W, 3) is black."""
    return int(frames.max()) <= BLACK_LEVEL


def is_frozen(frames: Frames) -> bool:
    """Whether there are several frames in (T, H, W, 3) and all show the first one's picture."""
    return len(frames) > 1 and all(_largest(frames[0], frame) <= FROZEN_LEVEL for frame in frames[1:])


@dataclass(frozen=True)
class FrameStatistics:
    """Numbers (T,) of the frames of one clip.

    ``peak``: largest value. ``brightness``: mean luma. ``sharpness``: variance of its Laplacian. ``colorfulness``: by
    Hasler and Suesstrunk. ``dark``, ``bright``: shares of clipped pixels. ``on_edges``, ``off_edges``: visibility of
    steps on the grid of blocks and elsewhere; NaN in frames too small for a block.
    """

    peak: Series
    brightness: Series
    sharpness: Series
    colorfulness: Series
    dark: Series
    bright: Series
    on_edges: Series
    off_edges: Series


@dataclass(frozen=True)
class FrameChanges:
    """How much frames of one clip differ: sums of absolute differences over RGB, whole numbers.

    ``total`` (T-1,): of I_t and I_t+1. ``ends``: of I_0 and I_T-1. ``values``: numbers in a frame.
    """

    total: Series
    ends: float
    values: int


@dataclass(frozen=True)
class FrameRepeats:
    """Whether frames of one clip differ at all: the largest absolute difference of any value, whole numbers.

    ``from_previous`` (T-1,): of I_t to I_t-1, t >= 1. ``from_first`` (T-1,): of I_t to I_0.
    """

    from_previous: Series
    from_first: Series

    def is_frozen(self) -> bool:
        """As :func:`is_frozen` of the frames."""
        return len(self.from_first) > 0 and bool(self.from_first.max() <= FROZEN_LEVEL)


def measure_frames(clip: Clip) -> FrameStatistics:
    """The :class:`FrameStatistics` of ``clip``."""
    rows = [_statistics(frame) for frame in clip.video.frames]
    return FrameStatistics(*(np.array(column, np.float64) for column in zip(*rows, strict=True)))


def _statistics(frame: npt.NDArray[np.uint8]) -> tuple[float, ...]:
    luma = image.grey(frame)
    sharpness, colorfulness = image.laplacian_variance(luma), image.colorfulness(frame)
    return (
        float(frame.max()),
        float(luma.mean()),
        sharpness,
        colorfulness,
        *image.clipped(luma),
        *image.edge_visibility(luma),
    )


def measure_changes(clip: Clip) -> FrameChanges:
    """The :class:`FrameChanges` of ``clip``; empty for one frame."""
    frames = clip.video.frames
    total = np.array([_total(*pair) for pair in pairwise(frames)], np.float64)
    return FrameChanges(total, _total(frames[0], frames[-1]), frames[0].size)


def measure_repeats(clip: Clip) -> FrameRepeats:
    """The :class:`FrameRepeats` of ``clip``; empty for one frame."""
    frames = clip.video.frames
    from_previous = np.array([_largest(*pair) for pair in pairwise(frames)], np.float64)
    return FrameRepeats(from_previous, np.array([_largest(frames[0], frame) for frame in frames[1:]], np.float64))


def _total(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    import cv2

    return float(cv2.norm(first, second, cv2.NORM_L1))


def _largest(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    import cv2

    return float(cv2.norm(first, second, cv2.NORM_INF))


def _identity(name: str, **parameters: Any) -> Callable[[], dict[str, Any]]:
    def identity() -> dict[str, Any]:
        import cv2

        return {"name": name, "sampling": "every frame", "resize": "none", **parameters, "opencv": cv2.__version__}

    return identity


_STATISTICS_IDENTITY = _identity(
    "frame-statistics",
    luma="Rec. 601, 8 bits",
    laplacian="4 neighbours, mirrored",
    clipped=[image.DARK, image.BRIGHT],
    blocks={"side": image.BLOCK, "reach": image.REACH, "floor": 1},
)

FRAME_STATISTICS = FeatureExtractor("frame-statistics", measure_frames, _STATISTICS_IDENTITY, FrameStatistics)
FRAME_CHANGES = FeatureExtractor("frame-changes", measure_changes, _identity("frame-changes"), FrameChanges)
FRAME_REPEATS = FeatureExtractor("frame-repeats", measure_repeats, _identity("frame-repeats"), FrameRepeats)
