"""The Fréchet distance between two Gaussians fitted to features, from the features themselves."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]


def frechet_distance(first: Features, second: Features, *, ddof: int = 1) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of features (N, D) and (M, D), N, M >= 2; covariances over N - ddof.

    With centred A and B, tr (S1 S2)^(1/2) is the nuclear norm of A B^T / sqrt((N-ddof)(M-ddof)). No covariance and no
    matrix root is ever formed, so singular covariances (N <= D) and identical sets are exact to rounding. A set with
    N > D is first replaced by the triangle of its QR decomposition, which has the same covariance.
    """
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    gap = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    n, m = len(a) - ddof, len(b) - ddof
    cross = np.linalg.norm(_reduced(a) @ _reduced(b).T, "nuc")
    traces = np.square(a).sum() / n + np.square(b).sum() / m
    # Below zero is only rounding: the distance is a square.
    return max(0.0, float(gap + traces - 2 * cross / math.sqrt(n * m)))


def _reduced(centred: Features) -> Features:
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))
