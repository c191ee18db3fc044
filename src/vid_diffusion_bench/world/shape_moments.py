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
    second = (coverage * np.abs(offset) ** 2).sum((1, 2)) + 1e-6
    direction = offset / (np.abs(offset) + 1e-6)
    weighted = coverage * np.abs(offset) ** 2
    angular = np.stack([(weighted * direction**order).sum((1, 2)) / second for order in ORDERS], axis=1)
    return Moments(area, x, y, angular, 2 * np.pi * second / area**2, height, width)


FULL_MOMENT = {3: 0.45, 4: 0.28, 5: 0.35}
"""The moment of each order that a moderately blurred triangle, square and star have; blur lowers them all alike."""
SYMMETRY = {"square": 4, "triangle": 3, "star": 5, "cross": 4}
MIN_STRENGTH = 0.22
"""Share of ``FULL_MOMENT`` below which an outline is round."""
MAX_SPREAD, MAX_ROUND_SPREAD = 1.5, 1.15
"""Above these an outline, or a round one, is scattered and none of the shapes."""


def features(outline: Moments) -> np.ndarray:
    """The clip's outline (len(ORDERS) + 1,): moment magnitudes and spread, each the median over frames."""
    return np.asarray(np.median(np.column_stack([np.abs(outline.angular), outline.spread]), axis=0))


def nearest_shape(outline: Moments) -> str | None:
    """The shape whose symmetry is strongest in the outline, or ``None`` if the mask is scattered."""
    *magnitudes, spread = features(outline)
    strengths = {order: value / FULL_MOMENT[order] for order, value in zip(ORDERS, magnitudes, strict=True)}
    order = max(strengths, key=lambda candidate: strengths[candidate])
    if strengths[order] < MIN_STRENGTH:
        return "circle" if spread < MAX_ROUND_SPREAD else None
    if spread > MAX_SPREAD:
        return None
    return {3: "triangle", 5: "star"}.get(order) or _square_or_cross(outline)


def _square_or_cross(outline: Moments) -> str:
    """Every shape starts upright: then a cross reaches furthest along the axes, a square along the diagonals."""
    phases = np.unwrap(np.angle(outline.angular[:, ORDERS.index(4)]))
    start = np.polynomial.Polynomial.fit(np.arange(len(phases)), phases, 1)(0.0) if len(phases) > 1 else phases[0]
    return "cross" if np.cos(start) > 0 else "square"


def turn(outline: Moments, shape: str) -> float:
    """Radians a frame that the outline turns clockwise, from the phase of the moment of its symmetry; 0 for a disc."""
    order = SYMMETRY.get(shape)
    if order is None or len(outline.area) < 2:
        return 0.0
    phases = np.unwrap(np.angle(outline.angular[:, ORDERS.index(order)]))
    return float(np.polyfit(np.arange(len(phases)), phases, 1)[0]) / order
