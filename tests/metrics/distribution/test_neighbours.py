"""Precision, recall, density and coverage: definitions as loops, ties, Naeem's expectations on Gaussian sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.metrics.distribution import neighbours
from vid_diffusion_bench.metrics.distribution.neighbours import coverage, density, precision
from vid_diffusion_bench.metrics.distribution.prdc import recall


def draw(seed, n, d, shift=0.0):
    return shift + np.random.default_rng(seed).normal(size=(n, d))


def distance(x, y):
    return np.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def radius(vectors, i, k):
    return sorted(distance(vectors[i], other) for j, other in enumerate(vectors) if j != i)[k - 1]


def by_definition(generated, real, k):
    """Precision, recall, density and coverage, pair by pair."""
    real_radii = [radius(real, i, k) for i in range(len(real))]
    generated_radii = [radius(generated, i, k) for i in range(len(generated))]
    apart = [[distance(g, r) for r in real] for g in generated]
    inside = [[value <= real_radii[j] for j, value in enumerate(row)] for row in apart]
    strictly = [[value < real_radii[j] for j, value in enumerate(row)] for row in apart]
    others = [any(apart[i][j] <= generated_radii[i] for i in range(len(generated))) for j in range(len(real))]
    return (
        np.mean([any(row) for row in inside]),
        np.mean(others),
        np.sum(strictly) / (k * len(generated)),
        np.mean([any(row[j] for row in strictly) for j in range(len(real))]),
    )


def all_four(generated, real, k):
    return tuple(f(generated, real, k) for f in (precision, recall, density, coverage))


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("n", "m", "shift"), [(6, 6, 0.0), (25, 40, 0.5), (40, 25, 2.0)])
def test_they_are_the_definition(k, n, m, shift):
    generated, real = draw(0, n, 3, shift), draw(1, m, 3)
    assert all_four(generated, real, k) == pytest.approx(by_definition(generated, real, k), rel=1e-12)


@pytest.mark.parametrize("entries", [1, 100])
def test_blocks_change_nothing(monkeypatch, entries):
    generated, real = draw(0, 30, 4, 0.3), draw(1, 35, 4)
    whole = all_four(generated, real, 3)
    monkeypatch.setattr(neighbours, "_BLOCK_ENTRIES", entries)
    assert all_four(generated, real, 3) == whole


def test_a_vector_on_the_rim_is_inside_for_precision_and_outside_for_density_and_coverage():
    real = np.array([[0.0], [1.0], [10.0], [11.0]])
    generated = np.array([[-1.0], [12.0], [100.0], [101.0]])
    assert precision(generated, real, 1) == 0.5
    assert density(generated, real, 1) == 0.0
    assert coverage(generated, real, 1) == 0.0


def test_copies_far_from_the_origin_are_at_distance_zero():
    """|x|^2 + |y|^2 - 2 <x, y> would lose all digits here."""
    real = draw(0, 20, 8) * 1e-3 + 1e6
    assert all_four(real.copy(), real, 3)[:2] == (1.0, 1.0)
    frozen = np.repeat(real[:1], 20, axis=0)
    assert precision(frozen, real, 3) == 1.0
    assert recall(frozen, real, 3) == 1 / 20


def test_equal_distributions_have_the_expectations_of_naeem():
    """Density 1 and coverage 1 - (N-1)...(N-k) / ((2N-1)...(2N-k)), whatever the distribution."""
    k, n, draws = 5, 200, 60
    sets = [(draw([0, i], n, 8), draw([1, i], n, 8)) for i in range(draws)]
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    for f, mean in ((density, 1), (coverage, expected)):
        values = [f(generated, real, k) for generated, real in sets]
        assert np.mean(values) == pytest.approx(mean, abs=4 * np.std(values) / np.sqrt(draws))
        assert np.std(values) / np.sqrt(draws) < 0.015


def test_a_frozen_generator_is_precise_and_covers_nothing():
    real = draw(0, 200, 8)
    one = np.repeat(np.zeros((1, 8)), 200, axis=0) + 1e-3 * draw(1, 200, 8)
    precise, recalled, _, covered = all_four(one, real, 5)
    assert precise == 1
    assert recalled == 0
    assert covered < 0.5


@settings(max_examples=30, deadline=None)
@given(st.integers(6, 20), st.integers(1, 6), st.integers(0, 10**6))
def test_the_space_may_be_moved_and_the_sets_exchanged(n, d, seed):
    generated, real = np.round(draw(seed, n, d), 3), np.round(draw(seed + 1, n, d, 0.3), 3)
    order = np.random.default_rng(seed).permutation(n)
    value = all_four(generated, real, 5)
    assert all_four(generated[order], real, 5) == value
    assert all_four(4 * generated, 4 * real, 5) == value
    assert all_four(real, generated, 5)[:2] == value[1::-1]
    assert 0 <= min(value) <= value[3] <= 1
