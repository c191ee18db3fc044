"""Small clips for tests."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.video import Video


def noise_clip(seed: int = 0, num_frames: int = 4, height: int = 16, width: int = 24) -> Video:
    """A clip of independent uniform noise (T, H, W, 3) at 8 frames a second, the same for the same seed."""
    frames = np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3), np.uint8)
    return Video(frames, 8.0)
