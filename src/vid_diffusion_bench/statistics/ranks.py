"""Ranks of models with what is known about them: an interval each, and the chance to be the best."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values, check_share, check_values, cluster_means
from vid_diffusion_bench.statistics.correction import holm
from vid_diffusion_bench.statistics.paired import paired_test
from vid_diffusion_bench.statistics.resampling import cluster_weights


@dataclass(frozen=True)
class Rank:
    """Rank 1 is the best; equal means share a rank. ``interval`` is simultaneous over all models."""

    model: str
    rank: int
    interval: tuple[int, int]
    probability_best: float


def rank_models(
    values: Mapping[str, Sequence[float]],
    clusters: Sequence[Hashable],
    *,
    higher_is_better: bool,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Rank]:
    """Rank models by the mean of their prompts' means, best first.

    The interval of a rank counts who is found better and who worse: 1 + better .. M - worse (Mogstad, Romano, Shaikh
    and Wilhelm 2024), where a pair is found by :func:`~vid_diffusion_bench.statistics.paired.paired_test`, with Holm's
    correction over all pairs. All intervals hold the true ranks together with a chance of at least ``1 - alpha``; a
    bootstrap of the ranks themselves would be too narrow wherever models are close. ``probability_best`` is the share
    of draws of the prompts in which the model's mean is best; equal bests share it.

    Args:
        values: Of each model, finite (N,), over the same samples in the same order.
        clusters: The prompt of each sample (N,), at least two.
        higher_is_better: Whether a larger mean ranks first.
        alpha: Level of the intervals, 0..1.
        resamples: Draws of prompts for ``probability_best``, at least 1.
        seed: Of the draws.

    Raises:
        ValidationError: No model, unequal lengths, no values, NaN or infinity, fewer than two clusters.
    """
    if not values:
        raise ValidationError("there are no models to rank")
    check_share(alpha, "alpha")
    for own in values.values():
        check_values(own, clusters)
    sign = 1.0 if higher_is_better else -1.0
    gains = {model: sign * cluster_means(own, clusters) for model, own in values.items()}
    table = np.array([*gains.values()])
    means = [math.fsum(row) for row in table]
    ranks = [1 + sum(other > own for other in means) for own in means]
    found = zip(gains, ranks, _intervals(table, alpha), _share_best(table, resamples, seed), strict=True)
    return sorted((Rank(*row) for row in found), key=lambda row: (row.rank, -row.probability_best))


def _intervals(table: Values, alpha: float) -> list[tuple[int, int]]:
    """Ranks (M,) that the pairs of ``table`` (M, C), larger is better, leave open."""
    pairs = list(combinations(range(len(table)), 2))
    gaps = [table[one] - table[other] for one, other in pairs]
    p_values = holm([paired_test(gap.tolist(), range(len(gap))).p_value for gap in gaps])
    better, worse = np.zeros(len(table), int), np.zeros(len(table), int)
    for (one, other), gap, p in zip(pairs, gaps, p_values, strict=True):
        if p <= alpha:
            above, below = (one, other) if gap.mean() > 0 else (other, one)
            worse[above] += 1
            better[below] += 1
    return [(1 + int(b), len(table) - int(w)) for b, w in zip(better, worse, strict=True)]


def _share_best(table: Values, resamples: int, seed: int) -> list[float]:
    """Share of draws of the columns of ``table`` (M, C) in which each row's mean is largest."""
    weights = cluster_weights(range(table.shape[1]), resamples, seed)
    means = weights @ table.T
    best = means >= means.max(axis=1, keepdims=True)
    return [float(share) for share in (best / best.sum(axis=1, keepdims=True)).mean(axis=0)]
