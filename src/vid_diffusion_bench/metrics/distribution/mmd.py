"""Squared maximum mean discrepancy (Gretton et al. 2012) of two sets, without bias and with, and the variance of it.

Kernel matrices are made block by block, so memory grows with N and not with N^2. A constant is taken off the kernel
first, which changes no form of MMD^2 and keeps digits where all kernel values are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]

_BLOCK_ENTRIES = 2_000_000
"""Entries of a block of a kernel matrix: 16 MB."""


@dataclass(frozen=True)
class PolynomialKernel:
    """k(x, y) = (<x, y> / D + ``coef0``)^``degree`` of vectors of D dimensions."""

    degree: int
    coef0: float

    def __call__(self, first: Features, second: Features) -> Features:
        """The matrix (N, M) of ``first`` (N, D) and ``second`` (M, D)."""
        base: Features = first @ second.T / first.shape[1] + self.coef0
        power = base
        for _ in range(self.degree - 1):
            power = power * base
        return power


KID = PolynomialKernel(3, 1.0)
"""Of the Kernel Inception Distance (Binkowski et al. 2018)."""
JEDI = PolynomialKernel(2, 0.0)
"""Of JEDi (Luo et al. 2024)."""


@dataclass(frozen=True)
class Mmd:
    """MMD^2: ``unbiased`` (U-statistic, may be below 0), ``biased`` (V-statistic), and the variance of ``unbiased``.

    ``variance`` is itself an estimate without bias, so it may be below 0; ``None`` with fewer than four vectors a set.
    """

    unbiased: float
    biased: float
    variance: float | None

    def interval(self) -> tuple[float, float] | None:
        """95 %, as the U-statistic is asymptotically normal where the distributions differ (Bounliphone et al. 2016).

        Where they are equal it is not: the statistic is degenerate there, its law a weighted sum of chi-squares.
        """
        if self.variance is None or self.variance <= 0:
            return None
        half = 1.959963984540054 * float(np.sqrt(self.variance))
        return self.unbiased - half, self.unbiased + half


def mmd(first: Features, second: Features, kernel: PolynomialKernel) -> Mmd:
    """MMD^2 of ``first`` (N, D) and ``second`` (M, D), N, M >= 2; the sizes may differ."""
    shift = float(kernel(first.mean(axis=0)[None], second.mean(axis=0)[None])[0, 0])
    x, y = _within(first, kernel, shift), _within(second, kernel, shift)
    between = _between(first, second, kernel, shift)
    n, m = len(first), len(second)
    cross = between.total / (n * m)
    return Mmd(
        unbiased=x.total / (n * (n - 1)) + y.total / (m * (m - 1)) - 2 * cross,
        biased=(x.total + x.diagonal) / n**2 + (y.total + y.diagonal) / m**2 - 2 * cross,
        variance=_variance(x, y, between) if min(n, m) > 3 else None,
    )


@dataclass(frozen=True)
class _Within:
    """Sums of a kernel matrix (N, N): its diagonal's, and without it, of ``rows`` (N,) and of squares."""

    rows: Features
    squares: float
    diagonal: float

    @property
    def total(self) -> float:
        return float(self.rows.sum())


@dataclass(frozen=True)
class _Between:
    """Sums of a kernel matrix (N, M): of ``rows`` (N,), of ``columns`` (M,) and of squares."""

    rows: Features
    columns: Features
    squares: float

    @property
    def total(self) -> float:
        return float(self.rows.sum())


def _blocks(
    first: Features, second: Features, kernel: PolynomialKernel, shift: float
) -> Iterator[tuple[int, Features]]:
    """Rows of the kernel matrix less ``shift``, and the number of the first of them."""
    step = max(1, _BLOCK_ENTRIES // len(second))
    for start in range(0, len(first), step):
        yield start, kernel(first[start : start + step], second) - shift


def _within(vectors: Features, kernel: PolynomialKernel, shift: float) -> _Within:
    rows, squares, diagonal = [], 0.0, 0.0
    for start, block in _blocks(vectors, vectors, kernel, shift):
        own = np.arange(len(block)), start + np.arange(len(block))
        diagonal += float(block[own].sum())
        block[own] = 0.0
        rows.append(block.sum(axis=1))
        squares += float(np.vdot(block, block))
    return _Within(np.concatenate(rows), squares, diagonal)


def _between(first: Features, second: Features, kernel: PolynomialKernel, shift: float) -> _Between:
    rows, columns, squares = [], np.zeros(len(second)), 0.0
    for _, block in _blocks(first, second, kernel, shift):
        rows.append(block.sum(axis=1))
        columns += block.sum(axis=0)
        squares += float(np.vdot(block, block))
    return _Between(np.concatenate(rows), columns, squares)


def _variance(x: _Within, y: _Within, between: _Between) -> float:
    """Variance of the U-statistic A + B - 2 C, A and B the means within the sets and C the mean between them.

    Var A + Var B + 4 Var C - 4 Cov(A, C) - 4 Cov(B, C), every expectation of a product of two kernel values replaced by
    its mean over all choices of different vectors: without bias at any N and M, terms of second order included
    (as Sutherland and Deka 2019 do for N = M).
    """
    one, other = len(between.rows), len(between.columns)
    own = _variance_within(x, one) + _variance_within(y, other)
    mixed = _covariance(x, between.rows, between.total, one, other)
    mixed += _covariance(y, between.columns, between.total, other, one)
    return own + 4 * _variance_between(between, one, other) - 4 * mixed


def _variance_within(sums: _Within, n: int) -> float:
    chained = float(np.vdot(sums.rows, sums.rows)) - sums.squares
    apart = sums.total**2 - 4 * chained - 2 * sums.squares
    square = apart / (n * (n - 1) * (n - 2) * (n - 3))
    shared_one = chained / (n * (n - 1) * (n - 2)) - square
    shared_two = sums.squares / (n * (n - 1)) - square
    return (4 * (n - 2) * shared_one + 2 * shared_two) / (n * (n - 1))


def _variance_between(sums: _Between, n: int, m: int) -> float:
    by_row = float(np.vdot(sums.rows, sums.rows)) - sums.squares
    by_column = float(np.vdot(sums.columns, sums.columns)) - sums.squares
    square = (sums.total**2 - by_row - by_column - sums.squares) / (n * (n - 1) * m * (m - 1))
    shared_row = by_row / (n * m * (m - 1)) - square
    shared_column = by_column / (n * (n - 1) * m) - square
    shared_both = sums.squares / (n * m) - square
    return ((m - 1) * shared_row + (n - 1) * shared_column + shared_both) / (n * m)


def _covariance(x: _Within, rows: Features, total: float, n: int, m: int) -> float:
    """Of the mean within a set of n vectors and the mean between it and m others, ``rows`` (n,) the sums to those."""
    chained = float(np.vdot(x.rows, rows))
    together = chained / (n * (n - 1) * m)
    apart = (x.total * total - 2 * chained) / (n * (n - 1) * (n - 2) * m)
    return 2 / n * (together - apart)
