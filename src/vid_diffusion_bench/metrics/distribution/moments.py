"""Mean and covariance of vectors that come a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]

_ROWS = 512
"""Vectors that are added in one go; decides the last bits, so it is fixed."""


@dataclass(frozen=True)
class Moments:
    """Of ``n`` vectors: ``mean`` (D,) and ``covariance`` (D, D), which has rank n - 1 at most."""

    mean: Features
    covariance: Features
    n: int


def moments(parts: Iterable[npt.NDArray[np.floating]], *, ddof: int = 1) -> Moments:
    """The moments of all rows of ``parts`` (T, D), two or more in all; covariance over their number less ``ddof``.

    Sums are float64 about running means (Chan, Golub and LeVeque 1983), so that no digits are lost where the mean is
    large, and memory is D^2 whatever the number of parts. The result depends on the order of the rows in its last
    bits, but not on how they are cut into parts.
    """
    blocks = _regrouped(parts)
    rows = next(blocks)
    n, mean = len(rows), rows.mean(axis=0)
    scatter = (rows - mean).T @ (rows - mean)
    for rows in blocks:
        own = rows.mean(axis=0)
        gap, total = own - mean, n + len(rows)
        scatter += (rows - own).T @ (rows - own)
        scatter += np.outer(gap, gap * (n * len(rows) / total))
        mean = mean + gap * (len(rows) / total)
        n = total
    return Moments(mean, scatter / (n - ddof), n)


def _regrouped(parts: Iterable[npt.NDArray[np.floating]]) -> Iterator[Features]:
    """The same rows in float64, ``_ROWS`` at a time."""
    waiting: list[Features] = []
    count = 0
    for part in parts:
        waiting.append(np.asarray(part, np.float64))
        count += len(part)
        if count >= _ROWS:
            rows = np.concatenate(waiting)
            whole = count - count % _ROWS
            yield from np.split(rows[:whole], whole // _ROWS)
            waiting, count = [rows[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)
