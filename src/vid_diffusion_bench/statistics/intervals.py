"""Means, intervals, bounds and percentiles."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values, by_cluster, check_share, check_values
from vid_diffusion_bench.statistics.resampling import draw_counts

FEWEST_CLUSTERS = 5
"""Of fewer independent clusters even complete agreement is no evidence at 5 %, one-sided: 2 ** -4 is more than 0.05."""


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean by exact summation, so that the order of ``values`` (N,), N >= 1, does not change a bit."""
    if not len(values):
        raise ValidationError("a mean needs at least one value")
    return math.fsum(values) / len(values)


def cluster_bootstrap(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    weights: Sequence[float] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Expanded percentile interval of the mean of ``values`` (N,) when whole clusters, not values, are drawn again.

    Values of one cluster (clips of one prompt) are not independent; resampling clusters keeps what they share
    (Field and Welsh 2007). The percentiles are expanded as in :func:`lower_bound`: plain ones at 95 % hold the
    mean 80 % to 89 % of the time with 8 clusters. Sorted clusters make the result independent of the order of the
    input. With ``weights``
    (N,), positive, it is the interval of the weighted mean, a ratio of two sums that are resampled together.

    It still holds the mean too seldom with fewer than 8 clusters, as no draw leaves the range of the clusters, and
    with few of skewed values; :func:`~vid_diffusion_bench.statistics.interval_caution` says when.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, fewer than two clusters, a confidence outside
            0..1, or weights that are not positive.
    """
    check_share(confidence, "confidence")
    check_values(values, clusters)
    if weights is not None and (len(weights) != len(values) or not all(weight > 0 for weight in weights)):
        raise ValidationError("weights are positive, one a value")
    sums, counts = by_cluster(values, clusters, [1.0] * len(values) if weights is None else weights)
    if len(sums) < 2:
        raise ValidationError(f"an interval over clusters needs two of them, not {len(sums)}")
    means = _resampled_means(sums, counts, resamples, seed)
    tail = _expanded((1 - confidence) / 2, len(sums))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def lower_bound(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> float:
    """One-sided lower confidence bound of the mean of ``values`` (N,) when whole clusters are drawn again.

    The percentile is expanded as Hesterberg (2015) does, to Phi(-t sqrt(C / (C - 1))) for C clusters with
    t of Student's law with C - 1 degrees of freedom: the plain percentile is too narrow when there are few clusters.
    The upper bound of the mean is minus the lower bound of ``-values``.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, fewer than :data:`FEWEST_CLUSTERS` clusters, a
            confidence outside 0..1.
    """
    check_share(confidence, "confidence")
    check_values(values, clusters)
    sums, counts = by_cluster(values, clusters, [1.0] * len(values))
    size = len(sums)
    if size < FEWEST_CLUSTERS:
        raise ValidationError(f"a one-sided bound needs {FEWEST_CLUSTERS} clusters, not {size}")
    means = _resampled_means(sums, counts, resamples, seed)
    return float(np.quantile(means, _expanded(1 - confidence, size)))


@dataclass(frozen=True)
class NonInferiority:
    """Whether something new is worse by less than a margin.

    ``loss`` is the mean loss, positive is worse; ``bound`` the one-sided upper confidence bound of it.
    """

    loss: float
    bound: float
    margin: float

    @property
    def holds(self) -> bool:
        return self.bound <= self.margin


def non_inferiority(
    losses: Sequence[float],
    clusters: Sequence[Hashable],
    margin: float,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> NonInferiority:
    """Test that the mean of paired ``losses`` (N,) is at most ``margin``, against that it is more.

    It holds when the one-sided upper bound does not pass the margin: a true loss as large as the margin is let through
    with a chance of ``1 - confidence``. Too few or too noisy pairs fail, as they prove nothing.

    Raises:
        ValidationError: As :func:`lower_bound`, or a margin that is negative or not finite.
    """
    if not 0 <= margin < math.inf:
        raise ValidationError(
            f"a margin is a number that is not negative, not {margin}",
            remedy="Give the largest loss that would not matter.",
        )
    gains = [-loss for loss in losses]
    bound = -lower_bound(gains, clusters, confidence=confidence, resamples=resamples, seed=seed)
    return NonInferiority(mean(losses), bound, margin)


def _expanded(tail: float, size: int) -> float:
    """The percentile, 0..1, of bootstrap means of ``size`` clusters that leaves ``tail`` of normal samples out."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(stdtrit(size - 1, tail) * math.sqrt(size / (size - 1))))


def _resampled_means(sums: Values, counts: Values, resamples: int, seed: int) -> Values:
    """Means (R,) of ``resamples`` draws of C clusters with replacement."""
    drawn = draw_counts(len(sums), resamples, seed)
    return np.concatenate([(block @ sums) / (block @ counts) for block in drawn])


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (Wilson 1927) of a share ``successes / n``, within 0..1.

    Raises:
        ValidationError: ``n`` is 0, or ``successes`` is outside 0..n.
    """
    from scipy.special import ndtri

    check_share(confidence, "confidence")
    if not 0 <= successes <= n or n == 0:
        raise ValidationError(f"{successes} of {n} is not a share")
    z = float(ndtri(0.5 + confidence / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not move an end past the share it has to contain.
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def percentile(values: Sequence[float], q: float) -> float | None:
    """The ``q``-th percentile (0..100) by linear interpolation; ``None`` when N is too small to have one.

    The 99th percentile of five values is only their maximum, so a tail of share p needs N >= 1 / p values.
    """
    if not 0 <= q <= 100:
        raise ValidationError(f"a percentile is between 0 and 100, not {q}")
    tail = min(q, 100 - q) / 100
    if not len(values) or (tail > 0 and len(values) * tail < 1 - 1e-9):
        return None
    return float(np.percentile(np.asarray(values, np.float64), q))
