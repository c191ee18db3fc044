"""What a clip is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import InvalidVideoError

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Video:
    """One clip.

    Args:
        frames: uint8 RGB of shape (T, H, W, 3), T, H, W >= 1.
        fps: Frames a second, > 0.
        notes: What its reader decided and a reader of numbers should know (``docs/reading-videos.md``); not part of
            equality or hash.

    Raises:
        InvalidVideoError: When the array is not that.
    """

    frames: Frames
    fps: float
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        shape, dtype = np.shape(self.frames), getattr(self.frames, "dtype", None)
        if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise InvalidVideoError(f"a clip is uint8 of shape (T, H, W, 3) with no empty axis, not {dtype} {shape}")
        if not self.fps > 0 or not np.isfinite(self.fps):
            raise InvalidVideoError(f"frames a second must be positive, not {self.fps}")

    @property
    def num_frames(self) -> int:
        return int(self.frames.shape[0])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.num_frames / self.fps

    def sha256(self) -> str:
        """Hash of the pixels and their shape (not of fps, container or metadata)."""
        digest = hashlib.sha256(np.array(self.frames.shape, dtype="<u4").tobytes())
        digest.update(np.ascontiguousarray(self.frames).data)
        return digest.hexdigest()
