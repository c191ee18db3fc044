"""What can be wrong with a clip, each with a strength in 0..1; the video network learns to notice them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Distortion = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""Frames (T, H, W, C) float32 in 0..1 to the same."""


def noise(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of deviation up to 0.2."""
    return frames + 0.2 * strength * rng.standard_normal(frames.shape, dtype=np.float32)


def blur(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """Gaussian blur of up to 2.5 pixels."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 0.1 + 2.4 * strength) for frame in frames])


def shuffle(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """This share of the frames changes places."""
    count = max(2, round(strength * len(frames)))
    places = rng.choice(len(frames), size=count, replace=False)
    order = np.arange(len(frames))
    order[places] = rng.permutation(places)
    return frames[order]


def freeze(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """A run of this share of the frames repeats its first."""
    count = max(2, round(strength * len(frames)))
    start = int(rng.integers(len(frames) - count + 1))
    frozen = frames.copy()
    frozen[start : start + count] = frames[start]
    return frozen


def jitter(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Every frame shifts by up to 4 pixels."""
    reach = 4 * strength
    shifts = rng.uniform(-reach, reach, (len(frames), 2)).astype(np.float32)
    size = frames.shape[2], frames.shape[1]
    moves = [np.array([[1, 0, dx], [0, 1, dy]], np.float32) for dx, dy in shifts]
    pairs = zip(frames, moves, strict=True)
    return np.stack([cv2.warpAffine(frame, move, size, borderMode=cv2.BORDER_REPLICATE) for frame, move in pairs])


def flicker(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Every frame's brightness changes by a factor of up to 1 plus or minus 0.6."""
    gains = 1 + 0.6 * strength * rng.uniform(-1, 1, (len(frames), 1, 1, 1)).astype(np.float32)
    return frames * gains


def desaturate(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """This share of the way to gray."""
    return frames + strength * (frames.mean(-1, keepdims=True) - frames)


DISTORTIONS: dict[str, Distortion] = {
    "noise": noise,
    "blur": blur,
    "shuffle": shuffle,
    "freeze": freeze,
    "jitter": jitter,
    "flicker": flicker,
    "desaturate": desaturate,
}
BREAKS_MOTION = ("shuffle", "freeze")


def distort(name: str, frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Frames (T, H, W, C) uint8 to uint8."""
    changed = DISTORTIONS[name](frames.astype(np.float32) / 255, strength, rng)
    return np.rint(np.clip(changed, 0, 1) * 255).astype(np.uint8)
