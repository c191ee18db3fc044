"""Tests of paired differences with prompts as clusters: is the mean difference zero?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values, cluster_means, is_constant
from vid_diffusion_bench.statistics.signed import mean_of_flips, signed_ranks, wilcoxon_p

FEWEST_TWO_SIDED = 6
"""Of fewer prompts even complete agreement has p = 2 ** (1 - C) > 0.05, two-sided, without assuming a distribution."""


@dataclass(frozen=True)
class PairedTest:
    """Result of a two-sided test.

    ``test`` is its name; ``statistic`` t, Wilcoxon's smaller rank sum, or the mean; ``n`` counts differences,
    ``clusters`` prompts; ``reason`` says why this test was chosen and what it cannot show.
    """

    test: str
    statistic: float
    p_value: float
    n: int
    clusters: int
    reason: str = ""


def paired_t(differences: Sequence[float], clusters: Sequence[Hashable]) -> PairedTest:
    """Student's paired t test on the mean difference of each prompt, with C - 1 degrees of freedom (Student 1908).

    Args:
        differences: One a pair of samples (N,), finite.
        clusters: The prompt of each (N,); at least two different ones.

    Raises:
        ValidationError: As :func:`~vid_diffusion_bench.statistics.clusters.cluster_means`; or all prompts differ by
            the same amount, not zero, so that there is no spread to divide by.
    """
    from scipy.special import stdtr

    means = cluster_means(differences, clusters)
    if not means.any():
        return _nothing("paired t", differences, means)
    if is_constant(means):
        raise ValidationError(
            f"every prompt differs by {means[0]:g}: t has no spread to divide by",
            remedy="Use sign_flip, which needs none.",
        )
    t = float(means.mean() / (means.std(ddof=1) / math.sqrt(len(means))))
    return PairedTest("paired t", t, float(2 * stdtr(len(means) - 1, -abs(t))), len(differences), len(means))


def wilcoxon(differences: Sequence[float], clusters: Sequence[Hashable]) -> PairedTest:
    """Wilcoxon's signed-rank test (1945) on the mean difference of each prompt; zeros are left out, ties share ranks.

    It asks whether the differences are symmetric about zero: skewed ones are found even if their mean is zero. Up to
    200 prompts the p-value is exact given the ranks, ties included; above that it is the normal approximation with
    the correction for ties.

    Args:
        differences: One a pair of samples (N,), finite.
        clusters: The prompt of each (N,); at least two different ones.

    Raises:
        ValidationError: As :func:`~vid_diffusion_bench.statistics.clusters.cluster_means`.
    """
    means = cluster_means(differences, clusters)
    if not means.any():
        return _nothing("wilcoxon", differences, means)
    ranks = signed_ranks(means)
    lesser = min(float(ranks[ranks > 0].sum()), float(-ranks[ranks < 0].sum()))
    return PairedTest("wilcoxon", lesser, wilcoxon_p(ranks), len(differences), len(means), _limit(len(ranks)))


def sign_flip(
    differences: Sequence[float], clusters: Sequence[Hashable], *, resamples: int = 9999, seed: int = 0
) -> PairedTest:
    """Randomisation test of the mean: the sign of each prompt's mean difference is flipped (Fisher 1935, section 21).

    Exact when differences are symmetric about zero, as they are when two models do not differ at all. All 2 ** C
    flips are counted when they are no more than ``resamples`` + 1, otherwise ``resamples`` random ones and
    p = (b + 1) / (R + 1) (Phipson and Smyth 2010).

    Args:
        differences: One a pair of samples (N,), finite.
        clusters: The prompt of each (N,); at least two different ones.
        resamples: Random flips, at least 1.
        seed: Of the random flips.

    Raises:
        ValidationError: As :func:`~vid_diffusion_bench.statistics.clusters.cluster_means`, or no resamples.
    """
    means = cluster_means(differences, clusters)
    if resamples < 1:
        raise ValidationError(f"resamples is at least 1, not {resamples}")
    observed = float(means.mean())
    if not means.any():
        return _nothing("sign flip", differences, means)
    exact = 2 ** len(means) <= resamples + 1
    flipped = mean_of_flips(means, None if exact else resamples, seed)
    # Equal means may differ in the last bits after another order of summation.
    as_far = int((np.abs(flipped) >= abs(observed) - 1e-12 * np.abs(means).max()).sum())
    p = as_far / len(flipped) if exact else (as_far + 1) / (resamples + 1)
    return PairedTest("sign flip", observed, p, len(differences), len(means), _limit(int(np.count_nonzero(means))))


def paired_test(differences: Sequence[float], clusters: Sequence[Hashable]) -> PairedTest:
    """The paired test whose assumptions the data meet; ``reason`` says which rule chose it.

    - fewer than :data:`FEWEST_TWO_SIDED` prompts: :func:`sign_flip`, which is exact and cannot reach 0.05;
    - Shapiro and Wilk's test (1965) does not refuse normal prompt means at 5 %: :func:`paired_t`;
    - otherwise: :func:`sign_flip`, which takes no distribution for granted and, unlike Wilcoxon's, is about the mean.

    Args:
        differences: One a pair of samples (N,), finite.
        clusters: The prompt of each (N,); at least two different ones.

    Raises:
        ValidationError: As :func:`~vid_diffusion_bench.statistics.clusters.cluster_means`.
    """
    means = cluster_means(differences, clusters)
    if len(means) < FEWEST_TWO_SIDED or not means.any():
        return sign_flip(differences, clusters)
    normal, why = _normality(means)
    if normal:
        return replace(paired_t(differences, clusters), reason=why)
    found = sign_flip(differences, clusters)
    return replace(found, reason="; ".join(filter(None, [why, found.reason])))


def _normality(means: Values) -> tuple[bool, str]:
    from scipy.stats import shapiro

    if is_constant(means):
        return False, "every prompt differs by the same amount"
    p = float(shapiro(means).pvalue)
    verdict = "could be normal" if p >= 0.05 else "are not normal"
    return p >= 0.05, f"the mean differences of {len(means)} prompts {verdict} (Shapiro-Wilk p = {p:.2g})"


def _nothing(test: str, differences: Sequence[float], means: Values) -> PairedTest:
    """Any test of prompts that do not differ at all."""
    why = "every prompt's difference is zero, so p is 1"
    return PairedTest(test, 0.0, 1.0, len(differences), len(means), why)


def _limit(prompts: int) -> str:
    """What too few prompts with a difference cannot show; empty when they are enough."""
    if prompts >= FEWEST_TWO_SIDED:
        return ""
    return (
        f"{prompts} prompt{'s' * (prompts != 1)} with a difference cannot reach 0.05: the smallest p possible is "
        f"{2.0 ** (1 - prompts):g}; {FEWEST_TWO_SIDED} are needed"
    )
