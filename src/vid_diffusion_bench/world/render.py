"""The renderer: a scene to frames, by anti-aliased signed distances; the same picture at any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.world.scene import BACKGROUNDS, CANVAS, COLORS, Scene

RENDERER_VERSION = 1
"""Part of every reference fingerprint; a changed pixel means a new version."""


def render(scene: Scene, num_frames: int = 17, height: int = 64, width: int = 64, fps: float = 8) -> np.ndarray:
    """Frames (T, H, W, C) uint8 of ``scene``, frame i at i / fps seconds."""
    if min(num_frames, height, width) < 1 or fps <= 0:
        raise ValidationError("A clip needs at least one frame, one pixel a side and a positive fps.")
    coverage = _coverage(scene, num_frames, height, width, fps)[..., None]
    shape = np.array(COLORS[scene.attributes.color or ""], np.float32)
    ground = np.array(BACKGROUNDS[scene.attributes.background or ""], np.float32)
    frames: np.ndarray = np.rint(ground + coverage * (shape - ground)).astype(np.uint8)
    return frames


def render_batch(
    scenes: Sequence[Scene], num_frames: int = 17, height: int = 64, width: int = 64, fps: float = 8
) -> np.ndarray:
    """Clips (B, T, H, W, C) uint8 of ``scenes``."""
    return np.stack([render(scene, num_frames, height, width, fps) for scene in scenes])


def _coverage(scene: Scene, num_frames: int, height: int, width: int, fps: float) -> np.ndarray:
    """The share (T, H, W) of each pixel that the shape covers."""
    unit = min(height, width) / CANVAS
    x, y, radius, angle = scene.at(np.arange(num_frames) / fps)
    columns = (np.arange(width) + 0.5 - width / 2) / unit + CANVAS / 2
    rows = (np.arange(height) + 0.5 - height / 2) / unit + CANVAS / 2
    u = (columns[None, None, :] - x[:, None, None]).astype(np.float32)
    v = (rows[None, :, None] - y[:, None, None]).astype(np.float32)
    cos, sin = (f(angle)[:, None, None].astype(np.float32) for f in (np.cos, np.sin))
    distance = _DISTANCES[scene.attributes.shape or ""](
        cos * u + sin * v, cos * v - sin * u, radius[:, None, None].astype(np.float32)
    )
    return np.asarray(np.clip(0.5 - distance * np.float32(unit), 0.0, 1.0))


def _circle(u: np.ndarray, v: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.asarray(np.hypot(u, v) - 0.95 * r)


def _square(u: np.ndarray, v: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(np.abs(u), np.abs(v)) - 0.8 * r)


def _triangle(u: np.ndarray, v: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Equilateral, pointing up, its centroid at the origin."""
    side = np.float32(np.sqrt(3) / 2) * np.abs(u) - 0.5 * v
    return np.asarray(np.maximum(side, v) - 0.6 * r)


def _star(u: np.ndarray, v: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Five points, the first up."""
    sector = np.float32(np.pi / 5)
    theta = np.arctan2(u, -v)
    folded = np.abs(np.mod(theta + sector, 2 * sector) - sector)
    rho = np.hypot(u, v)
    outer, inner = 1.2 * r, 0.5 * r
    edge_x, edge_y = inner * np.cos(sector) - outer, inner * np.sin(sector)
    length = np.hypot(edge_x, edge_y)
    return np.asarray(((rho * np.cos(folded) - outer) * edge_y - rho * np.sin(folded) * edge_x) / length)


def _cross(u: np.ndarray, v: np.ndarray, r: np.ndarray) -> np.ndarray:
    a, b = np.abs(u), np.abs(v)
    long, short = np.maximum(a, b), np.minimum(a, b)
    return np.asarray(np.maximum(long - 1.1 * r, short - 0.36 * r))


_DISTANCES = {"circle": _circle, "square": _square, "triangle": _triangle, "star": _star, "cross": _cross}
