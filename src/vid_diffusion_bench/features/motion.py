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
from vid_diffusion_bench.features import flow, structure
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
    2 % from the first to the last frame and back. ``similarity`` (T-1,): SSIM, -1..1, of a frame and the next one
    pulled back along the flow, over the pixels visible in both; NaN where none is. ``visible`` (T-1,): their share.
    """

    top2: Series
    top5: Series
    ends: Series
    similarity: Series
    visible: Series
    short_side: int

    def is_static(self) -> bool:
        """VBench's static filter (``static_filter.py``): few fast pairs, and little way from first to last frame."""
        threshold = 3.0 * self.short_side / 256
        allowed = round(2 * (len(self.top2) + 1) / 16)
        return bool((self.top2 > threshold).sum() <= allowed and self.ends.max() <= 2 * allowed * threshold)


def measure_motion(clip: Clip) -> Motion:
    """The :class:`Motion` of ``clip``; at least 2 frames of 12 x 12 pixels."""
    frames, grey, field = _prepared(clip, 2, "motion")
    pairs = [_pair(field, grey[i : i + 2], frames[i : i + 2]) for i in range(len(grey) - 1)]
    top2, top5, similarity, visible = (np.array(column) for column in zip(*pairs, strict=True))
    ends = [field.between(grey[0], grey[-1]), field.between(grey[-1], grey[0])]
    ends_top2 = np.array([top_magnitude(way, STATIC_SHARE) for way in ends])
    return Motion(top2, top5, ends_top2, similarity, visible, min(grey.shape[1:]))


def _pair(field: FlowField, grey: npt.NDArray[np.uint8], frames: Frames) -> tuple[float, float, float, float]:
    forward, backward = field.between(grey[0], grey[1]), field.between(grey[1], grey[0])
    mask = field.visible(forward, backward)
    returned = field.warp(frames[1].astype(np.float32), forward)
    same = structure.ssim_map(frames[0], returned)
    similarity = float(same[mask].mean()) if mask.any() else float("nan")
    return top_magnitude(forward, STATIC_SHARE), top_magnitude(forward, MOVING_SHARE), similarity, float(mask.mean())


def measure_motion_8fps(clip: Clip) -> Series:
    """``top5`` over the pairs of the clip sub-sampled to about 8 frames a second, every round(fps / 8)-th frame."""
    interval = max(1, round(clip.video.fps / 8))
    if interval == 1:
        top5: Series = clip.feature("motion").top5
        return top5
    _, grey, field = _prepared(clip, interval + 1, f"motion at 8 of {clip.video.fps:g} frames a second")
    kept = grey[::interval]
    return np.array([top_magnitude(field.between(a, b), MOVING_SHARE) for a, b in pairwise(kept)])


def measure_interpolation(clip: Clip) -> Series:
    """Mean absolute error, 0..255, of each odd frame made again from its two neighbours.

    The neighbours' flow is split at the middle as in Super SloMo (Jiang et al. 2018, equation 4), both are pulled
    there and averaged. A last odd frame without a right neighbour is left out.
    """
    frames, grey, field = _prepared(clip, 3, "motion smoothness")
    middles = range(1, len(frames) - 1, 2)
    return np.array([_middle_error(field, grey, frames, middle) for middle in middles])


def _middle_error(field: FlowField, grey: npt.NDArray[np.uint8], frames: Frames, middle: int) -> float:
    before, after = middle - 1, middle + 1
    forward, backward = field.between(grey[before], grey[after]), field.between(grey[after], grey[before])
    half: Flow = 0.25 * (backward - forward)
    made = 0.5 * field.warp(frames[before].astype(np.float32), half)
    made += 0.5 * field.warp(frames[after].astype(np.float32), -half)
    return float(np.abs(made - frames[middle]).mean(dtype=np.float64))


def _prepared(clip: Clip, least: int, what: str) -> tuple[Frames, npt.NDArray[np.uint8], FlowField]:
    video = clip.video
    if video.num_frames < least:
        raise MetricComputationError(f"{what} needs {least} frames or more")
    return video.frames, luma(video.frames), FlowField(video.height, video.width)


def _motion_identity() -> dict[str, Any]:
    visible = "Sundaram 2010: |f+b|^2 <= 0.01(|f|^2+|b|^2) + 0.5"
    return {"name": "motion", **flow.identity(), "visible": visible, "ssim": structure.FORMULA, "resize": "none"}


def _strided_identity() -> dict[str, Any]:
    return {"name": "motion-8fps", **flow.identity(), "sampling": "every round(fps/8)-th frame", "resize": "none"}


def _interpolation_identity() -> dict[str, Any]:
    return {"name": "interpolation", **flow.identity(), "middle": "Super SloMo eq. 4 at t = 1/2", "resize": "none"}


MOTION = FeatureExtractor("motion", measure_motion, _motion_identity)
MOTION_8FPS = FeatureExtractor("motion-8fps", measure_motion_8fps, _strided_identity)
INTERPOLATION = FeatureExtractor("interpolation", measure_interpolation, _interpolation_identity)
