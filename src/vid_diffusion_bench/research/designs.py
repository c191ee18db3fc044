"""Which combinations of levels are run: full factorial and Latin hypercube."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.research.experiment import Factor, Level

MAX_CONDITIONS = 10_000
POINTS_PER_FACTOR = 10
"""Points a factor of a Latin hypercube by default (Loeppky, Sacks and Welch 2009: n = 10 d)."""

Settings = dict[str, Level]


def full_factorial(factors: Sequence[Factor]) -> list[Settings]:
    """Every combination of levels, the last factor changing fastest.

    Raises:
        ValidationError: There are more than ``MAX_CONDITIONS``.
    """
    count = math.prod(len(factor.levels) for factor in factors)
    if count > MAX_CONDITIONS:
        raise ValidationError(
            f"a full factorial of these variables has {count:,} conditions, more than {MAX_CONDITIONS:,}",
            remedy='give fewer levels, or design="fractional_factorial" or "latin_hypercube"',
        )
    names = [factor.name for factor in factors]
    return [dict(zip(names, levels, strict=True)) for levels in product(*(factor.levels for factor in factors))]


def latin_hypercube(factors: Sequence[Factor], points: int | None, seed: int) -> list[Settings]:
    """``points`` combinations: each factor's range is cut into as many equal parts, and each part is met once.

    McKay, Beckman and Conover (1979), by ``scipy.stats.qmc.LatinHypercube`` with the fewest correlations of random
    coordinate descent on the centred discrepancy. A factor with two whole numbers as its ends takes whole numbers;
    one that is not continuous takes each level as often as another, but for one time.

    Raises:
        ValidationError: There are fewer than two points, or fewer than a factor has levels.
    """
    from scipy.stats import qmc

    count = points or POINTS_PER_FACTOR * len(factors)
    most = max([2, *(len(factor.levels) for factor in factors if not factor.continuous)])
    if not most <= count <= MAX_CONDITIONS:
        raise ValidationError(
            f"a Latin hypercube of these variables has {most} to {MAX_CONDITIONS:,} points, not {count}",
            remedy="give points=N",
        )
    sampler = qmc.LatinHypercube(len(factors), optimization="random-cd" if len(factors) > 1 else None, rng=seed)
    return [
        {factor.name: _level(factor, float(share)) for factor, share in zip(factors, row, strict=True)}
        for row in sampler.random(count)
    ]


def _level(factor: Factor, share: float) -> Level:
    """The level at ``share`` (0..1) of a factor's range."""
    if not factor.continuous:
        return factor.levels[int(share * len(factor.levels))]
    low, high = factor.levels
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if isinstance(low, int) and isinstance(high, int):
        first, last = min(low, high), max(low, high)
        return first + int(share * (last - first + 1))
    return low + share * (high - low)
