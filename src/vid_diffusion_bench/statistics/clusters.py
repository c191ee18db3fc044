"""Values of prompts: checked, and one mean a prompt.

Seeds of one prompt share what is hard about it, so they are not independent; prompts are. Every test here first takes
the mean of each prompt and treats those means as the sample, which is valid whatever seeds of a prompt share and
counts every prompt once (Donner and Klar 2000, chapter 6: cluster-level analysis).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import ValidationError

Values = npt.NDArray[np.float64]


def check_values(values: Sequence[float], clusters: Sequence[Hashable]) -> None:
    """Refuse what is empty, not finite, or not one cluster a value."""
    if len(values) != len(clusters):
        raise ValidationError(f"{len(values)} values and {len(clusters)} clusters: one cluster a value is needed")
    if not len(values):
        raise ValidationError("there are no values", remedy="Check that the samples to be used were made and scored.")
    bad = sum(not math.isfinite(value) for value in values)
    if bad:
        raise ValidationError(
            f"{bad} of {len(values)} values are not finite numbers",
            remedy="Leave out samples without a value, in both models of a pair, and say how many.",
        )


def check_share(value: float, name: str) -> None:
    """Refuse what is not strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValidationError(f"{name} is between 0 and 1, not {value}")


def cluster_means(values: Sequence[float], clusters: Sequence[Hashable], *, fewest: int = 2) -> Values:
    """Mean of each cluster, (C,), in the order of the clusters' text; exact sums, so blind to the order of ``values``.

    Args:
        values: Finite numbers (N,).
        clusters: The prompt of each value (N,).
        fewest: Clusters needed.

    Raises:
        ValidationError: No values, unequal lengths, NaN or infinity, or fewer than ``fewest`` clusters.
    """
    check_values(values, clusters)
    sums, counts = by_cluster(values, clusters, [1.0] * len(values))
    if len(sums) < fewest:
        raise ValidationError(
            f"{fewest} independent clusters are needed, not {len(sums)}",
            remedy="Use more prompts; more seeds of the same prompts do not count.",
        )
    return sums / counts


def by_cluster(values: Sequence[float], clusters: Sequence[Hashable], weights: Sequence[float]) -> tuple[Values, ...]:
    """Weighted sum and sum of weights of each cluster, each (C,), clusters in the order of their text."""
    members: dict[Hashable, list[tuple[float, float]]] = {}
    for value, cluster, weight in zip(values, clusters, weights, strict=True):
        members.setdefault(cluster, []).append((float(weight) * float(value), float(weight)))
    ordered = [zip(*members[cluster], strict=True) for cluster in sorted(members, key=str)]
    sums = [tuple(math.fsum(column) for column in group) for group in ordered]
    return np.array([total for total, _ in sums]), np.array([weight for _, weight in sums])


def is_constant(means: Values) -> bool:
    """Whether ``means`` (C,) differ by nothing but rounding."""
    return bool(means.std() <= 1e-12 * np.abs(means).max())
