"""Dense optical flow without a network: DIS (Kroeger et al. 2016) in OpenCV, kept only where the pixels bear it out.

DIS finds a match for every pixel, also where there is nothing to see but noise. A vector is therefore kept only where
it explains the change: the windowed squared error after following it is below a quarter of the error of no motion,
and that error is above the noise of 8-bit video. Elsewhere the flow is zero. Flow is in pixels, (x, y).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.video import Frames

Flow = npt.NDArray[np.float32]
Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

MIN_SIDE, MAX_SIDE = 12, 32766
"""Pixels; DIS has no patch to match on anything smaller, OpenCV cannot warp anything larger."""
EXPLAINED = 0.25
NOISE = 3.0
"""Grey levels, root mean square."""
WINDOW = 1 / 6
"""Side of the square window, as a share of the shorter side of the frame; odd, so one pixel more or less."""


def identity() -> dict[str, Any]:
    """What decides a flow field."""
    import cv2

    return {
        "flow": "opencv-dis-medium",
        "finest_scale": "log2(short side / 64) in 0..2",
        "kept_where": {"explained": EXPLAINED, "noise": NOISE, "window": WINDOW},
        "opencv": cv2.__version__,
    }


def luma(frames: Frames) -> npt.NDArray[np.uint8]:
    """Grey frames (T, H, W) of RGB ``frames`` (T, H, W, 3), Rec. 601 weights.

    Raises:
        MetricComputationError: Frames too small or too large to have a flow.
    """
    import cv2

    if min(frames.shape[1:3]) < MIN_SIDE or max(frames.shape[1:3]) > MAX_SIDE:
        raise MetricComputationError(f"optical flow needs frames of {MIN_SIDE} to {MAX_SIDE} pixels a side")
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])


class FlowField:
    """Flow between frames of one size, height by width pixels; holds OpenCV's buffers for reuse."""

    def __init__(self, height: int, width: int) -> None:
        import cv2

        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # Small frames keep their full resolution; from 256 pixels on the finest level is a quarter.
        self._dis.setFinestScale(int(np.clip(np.log2(min(height, width) / 64), 0, 2)))
        self._window = 2 * int(WINDOW * min(height, width) / 2) + 1
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        self._grid: Flow = np.stack([columns, rows], axis=-1)

    def between(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Flow:
        """Flow (H, W, 2): the pixel at p in ``first`` (H, W) is at p + flow in ``second``."""
        return self._explaining(first, second, self._change(first, second))

    def both(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> tuple[Flow, Flow]:
        """:meth:`between` from ``first`` to ``second`` and back."""
        change = self._change(first, second)
        return self._explaining(first, second, change), self._explaining(second, first, change)

    def _change(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Image:
        """Windowed squared difference (H, W); the same either way."""
        import cv2

        return self._windowed(cv2.subtract(second.astype(np.float32), first.astype(np.float32)))

    def _explaining(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], change: Image) -> Flow:
        """The flow, zero where it does not explain ``change``."""
        import cv2

        raw = self._dis.calc(first, second, None)  # type: ignore[call-overload]
        here, there = first.astype(np.float32), second.astype(np.float32)
        moved = self._windowed(cv2.subtract(self.warp(there, raw), here))
        kept = (moved < EXPLAINED * change) & (change > NOISE**2)
        # What the mask leaves out becomes zero.
        return np.asarray(cv2.copyTo(raw, kept.view(np.uint8)), np.float32)

    def warp(self, image: Image, flow: Flow) -> Image:
        """``image`` (H, W[, C]) sampled at p + flow, bilinear, its border repeated."""
        import cv2

        there, unused = cv2.add(self._grid, flow), cast("Image", None)
        sampled = cv2.remap(image, there, unused, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(sampled, np.float32)

    def visible(self, forward: Flow, backward: Flow) -> Mask:
        """Where (H, W) the second frame shows the first's pixel: inside it, and the way back leads home.

        Forward-backward check of Sundaram, Brox and Keutzer (2010): |f + b|^2 <= 0.01 (|f|^2 + |b|^2) + 0.5.
        """
        import cv2

        back = self.warp(backward, forward)
        gap = _squared_length(cv2.add(forward, back))
        length = cv2.add(_squared_length(forward), _squared_length(back))
        rows, columns = forward.shape[:2]
        # Bounds of one channel are followed by zeros for the others, hence four numbers.
        inside = cv2.inRange(cv2.add(self._grid, forward), (0, 0, 0, 0), (columns - 1, rows - 1, 0, 0))
        return np.asarray((gap <= 0.01 * length + 0.5) & (inside > 0))

    def _windowed(self, difference: npt.NDArray[Any]) -> Image:
        """Mean square over the window around each pixel."""
        import cv2

        squared = cv2.multiply(difference, difference)
        return np.asarray(cv2.blur(squared, (self._window, self._window)), np.float32)


def _squared_length(flow: npt.NDArray[Any]) -> Image:
    """|v|^2 (H, W) of vectors (H, W, 2)."""
    import cv2

    x, y = cv2.split(flow)
    return np.asarray(cv2.add(cv2.multiply(x, x), cv2.multiply(y, y)), np.float32)


def top_magnitude(flow: Flow, share: float) -> float:
    """Mean length in pixels of the longest ``share`` of the vectors of ``flow`` (H, W, 2)."""
    lengths = np.hypot(flow[..., 0], flow[..., 1])
    count = max(1, int(lengths.size * share))
    # Most vectors are zero, and partitioning that many ties is slow.
    moving = lengths[lengths > 0]
    if len(moving) > count:
        moving = np.partition(moving, len(moving) - count)[-count:]
    return float(np.sort(moving).sum(dtype=np.float64) / count)
