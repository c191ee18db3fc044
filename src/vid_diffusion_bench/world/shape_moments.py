"""Angular moments of a soft mask: features of an outline that position, size and orientation do not change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ORDERS = (3, 4, 5)


@dataclass(frozen=True, slots=True)
class Moments:
    """Per frame: area (T,) in pixels, centroid x and y (T,), angular moments (T, len(ORDERS)) complex, spread (T,)."""

    area: np.ndarray
    x: np.ndarray
    y: np.ndarray
    angular: np.ndarray
    spread: np.ndarray
    height: int
    width: int


def moments(coverage: np.ndarray) -> Moments:
    """Moments of soft masks (T, H, W) in 0..1."""
    _, height, width = coverage.shape
    area = coverage.sum((1, 2)) + 1e-6
    x = (coverage.sum(1) * np.arange(width)).sum(1) / area
    y = (coverage.sum(2) * np.arange(height)).sum(1) / area
    offset = (np.arange(width)[None, None, :] - x[:, None, None]) + 1j * (
        np.arange(height)[None, :, None] - y[:, None, None]
    )
    second = (coverage * np.abs(offset) ** 2).sum((1, 2))
    direction = offset / (np.abs(offset) + 1e-6)
    weighted = coverage * np.abs(offset) ** 2
    angular = np.stack([(weighted * direction**order).sum((1, 2)) / second for order in ORDERS], axis=1)
    return Moments(area, x, y, angular, 2 * np.pi * second / area**2, height, width)


TEMPLATES: dict[str, tuple[float, float, float, float]] = {
    "circle": (0.0, 0.0, 0.0, 1.0),
    "square": (0.0, 0.28, 0.0, 1.05),
    "triangle": (0.54, 0.0, 0.0, 1.21),
    "star": (0.0, 0.0, 0.59, 1.28),
    "cross": (0.0, 0.49, 0.0, 1.225),
}
"""Shape to the magnitudes of ``ORDERS`` and the spread (1 for a disc), as the renderer draws it."""
SYMMETRY = {"square": 4, "triangle": 3, "star": 5, "cross": 4}
MAX_DISTANCE = 0.25
"""To the nearest template; further off, the outline is none of the shapes."""


def features(outline: Moments) -> np.ndarray:
    """The clip's outline (len(ORDERS) + 1,): moment magnitudes and spread, each the median over frames."""
    return np.asarray(np.median(np.column_stack([np.abs(outline.angular), outline.spread]), axis=0))


def nearest_shape(outline: Moments) -> str | None:
    """The shape whose template lies nearest, or ``None`` if every one is far off."""
    measured = features(outline)
    distances = {shape: float(np.linalg.norm(measured - np.array(template))) for shape, template in TEMPLATES.items()}
    shape = min(distances, key=lambda name: distances[name])
    return shape if distances[shape] <= MAX_DISTANCE else None


def turn(outline: Moments, shape: str) -> float:
    """Radians a frame that the outline turns clockwise, from the phase of the moment of its symmetry; 0 for a disc."""
    order = SYMMETRY.get(shape)
    if order is None or len(outline.area) < 2:
        return 0.0
    phases = np.unwrap(np.angle(outline.angular[:, ORDERS.index(order)]))
    return float(np.polyfit(np.arange(len(phases)), phases, 1)[0]) / order
