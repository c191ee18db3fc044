"""The inception score as it was published: the mean of the scores of parts of a shuffled set.

The set passes sample by sample: of each part only the sum of its class probabilities and of their negative entropies
is kept, as the mean of KL(p || q) over a part is its mean of sum p log p less sum q log q, q the mean of p.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SplitScore:
    """``scores`` (S,) of the parts, their ``mean``, and their ``std`` over S (ddof 0), of so many ``classes``."""

    scores: Probabilities
    classes: int

    @property
    def mean(self) -> float:
        return float(self.scores.mean())

    @property
    def std(self) -> float:
        return float(self.scores.std())


def split_score(samples: Iterable[Probabilities], n: int, splits: int, seed: int) -> SplitScore:
    """The score of ``n`` samples, each row of ``samples`` (T, C) the class probabilities of one; n >= ``splits``.

    They are shuffled by ``numpy.random.RandomState(seed)``; part s is from s n // S up to (s + 1) n // S of that.
    """
    part_of = _parts(n, splits, seed)
    marginals, divergences, start = None, np.zeros(splits), 0
    for p in samples:
        parts = part_of[start : start + len(p)]
        start += len(p)
        marginals = np.zeros((splits, p.shape[1])) if marginals is None else marginals
        np.add.at(marginals, parts, p)
        np.add.at(divergences, parts, _negative_entropy(p))
    sizes = np.bincount(part_of, minlength=splits)
    if marginals is None or start != n:
        raise ValueError(f"{n} samples were announced and {start} came")
    scores = np.exp(divergences / sizes - _negative_entropy(marginals / sizes[:, None]))
    return SplitScore(scores, marginals.shape[1])


def _negative_entropy(p: Probabilities) -> Probabilities:
    """Sum of p log p over the classes (N, C), 0 log 0 being 0: (N,)."""
    from scipy.special import xlogy

    return np.asarray(xlogy(p, p).sum(axis=1))


def _parts(n: int, splits: int, seed: int) -> npt.NDArray[np.intp]:
    """The part (n,) that each sample falls into."""
    place = np.empty(n, np.intp)
    place[np.random.RandomState(seed).permutation(n)] = np.arange(n)
    edges = np.arange(1, splits) * n // splits
    return np.searchsorted(edges, place, side="right")
