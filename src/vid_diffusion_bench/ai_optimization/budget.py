"""How much a search may spend."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vid_diffusion_bench.exceptions import ValidationError


@dataclass(frozen=True)
class Budget:
    """When a search ends. ``max_evaluations`` counts settings of the study; the others count this call.

    ``max_cost`` is in the currency of ``price_per_hour``, the price of the machine, counted over the time of the call.
    """

    max_evaluations: int
    max_seconds: float | None = None
    max_cost: float | None = None
    price_per_hour: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_evaluations", "max_seconds", "max_cost"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValidationError(f"a budget of {name}={value} allows nothing", remedy="a number above 0")
        if self.max_cost is not None and not self.price_per_hour:
            raise ValidationError("max_cost needs the price of the machine", remedy="give price_per_hour too")

    @property
    def seconds(self) -> tuple[float, str] | None:
        """The seconds this call may take, and what says so."""
        limits: list[tuple[float, str]] = [(self.max_seconds, "max_seconds")] if self.max_seconds else []
        if self.max_cost and self.price_per_hour:
            limits.append((3600 * self.max_cost / self.price_per_hour, "max_cost"))
        return min(limits, default=None)
