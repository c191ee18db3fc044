"""Attributes read from pixels by measurement, without any network.

The background is the border's colour, the shape is what differs from it; its colour is the nearest of the palette, its
motion comes from the path of its centroid, its area and its orientation, its shape from the angular moments of its
outline. What cannot be determined is ``None``. It is made for clips of about two seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vid_diffusion_bench.world.scene import BACKGROUNDS, CANVAS, COLORS, SPEEDS, TRANSLATIONS, Attributes
from vid_diffusion_bench.world.shape_moments import Moments, moments, nearest_shape, turn

MIN_CONTRAST = 40.0
"""Euclidean RGB distance to the background below which nothing is seen."""
MIN_AREA, MAX_AREA = 0.004, 0.4
"""Share of the frame that a shape may cover."""
MIN_TRAVEL, MIN_GROWTH, MIN_TURN = 4.0, 0.3, 0.5
"""Units a second, log area a second, radians a second."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was seen, with the measured numbers behind it; ``attributes`` is empty where nothing was."""

    attributes: Attributes
    velocity: tuple[float, float] = (0.0, 0.0)
    """Units (1/64 of the shorter side) a second, right and down."""
    growth: float = 0.0
    """Log area a second."""
    turn_rate: float = 0.0
    """Radians a second, clockwise, of the outline's strongest symmetry."""
    area: float = 0.0
    """Mean share of the frame."""
    contrast: float = 0.0
    """RGB distance of shape and background."""


def analyse(frames: np.ndarray, fps: float = 8) -> Analysis:
    """The attributes of frames (T, H, W, C) uint8."""
    pixels = np.asarray(frames, dtype=np.float32)
    ground = _border_color(pixels)
    background = _nearest(ground, BACKGROUNDS)
    difference = np.linalg.norm(pixels - ground, axis=-1)
    color = _shape_color(pixels, difference)
    contrast = float(np.linalg.norm(color - ground))
    if contrast < MIN_CONTRAST:
        return Analysis(Attributes(background=background), contrast=contrast)
    coverage = _coverage(pixels, ground, color)
    if not MIN_AREA < coverage.mean() < MAX_AREA:
        return Analysis(Attributes(background=background), area=float(coverage.mean()), contrast=contrast)
    return _measured(moments(coverage), color, background, fps, contrast)


def _measured(outline: Moments, color: np.ndarray, background: str, fps: float, contrast: float) -> Analysis:
    palette = {name: rgb for name, rgb in COLORS.items() if name != background}
    shape = nearest_shape(outline)
    unit = min(outline.height, outline.width) / CANVAS
    velocity = (_slope(outline.x, fps) / unit, _slope(outline.y, fps) / unit)
    growth = _slope(np.log(outline.area + 1e-6), fps)
    turn_rate = turn(outline, shape) * fps if shape else 0.0
    motion = _motion(velocity, growth, turn_rate)
    attributes = Attributes(shape, _nearest(color, palette), background, motion, _speed(motion, velocity))
    share = float(outline.area.mean()) / (outline.height * outline.width)
    return Analysis(attributes, velocity, growth, turn_rate, share, contrast)


def _border_color(pixels: np.ndarray) -> np.ndarray:
    """Median colour (C,) of the frames' outermost two pixels."""
    sides = (pixels[:, :2], pixels[:, -2:], pixels[:, :, :2], pixels[:, :, -2:])
    return np.asarray(np.median(np.concatenate([side.reshape(-1, 3) for side in sides]), axis=0))


def _shape_color(pixels: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Median colour (C,) of the tenth of the shape that lies deepest inside it."""
    threshold = np.quantile(difference, 0.985)
    return (
        np.asarray(np.median(pixels[difference >= max(float(threshold) * 0.9, 1.0)], axis=0))
        if threshold
        else pixels[0, 0, 0]
    )


def _coverage(pixels: np.ndarray, ground: np.ndarray, color: np.ndarray) -> np.ndarray:
    """The share (T, H, W) of each pixel that is shape, from its place between the two colours; faint traces are cut."""
    axis = color - ground
    share = (pixels - ground) @ axis / float(axis @ axis)
    return np.asarray(np.clip((share - 0.15) / 0.7, 0.0, 1.0))


def _nearest(color: np.ndarray, palette: dict[str, tuple[int, int, int]]) -> str:
    return min(palette, key=lambda name: float(np.linalg.norm(color - np.array(palette[name], np.float32))))


def _slope(values: np.ndarray, fps: float) -> float:
    """Change a second of values (T,), by least squares."""
    if len(values) < 2:
        return 0.0
    return float(np.polyfit(np.arange(len(values)) / fps, values, 1)[0])


def _motion(velocity: tuple[float, float], growth: float, turn_rate: float) -> str:
    """The motion whose measure passes its threshold by the largest factor, or "still"."""
    strengths = {name: (velocity[0] * dx + velocity[1] * dy) / MIN_TRAVEL for name, (dx, dy) in TRANSLATIONS.items()}
    strengths |= {"growing": growth / MIN_GROWTH, "shrinking": -growth / MIN_GROWTH, "spinning": turn_rate / MIN_TURN}
    motion = max(strengths, key=lambda name: strengths[name])
    return motion if strengths[motion] > 1.0 else "still"


def _speed(motion: str, velocity: tuple[float, float]) -> str | None:
    if motion not in TRANSLATIONS:
        return None
    measured = float(np.hypot(*velocity))
    return min(SPEEDS, key=lambda name: abs(SPEEDS[name] - measured))
