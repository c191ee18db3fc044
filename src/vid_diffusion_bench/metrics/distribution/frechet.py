"""The Fréchet distance between two Gaussians fitted to features: from the features, or from their moments.

The distance is |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Fréchet 1957; Dowson and Landau 1982). All forms here rest
on one identity: where S1 = P^T P and S2 = Q^T Q, tr (S1 S2)^(1/2) is the nuclear norm of P Q^T. No root of a product of
covariances is ever taken, so singular covariances and identical sets are exact to rounding.
"""

from __future__ import annotations

import math

import numpy as np

from vid_diffusion_bench.metrics.distribution.moments import Features, Moments

_EPSILON = float(np.finfo(np.float64).eps)
_CHOLESKY_ERROR, _ROOT_ERROR = 1e-12, 1e-13
"""Largest bounds of the error, as shares of both traces and of a nuclear norm, at which the faster forms are taken."""


def frechet_distance(first: Features, second: Features, *, ddof: int = 1) -> float:
    """The distance between features (N, D) and (M, D); N, M >= 2; covariances over N - ``ddof`` and M - ``ddof``.

    By the nuclear norm of the cross product where either set is no larger than D; of the triangles of both covariances'
    Cholesky decompositions elsewhere, or of the features' QR decompositions where that is not surely exact to 1e-12.
    """
    first_mean, second_mean = first.mean(axis=0), second.mean(axis=0)
    a, b = first - first_mean, second - second_mean
    n, m = len(a) - ddof, len(b) - ddof
    traces = _squared_norm(a) / n + _squared_norm(b) / m
    cross = _cross_trace(a, b) / math.sqrt(n * m)
    # Below zero is only rounding: the distance is a square.
    return max(0.0, float(_squared_norm(first_mean - second_mean) + traces - 2 * cross))


def frechet_distance_of_moments(first: Moments, second: Moments) -> float:
    """The same distance where only moments are kept, whatever their normaliser.

    From the eigenvectors of both covariances; of each, no more than rank n - 1 is taken for other than rounding. What a
    covariance has lost cannot be had again: directions below 1e-13 of the largest variance count as none.
    """
    gap = _squared_norm(first.mean - second.mean)
    traces = np.trace(first.covariance) + np.trace(second.covariance)
    one, other = _factor(first), _factor(second)
    cross = _nuclear_norm(one @ other.T, min(len(one), len(other)))
    return max(0.0, float(gap + traces - 2 * cross))


def _cross_trace(a: Features, b: Features) -> float:
    """Trace of (S1 S2)^(1/2) for the scatters S1 = A^T A, S2 = B^T B of centred A (N, D) and B (M, D)."""
    if min(len(a), len(b)) > a.shape[1]:
        trace, error = _by_cholesky(a.T @ a, b.T @ b)
        if error <= _CHOLESKY_ERROR:
            return trace
    # Centring takes a dimension: one singular value of the product of N <= D vectors is zero.
    rank = min(len(a) - 1, len(b) - 1, a.shape[1])
    return _nuclear_norm(_reduced(a) @ _reduced(b).T, rank)


def _by_cholesky(first: Features, second: Features) -> tuple[float, float]:
    """The trace by the nuclear norm of R1 R2^T, S1 = R1^T R1 and S2 = R2^T R2, and its error as a share of both traces.

    A change E1 of S1 moves it by tr(T E1) / 2, T the geometric mean of S1^-1 and S2, and |T| is at most the root of the
    largest eigenvalue of S1^-1 S2: of the norm of R2 R1^-1. So rounding of S1 and S2 does no harm where either set
    varies in every direction about as the other does, however little it varies there.
    """
    from scipy.linalg import LinAlgError, cholesky
    from scipy.linalg.blas import dtrmm, dtrsm
    from scipy.linalg.lapack import dtrtri

    try:
        one, other = cholesky(first, check_finite=False), cholesky(second, check_finite=False)
    except LinAlgError:
        return math.nan, math.inf
    ratio = dtrsm(1.0, one, other, side=1)
    stretch, squeeze = _norm(ratio), _norm(dtrtri(ratio)[0])
    error = 0.5 * _EPSILON * math.sqrt(len(first)) * (stretch * _norm(first) + squeeze * _norm(second))
    trace = _nuclear_norm(dtrmm(1.0, one, other.T), len(first))
    return trace, float(error / (np.trace(first) + np.trace(second)))


def _reduced(factor: Features) -> Features:
    """Itself, or the triangle of its QR decomposition where that is smaller: its product with itself is the same."""
    if len(factor) <= factor.shape[1]:
        return factor
    return np.asarray(np.linalg.qr(factor, mode="r"))


def _factor(moments: Moments) -> Features:
    """P (R, D) with P^T P the covariance, R its rank as far as float64 can tell and n - 1 at most."""
    values, vectors = np.linalg.eigh(moments.covariance)
    rank = min(len(values), moments.n - 1)
    values, vectors = values[len(values) - rank :], vectors[:, len(vectors) - rank :]
    real = values > len(vectors) * _EPSILON * values[-1:]
    return np.asarray(np.sqrt(values[real])[:, None] * vectors[:, real].T, np.float64)


def _squared_norm(array: Features) -> float:
    flat = array.ravel(order="K")
    return float(flat @ flat)


def _norm(matrix: Features) -> float:
    return math.sqrt(_squared_norm(matrix))


def _nuclear_norm(matrix: Features, rank: int) -> float:
    """Sum of the singular values of ``matrix`` (N, M), of which no more than ``rank`` are above zero."""
    if not matrix.size:
        return 0.0
    found = _by_eigenvalues(matrix, rank) if _is_flat(matrix, rank) else None
    return float(np.linalg.norm(matrix, "nuc")) if found is None else found


def _is_flat(matrix: Features, rank: int) -> bool:
    """Whether the singular values are of about one size: the sum of squares is many times the largest square.

    The largest one is a few power iterations' guess: this says which way is worth trying, no more.
    """
    vector = matrix[np.argmax(np.square(matrix).sum(axis=1))]
    for _ in range(3):
        vector = matrix.T @ (matrix @ (vector / (_norm(vector) or 1.0)))
    return _squared_norm(matrix) > rank / 16 * _norm(vector)


def _by_eigenvalues(matrix: Features, rank: int) -> float | None:
    """The sum as roots of the eigenvalues of the smaller Gram matrix, in half the time; ``None`` if not surely exact.

    An eigenvalue is wrong by epsilon times the largest, and a root magnifies that of the small ones.
    """
    from scipy.linalg import eigvalsh

    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    values = eigvalsh(wide @ wide.T, overwrite_a=True, check_finite=False)[-rank:]
    if values[0] <= 0:
        return None
    roots = np.sqrt(values)
    error, total = 0.5 * _EPSILON * values[-1] * np.sum(1 / roots), float(roots.sum())
    return total if error <= _ROOT_ERROR * total else None
