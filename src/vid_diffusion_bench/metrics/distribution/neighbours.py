"""Precision, recall, density and coverage of features by their nearest neighbours.

Squared Euclidean distances are sums of squared differences in float64, never |x|^2 + |y|^2 - 2 <x, y>: two copies of a
vector are at exactly 0, and one pair has one distance wherever it is asked for. Matrices are made block by block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]

_BLOCK_ENTRIES = 2_000_000
"""Entries of a block of distances: 16 MB."""


def precision(generated: Features, real: Features, k: int) -> float:
    """Share of ``generated`` (N, D) in the ball of any of ``real`` (M, D), M > k; a vector on its rim is inside.

    A ball reaches to the k-th nearest other vector of its set (Kynkäänniemi et al. 2019, equation 2). Recall is the
    same with the sets exchanged.
    """
    radii = radii_of(real, k)
    return float(np.mean(np.concatenate([(block <= radii).any(axis=1) for block in _distances(generated, real)])))


def density(generated: Features, real: Features, k: int) -> float:
    """Mean number of balls of ``real`` that hold a vector of ``generated``, over k (Naeem et al. 2020, equation 4).

    0 or more, 1 in expectation for equal distributions; a vector on a rim is outside, as in the authors' code.
    """
    radii = radii_of(real, k)
    held = sum(int(np.count_nonzero(block < radii)) for block in _distances(generated, real))
    return held / (k * len(generated))


def coverage(generated: Features, real: Features, k: int) -> float:
    """Share of the balls of ``real`` that hold any vector of ``generated`` (Naeem et al. 2020, equation 5).

    A vector on a rim is outside, as in the authors' code.
    """
    nearest = np.concatenate([block.min(axis=1) for block in _distances(real, generated)])
    return float(np.mean(nearest < radii_of(real, k)))


def radii_of(vectors: Features, k: int) -> Features:
    """Squared distance (N,) of each of ``vectors`` (N, D), N > k, to its k-th nearest other one."""
    radii, start = [], 0
    for block in _distances(vectors, vectors):
        block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        radii.append(np.partition(block, k - 1, axis=1)[:, k - 1])
        start += len(block)
    return np.concatenate(radii)


def _distances(first: Features, second: Features) -> Iterator[Features]:
    """Squared distances of a few of ``first`` (N, D) at a time to all of ``second`` (M, D)."""
    from scipy.spatial.distance import cdist

    step = max(1, _BLOCK_ENTRIES // len(second))
    for start in range(0, len(first), step):
        yield cdist(first[start : start + step], second, "sqeuclidean")
