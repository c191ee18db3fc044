"""What moves in a clip and how well it can be followed, in one pass over its frame pairs.

Only numbers a pair are kept, never flow fields, so memory does not grow with length or size of the clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import flow
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.flow import Flow, FlowField, luma, top_magnitude
from vid_diffusion_bench.video import Frames

Series = npt.NDArray[np.float64]

STATIC_SHARE, MOVING_SHARE = 0.02, 0.05
"""Shares of the pixels whose flow VBench averages in its static filter and its dynamic degree."""


@dataclass(frozen=True)
class Motion:
    """Numbers of the T - 1 pairs of adjacent frames of one clip.

    ``top2`` and ``top5`` (T-1,): mean flow in pixels of the fastest 2 % and 5 % of the pixels. ``ends`` (2,): the same
    2 % from the first to the last frame and back. ``visible`` (T-1,): the share of pixels visible in both frames.
    ``change`` and ``error`` (T-1,), sums over RGB of those pixels a pixel of the frame: squared difference of a frame
    to the next one, and to the next one pulled back along the flow (grey levels squared).
    """

    top2: Series
    top5: Series
    ends: Series
    visible: Series
    change: Series
    error: Series
    short_side: int

    def is_static(self) -> bool:
        """VBench's static filter (``static_filter.py``): few fast pairs, and little way from first to last frame."""
        return passes_static_filter(self.top2, self.ends, self.short_side)


def passes_static_filter(top2: Series, ends: Series, short_side: int) -> bool:
    """The rule of :meth:`Motion.is_static` on speeds (T-1,) and (2,) in pixels."""
    threshold = 3.0 * short_side / 256
    allowed = round(2 * (len(top2) + 1) / 16)
    return bool((top2 > threshold).sum() <= allowed and ends.max() <= 2 * allowed * threshold)


def measure_motion(clip: Clip) -> Motion:
    """The :class:`Motion` of ``clip``; at least 2 frames of 12 x 12 pixels."""
    frames, grey, field = _prepared(clip, 2, "motion")
    pairs = [_pair(field, grey[i : i + 2], frames[i : i + 2]) for i in range(len(grey) - 1)]
    top2, top5, visible, change, error = (np.array(column) for column in zip(*pairs, strict=True))
    ends_top2 = np.array([top_magnitude(way, STATIC_SHARE) for way in field.both(grey[0], grey[-1])])
    return Motion(top2, top5, ends_top2, visible, change, error, min(grey.shape[1:]))


def _pair(field: FlowField, grey: npt.NDArray[np.uint8], frames: Frames) -> tuple[float, ...]:
    import cv2

    forward, backward = field.both(grey[0], grey[1])
    mask = field.visible(forward, backward)
    here, there = frames.astype(np.float32)
    change = _sum_of_squares(cv2.subtract(here, there), mask) / here.size
    error = _sum_of_squares(cv2.subtract(here, field.warp(there, forward)), mask) / here.size
    top2, top5 = top_magnitude(forward, STATIC_SHARE), top_magnitude(forward, MOVING_SHARE)
    return top2, top5, float(mask.mean()), change, error


def _sum_of_squares(difference: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None) -> float:
    """Of (H, W, 3), where ``mask`` (H, W) holds; squares in float32, their sum in float64."""
    import cv2

    kept = difference if mask is None else cv2.copyTo(difference, mask.view(np.uint8))
    return float(sum(cv2.sumElems(cv2.multiply(kept, kept))))


def measure_motion_8fps(clip: Clip) -> Series:
    """``top5`` over the pairs of the clip sub-sampled to about 8 frames a second, every round(fps / 8)-th frame."""
    interval = max(1, round(clip.video.fps / 8))
    if interval == 1:
        top5: Series = clip.feature("motion").top5
        return top5
    _, grey, field = _prepared(clip, interval + 1, f"motion at 8 of {clip.video.fps:g} frames a second")
    kept = grey[::interval]
    return np.array([top_magnitude(field.between(a, b), MOVING_SHARE) for a, b in pairwise(kept)])


@dataclass(frozen=True)
class Interpolation:
    """Mean squared differences (grey levels squared) at the M odd frames that have two neighbours.

    ``error`` (M,): of the frame to the one made from its neighbours. ``change`` (M,): to the neighbours themselves,
    mean of both.
    """

    error: Series
    change: Series


def measure_interpolation(clip: Clip) -> Interpolation:
    """Each odd frame made again from its two neighbours; at least 3 frames.

    The neighbours' flow is split at the middle as in Super SloMo (Jiang et al. 2018, equation 4), both are pulled
    there and averaged.
    """
    frames, grey, field = _prepared(clip, 3, "motion smoothness")
    middles = range(1, len(frames) - 1, 2)
    pairs = [_middle(field, grey[i - 1 : i + 2 : 2], frames[i - 1 : i + 2]) for i in middles]
    error, change = (np.array(column) for column in zip(*pairs, strict=True))
    return Interpolation(error, change)


def _middle(field: FlowField, grey: npt.NDArray[np.uint8], frames: Frames) -> tuple[float, float]:
    import cv2

    before, frame, after = frames.astype(np.float32)
    forward, backward = field.both(grey[0], grey[1])
    half: Flow = 0.25 * (backward - forward)
    made = cv2.addWeighted(field.warp(before, half), 0.5, field.warp(after, -half), 0.5, 0)
    error = _sum_of_squares(cv2.subtract(frame, made))
    change = 0.5 * sum(_sum_of_squares(cv2.subtract(frame, neighbour)) for neighbour in (before, after))
    return error / frame.size, change / frame.size


def _prepared(clip: Clip, least: int, what: str) -> tuple[Frames, npt.NDArray[np.uint8], FlowField]:
    video = clip.video
    if video.num_frames < least:
        raise MetricComputationError(f"{what} needs {least} frames or more")
    return video.frames, luma(video.frames), FlowField(video.height, video.width)


def _motion_identity() -> dict[str, Any]:
    visible = "Sundaram 2010: |f+b|^2 <= 0.01(|f|^2+|b|^2) + 0.5"
    return {"name": "motion", **flow.identity(), "visible": visible, "resize": "none"}


def _strided_identity() -> dict[str, Any]:
    return {"name": "motion-8fps", **flow.identity(), "sampling": "every round(fps/8)-th frame", "resize": "none"}


def _interpolation_identity() -> dict[str, Any]:
    return {"name": "interpolation", **flow.identity(), "middle": "Super SloMo eq. 4 at t = 1/2", "resize": "none"}


MOTION = FeatureExtractor("motion", measure_motion, _motion_identity, Motion)
MOTION_8FPS = FeatureExtractor("motion-8fps", measure_motion_8fps, _strided_identity, np.ndarray)
INTERPOLATION = FeatureExtractor("interpolation", measure_interpolation, _interpolation_identity, Interpolation)
