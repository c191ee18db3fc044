"""Is a difference smaller than a margin, both ways? Non-inferiority, one way, is in ``intervals``."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import check_share, cluster_means, is_constant
from vid_diffusion_bench.statistics.intervals import FEWEST_CLUSTERS


@dataclass(frozen=True)
class Equivalence:
    """Whether a mean difference lies within ``-margin..margin``.

    ``interval`` is the interval of ``1 - 2 alpha`` that lies inside the margins exactly when the test holds;
    ``p_value`` the larger of the two one-sided p-values.
    """

    difference: float
    interval: tuple[float, float]
    margin: float
    p_value: float
    holds: bool


def equivalence(
    differences: Sequence[float], clusters: Sequence[Hashable], margin: float, *, alpha: float = 0.05
) -> Equivalence:
    """Two one-sided t tests (Schuirmann 1987) on the mean difference of each prompt.

    A true difference as large as the margin passes with a chance of at most ``alpha``. Too few or too noisy prompts do
    not pass: not finding a difference is no proof that there is none.

    Args:
        differences: One a pair of samples (N,), finite.
        clusters: The prompt of each (N,); at least :data:`~vid_diffusion_bench.statistics.FEWEST_CLUSTERS`.
        margin: The largest difference that does not matter, above 0, in the unit of the differences.
        alpha: Level, 0..0.5.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, too few clusters, a margin that is not a positive
            number, a level outside 0..0.5.
    """
    from scipy.special import stdtr, stdtrit

    if not (math.isfinite(margin) and margin > 0):
        raise ValidationError(
            f"a margin of equivalence is a positive number, not {margin}",
            remedy="Give the largest difference that would not matter; for one direction use non_inferiority.",
        )
    check_share(2 * alpha, "twice alpha")
    means = cluster_means(differences, clusters, fewest=FEWEST_CLUSTERS)
    difference, freedom = float(means.mean()), len(means) - 1
    if is_constant(means):
        inside = abs(difference) < margin
        return Equivalence(difference, (difference, difference), margin, 0.0 if inside else 1.0, inside)
    error = float(means.std(ddof=1)) / math.sqrt(len(means))
    p = float(stdtr(freedom, (abs(difference) - margin) / error))
    half = -float(stdtrit(freedom, alpha)) * error
    return Equivalence(difference, (difference - half, difference + half), margin, p, p <= alpha)
