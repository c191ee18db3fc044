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
_CHOLESKY_ERROR = 1e-13
"""Largest error, as a share of both scatters, at which the fast form is taken."""


def frechet_distance(first: Features, second: Features, *, ddof: int = 1) -> float:
    """The distance between features (N, D) and (M, D); N, M >= 2; covariances over N - ``ddof`` and M - ``ddof``.

    Relative error about 1e-15 where either set is no larger than D (nuclear norm of the cross product) or the
    covariances are ill-conditioned (the same of the triangles of their QR decompositions), about 1e-13 elsewhere
    (Cholesky and the eigenvalues of a symmetric matrix).
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
    cross = _nuclear_norm(_factor(first) @ _factor(second).T)
    return max(0.0, float(gap + traces - 2 * cross))


def _cross_trace(a: Features, b: Features) -> float:
    """Trace of (S1 S2)^(1/2) for the scatters S1 = A^T A, S2 = B^T B of centred A (N, D) and B (M, D)."""
    if min(len(a), len(b)) > a.shape[1]:
        trace, error = _by_cholesky(a.T @ a, b.T @ b)
        if error <= _CHOLESKY_ERROR:
            return trace
    return _nuclear_norm(_reduced(a) @ _reduced(b).T)


def _by_cholesky(first: Features, second: Features) -> tuple[float, float]:
    """The trace by the eigenvalues of L^T S2 L, S1 = L L^T, and its error as a share of both traces.

    Eigenvalues carry an error of epsilon times the largest, and a root magnifies that of the small ones.
    """
    from scipy.linalg import LinAlgError, cholesky, eigvalsh
    from scipy.linalg.blas import dtrmm

    try:
        lower = cholesky(first, lower=True, check_finite=False)
    except LinAlgError:
        return math.nan, math.inf
    half = dtrmm(1.0, lower, second.T, lower=1, trans_a=1)
    product = dtrmm(1.0, lower, half, side=1, lower=1, overwrite_b=True)
    values = eigvalsh(product, overwrite_a=True, check_finite=False)
    if values[0] <= 0:
        return math.nan, math.inf
    roots = np.sqrt(values)
    error = 0.5 * _EPSILON * values[-1] * np.sum(1 / roots)
    return float(roots.sum()), float(error / (np.trace(first) + np.trace(second)))


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
    return float(np.vdot(array, array))


def _nuclear_norm(matrix: Features) -> float:
    return float(np.linalg.norm(matrix, "nuc")) if matrix.size else 0.0
