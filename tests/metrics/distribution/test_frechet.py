"""The Fréchet distance in all its forms: closed forms, 50-digit arithmetic, SciPy, torchmetrics, invariances."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.fid import _compute_fid

from vid_diffusion_bench.metrics.distribution import frechet
from vid_diffusion_bench.metrics.distribution.frechet import Moments, frechet_distance, frechet_distance_of_moments


def moments(x, ddof=1):
    return Moments(x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False, ddof=ddof)), len(x))


def both(first, second, ddof=1):
    of_moments = frechet_distance_of_moments(moments(first, ddof), moments(second, ddof))
    return frechet_distance(first, second, ddof=ddof), of_moments


def exact(first, second, ddof=1):
    """The definition in 50 digits: the nuclear norm as roots of the eigenvalues of (A B^T)(A B^T)^T, N by N."""
    with mpmath.workdps(50):
        scaled, means = [], []
        for x in (first, second):
            rows = mpmath.matrix(x.tolist())
            n, d = rows.rows, rows.cols
            mean = [mpmath.fsum(rows[i, j] for i in range(n)) / n for j in range(d)]
            means.append(mean)
            factor = mpmath.sqrt(n - ddof)
            scaled.append(mpmath.matrix([[(rows[i, j] - mean[j]) / factor for j in range(d)] for i in range(n)]))
        a, b = scaled
        cross = a * b.T
        values = mpmath.eigsy(cross * cross.T, eigvals_only=True)
        root = mpmath.fsum(mpmath.sqrt(abs(value)) for value in values)
        traces = mpmath.fsum(value**2 for x in scaled for value in x)
        return float(mpmath.fsum((p - q) ** 2 for p, q in zip(*means, strict=True)) + traces - 2 * root)


def normal(seed, n, d, mixing=None, shift=0.0):
    return shift + np.random.default_rng(seed).normal(size=(n, d)) @ (np.eye(d) if mixing is None else mixing)


def with_moments(mean, covariance, n, seed=0):
    """Features (n, D) whose mean and covariance over n - 1 are exactly these."""
    d = len(mean)
    white = np.random.default_rng(seed).normal(size=(n, d))
    white = np.linalg.qr(white - white.mean(axis=0))[0] * np.sqrt(n - 1)
    return mean + white @ np.linalg.cholesky(covariance).T


def test_diagonal_covariances_have_a_closed_form():
    rng = np.random.default_rng(0)
    m1, m2 = rng.normal(size=(2, 7))
    s1, s2 = rng.uniform(0.1, 3, (2, 7))
    first, second = with_moments(m1, np.diag(s1**2), 60, 1), with_moments(m2, np.diag(s2**2), 45, 2)
    expected = np.square(m1 - m2).sum() + np.square(s1 - s2).sum()
    assert both(first, second) == pytest.approx((expected, expected), rel=1e-10)


def test_commuting_covariances_have_a_closed_form():
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    v1, v2 = rng.uniform(0.05, 4, (2, 6))
    first, second = (with_moments(np.zeros(6), axes * v @ axes.T, 40, seed) for seed, v in ((1, v1), (2, v2)))
    expected = np.square(np.sqrt(v1) - np.sqrt(v2)).sum()
    assert both(first, second) == pytest.approx((expected, expected), rel=1e-9)


SHAPES = [(2, 2, 5), (2, 9, 5), (3, 3, 8), (6, 6, 6), (7, 7, 6), (14, 14, 4), (4, 12, 6), (12, 4, 6), (2, 2, 1)]


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
def test_it_equals_the_fifty_digit_value(n, m, d, ddof):
    mixing = np.random.default_rng(5).normal(size=(d, d))
    first, second = normal(0, n, d, mixing), normal(1, m, d, 1.3 * mixing, 0.4)
    of_features, of_moments = both(first, second, ddof)
    expected = exact(first, second, ddof)
    assert of_features == pytest.approx(expected, rel=1e-12)
    assert of_moments == pytest.approx(expected, rel=1e-10)


def test_rank_deficient_covariances_equal_the_fifty_digit_value():
    """More clips than features, but the features lie in planes of three and two dimensions."""
    first, second = normal(0, 20, 3, normal(9, 3, 6)), normal(1, 20, 2, normal(8, 2, 6), 0.3)
    assert both(first, second) == pytest.approx((exact(first, second),) * 2, rel=1e-10)
    twice = np.repeat(normal(2, 4, 6), 5, axis=0)
    assert both(twice, second) == pytest.approx((exact(twice, second),) * 2, rel=1e-10)


@pytest.mark.parametrize("decades", [2, 5, 8])
def test_ill_conditioned_covariances_keep_their_digits(decades):
    """Turned out of the axes, where rounding does not spare the small variances."""
    mixing = np.diag(np.logspace(0, -decades, 8)) @ np.linalg.qr(normal(3, 8, 8))[0]
    first, second = normal(0, 30, 8, mixing), normal(1, 30, 8, 1.5 * mixing)
    assert frechet_distance(first, second) == pytest.approx(exact(first, second), rel=1e-12)
    assert both(first, second)[1] == pytest.approx(exact(first, second), rel=1e-8)


def test_a_direction_that_only_one_set_has_costs_no_digits():
    """The largest variances lie where the other set has none, so the cross term is far below both traces."""
    first, second = normal(0, 30, 6) * [1e6, 1, 1, 1, 1, 1], normal(1, 30, 6) * [1e-6, 1, 1, 1, 1, 1e6]
    assert frechet_distance(first, second) == pytest.approx(exact(first, second), rel=1e-12)


def turned(seed, n, d, decades):
    """Features whose deviations fall over so many decades, out of the axes."""
    mixing = np.diag(np.logspace(0, -decades, d)) @ np.linalg.qr(normal(3, d, d))[0]
    return normal(seed, n, d, mixing)


def test_each_form_is_taken_where_it_is_exact_and_only_there(monkeypatch):
    taken = []
    for name in ("_by_eigenvalues", "_reduced"):
        form = getattr(frechet, name)
        monkeypatch.setattr(frechet, name, lambda *of, form=form, name=name: taken.append(name) or form(*of))

    def forms(first, second):
        taken.clear()
        frechet_distance(first, second)
        return list(dict.fromkeys(taken))

    assert forms(normal(0, 200, 10), normal(1, 200, 10)) == ["_by_eigenvalues"]
    assert forms(turned(0, 200, 50, 4), turned(1, 200, 50, 4)) == []
    assert forms(turned(0, 200, 50, 4), turned(1, 200, 50, 4)[:, ::-1]) == ["_reduced"]
    assert forms(normal(0, 200, 10) * [0, *[1] * 9], normal(1, 200, 10)) == ["_reduced", "_by_eigenvalues"]
    assert forms(turned(0, 200, 50, 10), turned(1, 200, 50, 10)) == ["_reduced"]
    assert forms(normal(0, 10, 30), normal(1, 200, 30)) == ["_reduced", "_by_eigenvalues"]


@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 24), (40, 30, 24), (20, 60, 24), (20, 12, 24)])
@pytest.mark.parametrize("decades", [0, 1, 3, 5, 7])
def test_all_forms_agree_however_the_sets_vary(monkeypatch, n, m, d, decades):
    """Against the float64 SVD of the N by M product of the features, for sets that vary alike and for others."""
    second = 1.3 * turned(1, m, d, decades) + 0.1
    for first in (turned(0, n, d, decades), turned(0, n, d, decades)[:, ::-1], normal(0, n, d)):
        a, b = first - first.mean(axis=0), second - second.mean(axis=0)
        values = np.linalg.svd(a @ b.T, compute_uv=False)[: min(n, m) - 1]
        gap = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
        traces = np.square(a).sum() / (n - 1) + np.square(b).sum() / (m - 1)
        expected = gap + traces - 2 * values.sum() / np.sqrt((n - 1) * (m - 1))
        assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-12, abs=1e-13 * traces)


def test_a_root_that_would_lose_digits_is_refused():
    spread = np.diag([*[1.0] * 30, 1e-9])
    assert frechet._is_flat(spread, 31)
    assert frechet._by_eigenvalues(spread, 31) is None
    assert frechet._nuclear_norm(spread, 31) == pytest.approx(30 + 1e-9, rel=1e-15)
    assert frechet._by_eigenvalues(np.eye(31), 31) == pytest.approx(31, rel=1e-15)
    a, b = (x - x.mean(axis=0) for x in (normal(0, 10, 30), normal(1, 10, 30)))
    assert frechet._by_eigenvalues(a @ b.T, 9) == pytest.approx(np.linalg.norm(a @ b.T, "nuc"), rel=1e-14)
    assert frechet._by_eigenvalues(a @ b.T, 10) is None


@pytest.mark.parametrize(("n", "d"), [(300, 32), (64, 16)])
def test_it_agrees_with_scipy_and_torchmetrics(n, d):
    first, second = normal(0, n, d), normal(1, n, d, normal(7, d, d), 0.2)
    a, b = moments(first), moments(second)
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    scipys = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    theirs = float(_compute_fid(*map(torch.from_numpy, (a.mean, a.covariance, b.mean, b.covariance))))
    assert both(first, second) == pytest.approx((scipys, scipys), rel=1e-8)
    assert both(first, second) == pytest.approx((theirs, theirs), rel=1e-8)


sets = st.tuples(st.integers(2, 16), st.integers(2, 16), st.integers(1, 12), st.integers(0, 10**6))


def pair(n, m, d, seed):
    mixing = normal(seed + 2, d, d)
    return normal(seed, n, d, mixing), normal(seed + 1, m, d, shift=0.5)


@settings(max_examples=60, deadline=None)
@given(sets)
def test_identical_sets_are_at_zero_in_any_order(shape):
    first, _ = pair(*shape)
    backwards = first[::-1].copy()
    scale = np.square(first - first.mean(axis=0)).sum() / (len(first) - 1)
    assert max(*both(first, first), *both(first, backwards)) <= 1e-11 * scale


@settings(max_examples=60, deadline=None)
@given(sets)
def test_it_is_symmetric_and_blind_to_order(shape):
    first, second = pair(*shape)
    value = pytest.approx(both(first, second), rel=1e-9)
    assert both(second, first) == value
    order = np.random.default_rng(shape[-1]).permutation(len(first))
    assert both(first[order], second) == value


@settings(max_examples=60, deadline=None)
@given(sets)
def test_a_common_motion_of_the_space_leaves_it_and_a_scale_squares(shape):
    first, second = pair(*shape)
    d = first.shape[1]
    rotation, shift = np.linalg.qr(normal(shape[-1] + 5, d, d))[0], normal(shape[-1] + 6, 1, d)
    value = np.array(both(first, second))
    assert both(first @ rotation + shift, second @ rotation + shift) == pytest.approx(value, rel=1e-8)
    assert both(3 * first, 3 * second) == pytest.approx(9 * value, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(sets)
def test_moving_one_set_adds_the_square_of_the_way(shape):
    first, _ = pair(*shape)
    way = normal(shape[-1] + 7, 1, first.shape[1])[0]
    assert both(first, first + way) == pytest.approx((np.square(way).sum(),) * 2, rel=1e-8, abs=1e-9)


def test_the_normaliser_is_the_stated_one():
    first, second = normal(0, 8, 3), normal(1, 8, 3, shift=1.0)
    gap = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    unbiased, biased = (frechet_distance(first, second, ddof=ddof) for ddof in (1, 0))
    assert biased - gap == pytest.approx((unbiased - gap) * 7 / 8, rel=1e-12)
