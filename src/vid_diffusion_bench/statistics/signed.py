"""Signed ranks and flipped signs of one value a prompt."""

from __future__ import annotations

import math

import numpy as np

from vid_diffusion_bench.statistics.clusters import Values
from vid_diffusion_bench.statistics.resampling import in_blocks

_EXACT_UP_TO = 200


def signed_ranks(values: Values) -> Values:
    """Ranks of the absolute ``values`` (C,) that are not zero, with their signs; ties share the mean of their ranks.

    Values are compared to 12 digits of the largest, so that 0.7 - 0.6 and 0.4 - 0.3 are tied.
    """
    from scipy.stats import rankdata

    rounded = np.round(values / np.abs(values).max(), 12)
    kept = rounded[rounded != 0]
    return np.asarray(np.sign(kept) * rankdata(np.abs(kept)), np.float64)


def wilcoxon_p(ranks: Values) -> float:
    """Two-sided p-value of signed ``ranks`` (C,), none zero: exact up to 200, by the normal law above."""
    sizes = np.abs(ranks)
    lesser = min(float(ranks[ranks > 0].sum()), float(-ranks[ranks < 0].sum()))
    if len(ranks) <= _EXACT_UP_TO:
        # Shared ranks are multiples of a half.
        return min(1.0, 2 * float(_rank_sums(np.rint(2 * sizes).astype(int))[: round(2 * lesser) + 1].sum()))
    spread = math.sqrt(float(np.square(sizes).sum()) / 4)
    return min(1.0, math.erfc((float(sizes.sum()) / 2 - lesser) / spread / math.sqrt(2)))


def _rank_sums(sizes: np.ndarray) -> Values:
    """Chance of each sum 0.. of those ``sizes`` (C,), integers, whose fair coin shows heads."""
    chances = np.zeros(int(sizes.sum()) + 1)
    chances[0] = 1.0
    for size in sizes:
        shifted = np.zeros_like(chances)
        shifted[size:] = chances[: len(chances) - size]
        chances = (chances + shifted) / 2
    return chances


def mean_of_flips(values: Values, resamples: int | None, seed: int) -> Values:
    """Means of ``values`` (C,) under random signs, (R,); under every combination of signs if ``resamples`` is None."""
    size = len(values)
    if resamples is None:
        bits = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
        return np.asarray((1 - 2.0 * bits) @ values / size)
    return np.concatenate([signs @ values / size for signs in in_blocks(_signs, size, resamples, seed)])


def _signs(size: int, resamples: int, rng: np.random.Generator) -> Values:
    return 1 - 2 * rng.integers(0, 2, (resamples, size), dtype=np.int8).astype(np.float64)
