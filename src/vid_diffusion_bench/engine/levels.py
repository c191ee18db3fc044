"""The optimisation levels a model can be run at, in one place."""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.exceptions import ValidationError

BASELINE = "baseline"


def optimization_levels() -> tuple[str, ...]:
    """The levels there are: ``baseline`` is the model as it is loaded."""
    return (BASELINE,)


def check_levels(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` once each.

    Raises:
        ValidationError: There is no such level, or none was named.
    """
    known = optimization_levels()
    if unknown := [name for name in names if name not in known]:
        raise ValidationError(
            f"no optimisation level {', '.join(map(repr, unknown))}", remedy=f"there is {', '.join(known)}"
        )
    if not names:
        raise ValidationError("no optimisation level is given", remedy=f"there is {', '.join(known)}")
    return tuple(dict.fromkeys(names))
