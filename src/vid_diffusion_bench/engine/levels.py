"""The optimisation levels a model can be run at."""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.optimization import LEVELS, check_level


def optimization_levels() -> tuple[str, ...]:
    """The levels there are: ``baseline`` is the model as it is loaded."""
    return tuple(LEVELS)


def check_levels(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` once each.

    Raises:
        ValidationError: There is no such level, or none was named.
    """
    if not names:
        raise ValidationError("no optimisation level is given", remedy=f"there is {', '.join(LEVELS)}")
    return tuple(dict.fromkeys(check_level(name) for name in names))
