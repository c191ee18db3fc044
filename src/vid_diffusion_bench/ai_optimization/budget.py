"""How much a search may spend."""

from __future__ import annotations

import math
import threading
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
        check_whole("max_evaluations", self.max_evaluations)
        for name in ("max_evaluations", "max_seconds", "max_cost"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and math.isfinite(value) and value > 0):
                raise ValidationError(f"a budget of {name}={value!r} allows nothing", remedy="a number above 0")
        if self.max_cost is not None and not self.price_per_hour:
            raise ValidationError("max_cost needs the price of the machine", remedy="give price_per_hour too")

    @property
    def seconds(self) -> tuple[float, str] | None:
        """The seconds this call may take, and what says so."""
        limits: list[tuple[float, str]] = [(self.max_seconds, "max_seconds")] if self.max_seconds else []
        if self.max_cost and self.price_per_hour:
            limits.append((3600 * self.max_cost / self.price_per_hour, "max_cost"))
        shortest = min(limits, default=None)
        return (min(shortest[0], threading.TIMEOUT_MAX), shortest[1]) if shortest else None


def check_whole(name: str, value: object, *, least: int | None = None) -> None:
    """Refuse what is no whole number, or below ``least``.

    Raises:
        ValidationError: It is so.
    """
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        wanted = "a whole number" if least is None else f"a whole number, {least} or more"
        raise ValidationError(f"{name} is {value!r}", remedy=wanted)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
