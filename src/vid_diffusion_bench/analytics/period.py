"""Spans of time, up to now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Period = Literal["1h", "24h", "7d", "30d"]
PERIODS: Final[dict[Period, float]] = {"1h": 3600.0, "24h": 86400.0, "7d": 7 * 86400.0, "30d": 30 * 86400.0}
"""Seconds."""


@dataclass(frozen=True)
class Span:
    """From ``start`` on, and before ``end``; seconds since 1970."""

    start: float
    end: float

    @classmethod
    def of(cls, period: Period, now: float) -> Span:
        """The last ``period`` before ``now``."""
        return cls(now - PERIODS[period], now)

    @property
    def before(self) -> Span:
        """As long, just before."""
        return Span(2 * self.start - self.end, self.start)
