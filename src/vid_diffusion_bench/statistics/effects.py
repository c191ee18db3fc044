"""Effect sizes: how large a difference is, in units that do not depend on the metric.

Of differences, prompts are the sample: each counts once by the mean of its seeds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import cluster_means, is_constant
from vid_diffusion_bench.statistics.signed import signed_ranks


def cohens_d(differences: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Cohen's d of paired differences, d_z (Cohen 1988, section 2.3.5): their mean in standard deviations.

    Mean over standard deviation (C - 1 in the denominator) of the prompts' mean differences; 0 if all are zero.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, fewer than two clusters; or all prompts differ
            by the same amount, not zero.
    """
    means = cluster_means(differences, clusters)
    if not means.any():
        return 0.0
    if is_constant(means):
        raise ValidationError(
            f"every prompt differs by {means[0]:g}: there is no spread to measure the difference in",
            remedy="Report the difference itself, or rank_biserial.",
        )
    return float(means.mean() / means.std(ddof=1))


def hedges_g(differences: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """:func:`cohens_d` without its bias for few prompts (Hedges 1981).

    d times J(m) = G(m / 2) / (sqrt(m / 2) G((m - 1) / 2)) with the gamma function G and m = C - 1, exact for normal
    differences; many programs use the approximation 1 - 3 / (4 m - 1). With two prompts J(1) = 0.

    Raises:
        ValidationError: As :func:`cohens_d`.
    """
    d = cohens_d(differences, clusters)
    freedom = len(set(clusters)) - 1
    if freedom == 1:
        return 0.0
    log_ratio = math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)
    return d * math.exp(log_ratio) / math.sqrt(freedom / 2)


def rank_biserial(differences: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Matched-pairs rank-biserial correlation (Kerby 2014), -1..1: the share of rank sum in favour minus that against.

    Of the signed ranks of :func:`~vid_diffusion_bench.statistics.paired.wilcoxon`; 0 if all differences are zero.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, fewer than two clusters.
    """
    means = cluster_means(differences, clusters)
    if not means.any():
        return 0.0
    ranks = signed_ranks(means)
    return float(ranks.sum() / np.abs(ranks).sum())


def cliffs_delta(a: Sequence[float], b: Sequence[float]) -> float:
    """Cliff's delta (1993), -1..1: how much more often a value of ``a`` (N,) is above one of ``b`` (M,) than below.

    Raises:
        ValidationError: An empty side, NaN or infinity.
    """
    first, second = (np.asarray(values, np.float64) for values in (a, b))
    if not first.size or not second.size:
        raise ValidationError("Cliff's delta needs a value on each side")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValidationError("Cliff's delta is of finite numbers", remedy="Leave out samples without a value.")
    ordered = np.sort(second)
    below = int(np.searchsorted(ordered, first, "left").sum())
    above = second.size * first.size - int(np.searchsorted(ordered, first, "right").sum())
    return (below - above) / (first.size * second.size)
