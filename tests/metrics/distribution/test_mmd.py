"""MMD^2 and its variance against the definitions written out as loops, torchmetrics, and a simulation."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from vid_diffusion_bench.metrics.distribution import mmd as module
from vid_diffusion_bench.metrics.distribution.mmd import JEDI, KID, mmd


def cubic(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def quadratic(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x)) ** 2


def by_definition(first, second, k):
    """The U- and the V-statistic, pair by pair."""
    n, m = len(first), len(second)
    cross = np.mean([k(x, y) for x in first for y in second])
    unbiased = sum(k(*pair) for pair in itertools.permutations(first, 2)) / (n * (n - 1))
    unbiased += sum(k(*pair) for pair in itertools.permutations(second, 2)) / (m * (m - 1))
    biased = np.mean([k(x, y) for x in first for y in first]) + np.mean([k(x, y) for x in second for y in second])
    return unbiased - 2 * cross, biased - 2 * cross


def draw(seed, n, d, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize(("kernel", "k"), [(KID, cubic), (JEDI, quadratic)])
@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 3), (9, 9, 5), (7, 12, 4), (20, 3, 1)])
def test_both_forms_are_the_definition(kernel, k, n, m, d):
    first, second = draw(0, n, d), draw(1, m, d, 0.3, 1.4)
    found = mmd(first, second, kernel)
    unbiased, biased = by_definition(first, second, k)
    assert found.unbiased == pytest.approx(unbiased, rel=1e-10, abs=1e-12)
    assert found.biased == pytest.approx(biased, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.05, 3.0])
def test_the_cubic_kernel_agrees_with_torchmetrics(shift):
    first, second = draw(0, 60, 16), draw(1, 60, 16, shift)
    x, y = torch.from_numpy(first), torch.from_numpy(second)
    theirs = float(maximum_mean_discrepancy(poly_kernel(x, x), poly_kernel(x, y), poly_kernel(y, y)))
    assert mmd(first, second, KID).unbiased == pytest.approx(theirs, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("entries", [1, 40, 10**9])
def test_blocks_change_nothing(monkeypatch, entries):
    first, second = draw(0, 17, 6), draw(1, 23, 6, 0.2)
    whole = mmd(first, second, KID)
    monkeypatch.setattr(module, "_BLOCK_ENTRIES", entries)
    cut = mmd(first, second, KID)
    assert (cut.unbiased, cut.biased, cut.variance) == pytest.approx(
        (whole.unbiased, whole.biased, whole.variance), rel=1e-11
    )


def product_mean(matrix_a, matrix_b, indices):
    """Mean of a product of two kernel values over all choices of different vectors."""
    values = [matrix_a[i] * matrix_b[j] for i, j in indices]
    return sum(values) / len(values)


def variance_by_definition(first, second, k):
    """Every expectation in the variance of A + B - 2 C by its own loop over different vectors."""
    xx, yy = (np.array([[k(a, b) for b in s] for a in s]) for s in (first, second))
    xy = np.array([[k(a, b) for b in second] for a in first])
    choose = itertools.permutations

    def within(gram):
        n = len(gram)
        square = product_mean(gram, gram, [((a, b), (c, d)) for a, b, c, d in choose(range(n), 4)])
        one = product_mean(gram, gram, [((a, b), (a, c)) for a, b, c in choose(range(n), 3)]) - square
        two = product_mean(gram, gram, [((a, b), (a, b)) for a, b in choose(range(n), 2)]) - square
        return (4 * (n - 2) * one + 2 * two) / (n * (n - 1))

    def between(gram):
        n, m = gram.shape
        rows, columns = list(choose(range(n), 2)), list(choose(range(m), 2))
        square = product_mean(gram, gram, [((a, c), (b, d)) for a, b in rows for c, d in columns])
        by_row = product_mean(gram, gram, [((a, c), (a, d)) for a in range(n) for c, d in columns]) - square
        by_column = product_mean(gram, gram, [((a, c), (b, c)) for a, b in rows for c in range(m)]) - square
        same = np.mean(gram**2) - square
        return ((m - 1) * by_row + (n - 1) * by_column + same) / (n * m)

    def covariance(gram, cross):
        n, m = cross.shape
        together = product_mean(gram, cross, [((a, b), (a, c)) for a, b in choose(range(n), 2) for c in range(m)])
        apart = product_mean(gram, cross, [((a, b), (c, d)) for a, b, c in choose(range(n), 3) for d in range(m)])
        return 2 / n * (together - apart)

    return within(xx) + within(yy) + 4 * between(xy) - 4 * covariance(xx, xy) - 4 * covariance(yy, xy.T)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (5, 7), (8, 4)])
@pytest.mark.parametrize(("kernel", "k"), [(KID, cubic), (JEDI, quadratic)])
def test_the_variance_is_its_definition(kernel, k, n, m):
    first, second = draw(2, n, 3), draw(3, m, 3, 0.8, 1.5)
    expected = variance_by_definition(first, second, k)
    assert mmd(first, second, kernel).variance == pytest.approx(expected, rel=1e-9)


def moment(order, mean, std):
    """E X^order of a normal X."""
    return {0: 1, 1: mean, 2: mean**2 + std**2, 3: mean**3 + 3 * mean * std**2}[order]


def true_mmd(one, other):
    """MMD^2 of two normal distributions on the line with (xy + 1)^3: their moments decide it."""
    return sum(weight * (moment(order, *one) - moment(order, *other)) ** 2 for order, weight in enumerate((1, 3, 3, 1)))


@pytest.fixture(scope="module")
def simulated():
    """600 pairs of sets of 200 and 300 numbers, of N(0, 1) and N(0.7, 1.2)."""
    return [mmd(draw([0, i], 200, 1), draw([1, i], 300, 1, 0.7, 1.2), KID) for i in range(600)]


def test_the_interval_covers_the_truth_and_the_estimates_have_no_bias(simulated):
    truth = true_mmd((0, 1), (0.7, 1.2))
    values = np.array([found.unbiased for found in simulated])
    error = values.std() / np.sqrt(len(values))
    assert values.mean() == pytest.approx(truth, abs=4 * error)
    assert np.mean([found.biased - found.unbiased for found in simulated]) > 0.3
    variances = np.array([found.variance for found in simulated])
    assert variances.mean() == pytest.approx(values.var(ddof=1), rel=0.15)
    intervals = [found.interval() for found in simulated]
    covered = np.mean([interval is not None and interval[0] <= truth <= interval[1] for interval in intervals])
    assert 0.89 <= covered <= 0.98


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 15), st.integers(2, 15), st.integers(1, 8), st.integers(0, 10**6))
def test_order_sides_and_a_rotation_change_nothing_and_the_biased_form_is_a_square(n, m, d, seed):
    first, second = draw(seed, n, d), draw(seed + 1, m, d, 0.5)
    found = mmd(first, second, KID)
    rotation = np.linalg.qr(draw(seed + 2, d, d))[0]
    expected = pytest.approx((found.unbiased, found.biased), rel=1e-9, abs=1e-11)
    for a, b in ((second, first), (first[::-1], second), (first @ rotation, second @ rotation)):
        again = mmd(a, b, KID)
        assert (again.unbiased, again.biased) == expected
    assert found.biased > -1e-12
    assert mmd(first, first, KID).biased == pytest.approx(0, abs=1e-11)
