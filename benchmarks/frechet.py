"""Fréchet distance against ``scipy.linalg.sqrtm``: CPU seconds from features to the distance, and relative errors.

One thread, ours and SciPy's in turn, medians. Features are Gaussian with equal variances ("flat") and with variances
that fall as 1 / k^2, as those of networks do ("steep"); the second is the harder one. The reference is arithmetic of
50 digits up to N = 64, above it the float64 SVD of the N by N product of the centred features, which no form here uses
for N > D.

    OMP_NUM_THREADS=1 python benchmarks/frechet.py [--rounds 7] [--dimensions 400 768 2048] [--clips 64 512 2048]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

import mpmath
import numpy as np
import scipy
import scipy.linalg

from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance, frechet_distance_of_moments
from vid_diffusion_bench.metrics.distribution.moments import Moments

Features = np.ndarray
SLOW_SECONDS = 4.0
"""Where one call of SciPy's takes longer, three rounds are enough."""


def by_sqrtm(first: Features, second: Features) -> float:
    """The usual implementation: covariances, the root of their product, its real part."""
    (m1, s1), (m2, s2) = ((x.mean(axis=0), np.cov(x, rowvar=False)) for x in (first, second))
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(np.square(m1 - m2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(np.real(root)))


def by_moments(first: Features, second: Features) -> float:
    sets = (Moments(x.mean(axis=0), np.cov(x, rowvar=False), len(x)) for x in (first, second))
    return frechet_distance_of_moments(*sets)


def reference(first: Features, second: Features) -> tuple[float, str]:
    """The distance and how it was found."""
    if len(first) <= 64:
        return by_fifty_digits(first, second), "50 digits"
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    n = len(a) - 1
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum() / n
    gap = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    return float(gap + (np.square(a).sum() + np.square(b).sum()) / n - 2 * cross), "float64 SVD"


def by_fifty_digits(first: Features, second: Features) -> float:
    """With exact products: features are scaled to integers, which Python multiplies without rounding."""
    with mpmath.workdps(50):
        n = len(first)
        one, other = (centred(x) for x in (first, second))
        unit = mpmath.mpf(2) ** -BITS
        scale = unit**2 / (mpmath.mpf(n) ** 2 * (n - 1))
        cross = mpmath.matrix((one @ other.T).tolist()) * scale
        values = mpmath.eigsy(cross * cross.T, eigvals_only=True)
        root = mpmath.fsum(mpmath.sqrt(abs(value)) for value in values)
        traces = (int((one * one).sum()) + int((other * other).sum())) * scale
        gap = sum(int(value) ** 2 for value in integers(first).sum(axis=0) - integers(second).sum(axis=0))
        return float(gap * unit**2 / mpmath.mpf(n) ** 2 + traces - 2 * root)


BITS = 80


def integers(x: Features) -> Features:
    """2^80 times ``x`` as Python integers; what is lost is below 2^-80."""
    return np.array([[int(mpmath.mpf(float(value)) * mpmath.mpf(2) ** BITS) for value in row] for row in x], object)


def centred(x: Features) -> Features:
    """N times the centred rows of ``integers``."""
    whole = integers(x)
    return len(whole) * whole - whole.sum(axis=0)


def features(n: int, d: int, steep: bool) -> tuple[Features, Features]:
    rng = np.random.default_rng(n + d)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    deviations = 1 / np.arange(1, d + 1) if steep else np.ones(d)
    first = rng.normal(size=(n, d)) * deviations @ rotation
    second = 0.3 + 1.2 * rng.normal(size=(n, d)) * deviations @ rotation
    return first, second


def cpu_seconds(call: Callable[[], float]) -> tuple[float, float]:
    before = time.process_time()
    value = call()
    return time.process_time() - before, value


def measure(n: int, d: int, steep: bool, rounds: int) -> dict[str, object]:
    """Median CPU seconds and relative errors of one size; the order of the candidates turns every round."""
    first, second = features(n, d, steep)
    truth, found_by = reference(first, second)
    calls = {"sqrtm": by_sqrtm, "ours": frechet_distance, "moments": by_moments}
    times: dict[str, list[float]] = {name: [] for name in calls}
    errors = {}
    for name, call in calls.items():
        slow, value = cpu_seconds(lambda call=call: call(first, second))
        errors[name] = abs(value / truth - 1)
        if name == "sqrtm" and slow > SLOW_SECONDS:
            rounds = min(rounds, 3)
    for number in range(rounds):
        order = list(calls.items())
        for name, call in order[number % 3 :] + order[: number % 3]:
            times[name].append(cpu_seconds(lambda call=call: call(first, second))[0])
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "n": n,
        "d": d,
        "variances": "steep" if steep else "flat",
        "rounds": rounds,
        "seconds": {name: float(f"{value:.3g}") for name, value in medians.items()},
        "times_as_fast": {name: float(f"{medians['sqrtm'] / medians[name]:.3g}") for name in ("ours", "moments")},
        "relative_error": {name: float(f"{value:.1e}") for name, value in errors.items()},
        "reference": found_by,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[400, 768, 2048])
    parser.add_argument("--clips", type=int, nargs="+", default=[64, 512, 2048])
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: more threads on a busy machine measure the machine")
    rows = [
        measure(n, d, steep, options.rounds)
        for d in options.dimensions
        for n in options.clips
        for steep in (False, True)
    ]
    print(json.dumps({"scipy": scipy.__version__, "numpy": np.__version__, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
