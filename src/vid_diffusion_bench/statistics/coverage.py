"""How far a 95 % interval of a mean can be believed: too few prompts, or scores too skewed for so few."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from vid_diffusion_bench.statistics.clusters import cluster_means, is_constant

FEWEST_COVERED = 8
"""With fewer clusters even of normal values the interval holds the mean in fewer than 93 of 100 cases."""
CLUSTERS_A_SKEWNESS = 10
"""Clusters that a skewness of 1 needs; they grow with its square, as Cochran's rule has it with 25 (1977, 2.15)."""
TOO_FEW = f"fewer than {FEWEST_COVERED} prompts: a 95 % interval may hold the mean in fewer than 93 of 100 cases"
TOO_SKEWED = "few prompts for scores so skewed: a 95 % interval may hold the mean in fewer than 93 of 100 cases"


def skewness(values: Sequence[float], clusters: Sequence[Hashable]) -> float | None:
    """Adjusted Fisher-Pearson skewness G1 of the clusters' means; ``None`` of fewer than three, or of equal ones.

    Raises:
        ValidationError: As :func:`~vid_diffusion_bench.statistics.clusters.cluster_means`.
    """
    means = cluster_means(values, clusters, fewest=1)
    size = len(means)
    if size < 3 or is_constant(means):
        return None
    deviations = means - means.mean()
    bare = float(np.power(deviations, 3).mean() / np.square(deviations).mean() ** 1.5)
    return bare * math.sqrt(size * (size - 1)) / (size - 2)


def clusters_needed(skew: float | None) -> int:
    """Clusters from which on a 95 % interval of a mean holds it in 93 of 100 cases or more, at this skewness."""
    return max(FEWEST_COVERED, math.ceil(CLUSTERS_A_SKEWNESS * (skew or 0.0) ** 2))


def interval_caution(values: Sequence[float], clusters: Sequence[Hashable]) -> str | None:
    """What is to be said beside the interval of the mean of ``values`` (N,) over ``clusters`` (N,); ``None``: nothing.

    The rule is by the skewness of the clusters at hand, which cannot show a tail that no cluster has met: its silence
    is no proof. How often it speaks where it should and where it should not is in docs/statistics.md.

    Raises:
        ValidationError: As :func:`skewness`.
    """
    size = len(set(clusters))
    if size < FEWEST_COVERED:
        return TOO_FEW
    return TOO_SKEWED if size < clusters_needed(skewness(values, clusters)) else None
