"""Moments of parts that come one by one, against NumPy's of all at once."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.metrics.distribution import moments as module
from vid_diffusion_bench.metrics.distribution.moments import moments


def draw(seed, n, d):
    return (np.random.default_rng(seed).normal(size=(n, d)) + 3).astype(np.float32)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("sizes", [[2], [1, 1], [700], [500, 12, 1000, 3], [16] * 100])
def test_they_are_numpys(sizes, ddof):
    rows = draw(0, sum(sizes), 5)
    found = moments(np.split(rows, np.cumsum(sizes)[:-1]), ddof=ddof)
    whole = rows.astype(np.float64)
    assert found.n == len(rows)
    assert found.mean == pytest.approx(whole.mean(axis=0), rel=1e-12)
    assert found.covariance == pytest.approx(np.cov(whole, rowvar=False, ddof=ddof), rel=1e-11)
    assert found.mean.dtype == found.covariance.dtype == np.float64


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=8), st.integers(2, 60))
def test_how_the_rows_are_cut_changes_not_a_bit(cuts, n):
    rows = draw(n, n, 4)
    edges = sorted(min(cut, n) for cut in cuts)
    whole = moments([rows])
    cut = moments(np.split(rows, edges))
    assert np.array_equal(cut.mean, whole.mean)
    assert np.array_equal(cut.covariance, whole.covariance)


def test_a_large_mean_costs_no_digits(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 7)
    rows = np.random.default_rng(0).normal(size=(50, 2)) + 1e8
    with mpmath.workdps(40):
        columns = [[mpmath.mpf(float(value)) for value in column] for column in rows.T]
        centred = [[value - mpmath.fsum(column) / 50 for value in column] for column in columns]
        exact = [[float(mpmath.fsum(a * b for a, b in zip(p, q, strict=True)) / 49) for p in centred] for q in centred]
    assert moments(np.split(rows, [20])).covariance == pytest.approx(np.array(exact), rel=1e-6)
    naive = rows.T @ rows / 49 - np.outer(rows.mean(axis=0), rows.mean(axis=0)) * 50 / 49
    assert naive != pytest.approx(np.array(exact), rel=1e-2)
