"""The skill score that the two flow metrics share."""

from __future__ import annotations

NOISE = 1.0
"""Grey levels squared, added to the change: keeps the score of a clip without change defined."""


def skill(error: float, change: float) -> float:
    """How much better a prediction is than "nothing changes": 1 - error / (change + 1), cut at 0; 0..1.

    Both are mean squared differences in grey levels squared (Murphy 1988, skill against persistence). Contrast and
    blur scale error and change alike, so a clip gains nothing by being pale, soft or slow.
    """
    return max(0.0, 1.0 - error / (change + NOISE))
