"""How many prompts and seeds a comparison needs, from the variances at hand."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import by_cluster, check_share, cluster_means
from vid_diffusion_bench.statistics.paired import FEWEST_TWO_SIDED

_MOST_PROMPTS = 2**40
_CERTAIN = 7.0


@dataclass(frozen=True)
class Variance:
    """Variance of the differences ``between`` prompts, and ``within`` one prompt from seed to seed.

    ``within`` is ``None`` when every prompt has one seed: then ``between`` holds both, and what seeds help is unknown.
    """

    between: float
    within: float | None

    def of_mean(self, prompts: int, seeds: int) -> float:
        """Variance of the mean difference of ``prompts`` times ``seeds`` pairs.

        Raises:
            ValidationError: A count below 1, a variance that is negative or not finite, or several seeds when
                ``within`` is not known.
        """
        if prompts < 1 or seeds < 1:
            raise ValidationError(f"prompts and seeds are at least 1, not {prompts} and {seeds}")
        if not all(math.isfinite(part) and part >= 0 for part in (self.between, self.within or 0.0)):
            raise ValidationError(f"variances are finite and not negative, as {self} is")
        if self.within is None and seeds > 1:
            raise ValidationError(
                "how much seeds of one prompt differ was not measured",
                remedy="Measure two or more seeds of some prompts, or plan with one seed a prompt.",
            )
        return (self.between + (self.within or 0.0) / seeds) / prompts


@dataclass(frozen=True)
class Planned:
    """So many ``prompts`` with so many ``seeds`` each find the difference with a chance of ``power``."""

    prompts: int
    seeds: int
    power: float


def variance_components(differences: Sequence[float], clusters: Sequence[Hashable]) -> Variance:
    """Variances between and within prompts, by the analysis of variance (Searle, Casella and McCulloch 1992, 3.6).

    Within: the mean square within prompts. Between: what the mean square between them has more, over n0, the number of
    seeds a prompt (a weighted one if they differ). Where that is negative, between is 0 and within the variance of all
    values, which is the restricted maximum likelihood when prompts have equally many seeds.

    Args:
        differences: One a pair of samples (N,), finite.
        clusters: The prompt of each (N,); at least two different ones.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, fewer than two clusters.
    """
    means = cluster_means(differences, clusters)
    _, counts = by_cluster(differences, clusters, [1.0] * len(differences))
    total, size = math.fsum(counts), len(means)
    if total == size:
        return Variance(float(means.var(ddof=1)), None)
    mean = math.fsum(counts * means) / total
    square_between = math.fsum(counts * (means - mean) ** 2) / (size - 1)
    of_prompt = dict(zip(sorted(set(clusters), key=str), means, strict=True))
    rest = [(value - of_prompt[cluster]) ** 2 for value, cluster in zip(differences, clusters, strict=True)]
    within = math.fsum(rest) / (total - size)
    seeds = (total - math.fsum(counts**2) / total) / (size - 1)
    if square_between <= within:
        return Variance(0.0, (square_between * (size - 1) + within * (total - size)) / (total - 1))
    return Variance((square_between - within) / seeds, within)


def power_of(difference: float, variance: Variance, prompts: int, seeds: int = 1, *, alpha: float = 0.05) -> float:
    """Chance that the two-sided paired t test finds a true mean ``difference``, by the noncentral t distribution.

    Args:
        difference: The true mean difference, in the unit of the metric.
        variance: Of the differences, as :func:`variance_components` gives it.
        prompts: How many prompts, at least 2.
        seeds: Seeds of each prompt.
        alpha: Level of the test, 0..1.

    Raises:
        ValidationError: A difference that is not finite, a level outside 0..1, fewer than two prompts, no variance,
            or what :meth:`Variance.of_mean` refuses.
    """
    from scipy.special import stdtrit
    from scipy.stats import nct

    check_share(alpha, "alpha")
    if not math.isfinite(difference) or prompts < 2:
        raise ValidationError(f"power needs a finite difference and two prompts, not {difference} and {prompts}")
    error = math.sqrt(variance.of_mean(prompts, seeds))
    if error == 0:
        raise ValidationError("the differences have no variance: nothing is to be planned")
    shift, limit = abs(difference) / error, -float(stdtrit(prompts - 1, alpha / 2))
    # A difference found in the wrong direction has a chance below Phi(-shift), where SciPy's value is NaN far out.
    wrong = float(nct.cdf(-limit, prompts - 1, shift)) if shift < _CERTAIN else 0.0
    return float(nct.sf(limit, prompts - 1, shift)) + wrong


def samples_needed(
    difference: float, variance: Variance, *, seeds: int = 1, power: float = 0.8, alpha: float = 0.05
) -> Planned:
    """The fewest prompts with which the paired t test finds ``difference`` with at least ``power``.

    Never fewer than :data:`~vid_diffusion_bench.statistics.FEWEST_TWO_SIDED`, with which no test that takes no
    distribution for granted finds anything. More seeds lower only the part ``within``.

    Args:
        difference: The mean difference to be found, not 0, in the unit of the metric.
        variance: Of the differences, as :func:`variance_components` gives it.
        seeds: Seeds of each prompt.
        power: Chance to find it, 0..1, above ``alpha``.
        alpha: Level of the test, 0..1.

    Raises:
        ValidationError: A difference of 0 or not finite, no seeds, a power outside 0..1 or not above ``alpha``; as
            :func:`power_of`.
    """
    check_share(power, "power")
    check_share(alpha, "alpha")
    if not math.isfinite(difference) or seeds < 1:
        raise ValidationError(
            f"a plan is of a finite difference and one seed or more, not {difference} and {seeds}",
            remedy="Name the smallest difference that matters.",
        )
    if difference == 0 or power <= alpha:
        raise ValidationError(
            f"a difference of {difference:g} with power {power:g} at level {alpha:g} cannot be planned",
            remedy="Name the smallest difference that matters, and a power above alpha.",
        )
    few, many = FEWEST_TWO_SIDED - 1, FEWEST_TWO_SIDED
    while power_of(difference, variance, many, seeds, alpha=alpha) < power:
        few, many = many, 2 * many
        if many > _MOST_PROMPTS:
            raise ValidationError(f"a difference of {difference:g} needs more than {_MOST_PROMPTS} prompts")
    while many - few > 1:
        middle = (few + many) // 2
        enough = power_of(difference, variance, middle, seeds, alpha=alpha) >= power
        few, many = (few, middle) if enough else (middle, many)
    return Planned(many, seeds, power_of(difference, variance, many, seeds, alpha=alpha))
