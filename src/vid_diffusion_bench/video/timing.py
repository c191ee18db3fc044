"""Frames a second from time stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

DEFAULT_FPS = 8.0
PLAUSIBLE_FPS = (0.1, 1000.0)
_JITTER = 0.1
"""Frames that lie this part of a spacing off a regular grid are still regular."""


def frame_rate(
    stamps: Sequence[int | None], time_base: Fraction | None, stored: Fraction | None
) -> tuple[float, tuple[str, ...]]:
    """Frames a second of a clip, and notes on it.

    Regular clips have the container's own rate where the time stamps bear it out. Otherwise the rate is the average
    (frames - 1) / (last - first) of the time stamps. Without usable time stamps it is the container's.

    Args:
        stamps: Presentation time of each frame in units of ``time_base``, in order.
        time_base: Seconds a tick.
        stored: The container's average rate.
    """
    fallback = float(stored) if stored and stored > 0 else DEFAULT_FPS
    notes = () if stored and stored > 0 else (f"frame rate: none stored, {DEFAULT_FPS:g} a second assumed",)
    if len(stamps) < 2 or not time_base or time_base <= 0:
        return _plausible(fallback, notes)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps) or any(after <= before for before, after in pairwise(known)):
        return _plausible(fallback, (*notes, "time stamps: missing or out of order, the container's rate is taken"))
    span = known[-1] - known[0]
    spacing = span / (len(known) - 1)
    average = float(1 / (Fraction(span, len(known) - 1) * time_base))
    if _regular(known, spacing):
        agrees = stored and abs(float(stored) / average - 1) <= 0.01 + 1 / span
        return _plausible(fallback if agrees else average, ())
    return _plausible(average, ("variable frame rate: frames as stored, frames a second is their average",))


def _regular(stamps: Sequence[int], spacing: float) -> bool:
    """Whether no stamp lies more than a tick (rounding) or a tenth of a spacing from a regular grid."""
    allowed = max(1.0, _JITTER * spacing)
    return all(abs(stamp - stamps[0] - index * spacing) <= allowed for index, stamp in enumerate(stamps))


def _plausible(fps: float, notes: tuple[str, ...]) -> tuple[float, tuple[str, ...]]:
    if not math.isfinite(fps) or not PLAUSIBLE_FPS[0] <= fps <= PLAUSIBLE_FPS[1]:
        notes = (*notes, f"frame rate: {fps:g} a second is implausible")
    return fps, notes
