"""Looks at a comparison while it runs, with a total error of a fixed level.

The method is error spending (Lan and DeMets 1983) with the spending function whose boundaries have O'Brien and
Fleming's shape: until the share t of the prompts, 4 (1 - Phi(z / sqrt t)) of the level may have been used, z the
normal quantile of 1 - alpha / 4. Early looks stop only for very large differences and the last one is nearly the
fixed test. Boundaries come from the recursive integration of Armitage, McPherson and Rowe (1969). With few prompts t
takes the place of z through its p-value (Jennison and Turnbull 2000, section 3.3).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values, check_share
from vid_diffusion_bench.statistics.paired import paired_t

_GRID = 801
"""Points of the integration: boundaries are right to 1e-6 and better."""
_MOST_LOOKS = 20


@dataclass(frozen=True)
class Look:
    """One look: ``statistic`` is the z of the paired t test on ``n`` prompts; at ``boundary`` or beyond it stops."""

    number: int
    n: int
    statistic: float
    boundary: float
    stop: bool


@dataclass(frozen=True)
class SequentialPlan:
    """``looks`` at equal steps of prompts, two-sided, with a total type I error of ``alpha``.

    Raises:
        ValidationError: Looks outside 1..20, or a level outside 0..1.
    """

    looks: int
    alpha: float = 0.05

    def __post_init__(self) -> None:
        check_share(self.alpha, "alpha")
        if not 1 <= self.looks <= _MOST_LOOKS:
            raise ValidationError(f"a plan has 1 to {_MOST_LOOKS} looks, not {self.looks}")

    @property
    def boundaries(self) -> tuple[float, ...]:
        """The z at each look from which on the difference is found."""
        return _boundaries(self.looks, self.alpha)

    def prompts_at(self, prompts: int) -> tuple[int, ...]:
        """After how many of ``prompts`` each look is due.

        Raises:
            ValidationError: Fewer than two prompts a look.
        """
        if prompts < 2 * self.looks:
            raise ValidationError(f"{self.looks} looks need {2 * self.looks} prompts or more, not {prompts}")
        return tuple(math.ceil(prompts * number / self.looks) for number in range(1, self.looks + 1))

    def look(self, number: int, differences: Sequence[float], clusters: Sequence[Hashable]) -> Look:
        """Look ``number`` (1..looks) at all ``differences`` so far (N,), of the prompts ``clusters`` (N,).

        Prompts must come in an order fixed before the first look, best a random one. All differences zero is no
        reason to stop.

        Raises:
            ValidationError: A number outside 1..looks, or as :func:`~vid_diffusion_bench.statistics.paired.paired_t`.
        """
        if not 1 <= number <= self.looks:
            raise ValidationError(f"a look is 1 to {self.looks}, not {number}")
        found, boundary = paired_t(differences, clusters), self.boundaries[number - 1]
        z = _z_of(found.statistic, found.clusters - 1)
        return Look(number, found.clusters, z, boundary, abs(z) >= boundary)


def _z_of(t: float, freedom: int) -> float:
    """The z with the tail that ``t`` has in Student's law."""
    from scipy.special import ndtri, stdtr

    return math.copysign(-float(ndtri(max(float(stdtr(freedom, -abs(t))), 1e-300))), t)


def _spent(share: float, alpha: float) -> float:
    """Error that may have been used when the ``share`` 0..1 of the prompts is there."""
    from scipy.special import ndtr, ndtri

    return 4 * float(ndtr(ndtri(alpha / 4) / math.sqrt(share)))


@cache
def _boundaries(looks: int, alpha: float) -> tuple[float, ...]:
    """Boundaries on z at t = k / looks.

    The score S = z sqrt(t looks) gains an independent N(0, 1) from look to look. ``density`` is S's on ``grid`` among
    the runs not stopped yet.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    found = [-float(ndtri(_spent(1 / looks, alpha) / 2))]
    grid, density = np.zeros(1), np.ones(1)
    for number in range(2, looks + 1):
        edge = found[-1] * math.sqrt(number - 1)
        grid, density = _step(grid, density, edge)
        allowed = _spent(number / looks, alpha) - _spent((number - 1) / looks, alpha)

        def excess(limit: float, grid: Values = grid, density: Values = density, allowed: float = allowed) -> float:
            return float(density @ (ndtr(grid - limit) + ndtr(-grid - limit))) - allowed

        found.append(float(brentq(excess, 0.0, 40.0, xtol=1e-12)) / math.sqrt(number))
    return tuple(found)


def _step(grid: Values, density: Values, edge: float) -> tuple[Values, Values]:
    """Weights of the next score within ``-edge..edge``, by Simpson's rule on ``_GRID`` points."""
    reach = min(edge, 12.0 * math.sqrt(_MOST_LOOKS))
    points = np.linspace(-reach, reach, _GRID)
    simpson = np.ones(_GRID)
    simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
    step = simpson * (points[1] - points[0]) / 3
    steps = np.exp(-0.5 * np.square(points[:, None] - grid[None, :])) / math.sqrt(2 * math.pi)
    return points, (steps @ density) * step
