"""Decoded frames of one clip, gathered as RGB in one array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vid_diffusion_bench.video.clip import Frames
from vid_diffusion_bench.video.limits import check_clip_size, check_frame_size, max_frames, refused
from vid_diffusion_bench.video.traits import orientation, unconvertible

RESERVED_BYTES = 1 << 30
"""The most that is reserved on the container's word; longer clips grow as they are decoded."""


class Pictures:
    """The frames decoded so far, in one array that grows."""

    def __init__(self, path: Path, expected: int) -> None:
        self.path = path
        self.expected = expected
        self.first: Any = None
        self.interlaced = False
        self.stamps: list[int | None] = []

    def add(self, frame: Any) -> None:
        if self.first is None:
            self._begin(frame)
        number = len(self.stamps)
        if (frame.height, frame.width) != (self.first.height, self.first.width):
            was, now = f"{self.first.width}x{self.first.height}", f"{frame.width}x{frame.height}"
            raise refused(self.path, f"changes its size at frame {number}, from {was} to {now}")
        if number == self._most:
            check_clip_size(self.path, number + 1, *self._frames.shape[1:3])
        if number == len(self._frames):
            self._frames.resize((min(2 * number, self._most), *self._frames.shape[1:]), refcheck=False)
        self._frames[number] = self.turn.apply(self._rgb(frame))
        self.stamps.append(frame.pts)
        self.interlaced |= frame.interlaced_frame

    def array(self) -> Frames:
        """Every frame, in an array no larger than that. Call once, at the end."""
        self._frames.resize((len(self.stamps), *self._frames.shape[1:]), refcheck=False)
        return self._frames

    def _rgb(self, frame: Any) -> Frames:
        """The pixels that ``frame.to_ndarray(format="rgb24")`` would copy, (H, W, 3), valid until the next call."""
        if frame.format.name == "rgb24":
            stored: Frames = frame.to_ndarray()
            return stored
        # One thread: swscale's own would cost more than they save, and contend with other processes.
        self._converted = self._reformatter.reformat(frame, format="rgb24", threads=1)
        plane = self._converted.planes[0]
        return np.ndarray(
            (plane.height, plane.width, 3), np.uint8, buffer=memoryview(plane), strides=(plane.line_size, 3, 1)
        )

    def _begin(self, frame: Any) -> None:
        from av.video.reformatter import VideoReformatter

        check_frame_size(self.path, frame.height, frame.width)
        if matrix := unconvertible(frame):
            raise refused(self.path, f"has colours that cannot be converted: its colour matrix is {matrix}")
        self.first, self.turn = frame, orientation(frame)
        height, width = (frame.width, frame.height) if self.turn.swaps_sides else (frame.height, frame.width)
        self._most = max_frames(height, width)
        reserved = min(self.expected or 16, self._most, max(1, RESERVED_BYTES // (height * width * 3)))
        self._reformatter = VideoReformatter()
        self._frames = np.empty((reserved, height, width, 3), np.uint8)
