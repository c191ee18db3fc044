"""The clips that pinned values are of: made in code, the same to the bit wherever the same code runs.

Scenes of the built-in world, each spoilt by whole-number noise; the pair of a clip, and the real set, are the clean
ones.
"""

from __future__ import annotations

import hashlib

import numpy as np

from vid_diffusion_bench.scoring import ScoringClip
from vid_diffusion_bench.video import Frames, Video
from vid_diffusion_bench.world.reference import ReferenceSet

COUNT = 6
SEED = 5
"""A draw in which a clip stands still, so that what scores only such clips has a value."""
NOISE = 6
"""Grey levels: the largest that is added or taken away, but for one more that changes from frame to frame."""


def pinned_inputs() -> tuple[list[ScoringClip], list[ScoringClip], str]:
    """The generated clips, the real clips, and the SHA-256 of all their pixels."""
    generated, real, digest = [], [], hashlib.sha256()
    for index, (prompt, frames) in enumerate(ReferenceSet(COUNT, SEED)):
        clean, spoilt = Video(frames, 8.0), Video(_spoilt(frames, index), 8.0)
        digest.update(f"{clean.sha256()} {spoilt.sha256()}\n".encode())
        generated.append(_clip(f"pinned-{index}", prompt, spoilt, clean))
        real.append(_clip(f"pinned-{index}", prompt, clean, clean))
    return generated, real, digest.hexdigest()


def _spoilt(frames: Frames, index: int) -> Frames:
    """Every other clip gets most of its noise on all frames alike: a clip that stands still goes on doing so."""
    rng = np.random.default_rng([SEED, index])
    still = index % 2
    noise = rng.integers(-NOISE, NOISE + 1, frames.shape[1:] if still else frames.shape)
    moving = rng.integers(-1, 2, frames.shape)
    spoilt: Frames = np.clip(frames.astype(np.int64) + noise + moving, 0, 255).astype(np.uint8)
    return spoilt


def _clip(key: str, prompt: str, video: Video, pair: Video) -> ScoringClip:
    return ScoringClip(key, key, prompt, load=lambda: video, paired=lambda: pair)
