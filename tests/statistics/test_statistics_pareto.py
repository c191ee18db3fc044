"""Witnesses: the definition written out, inclusion and exclusion, fronts with a closed form."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import (
    best_at_budget,
    cost_at_quality,
    front_probability,
    hypervolume,
    pareto_front,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_the_front_is_what_nobody_dominates(points, maximize):
    def dominates(p, q):
        signed = [(a, b) if up else (-a, -b) for a, b, up in zip(p, q, maximize, strict=True)]
        return all(a >= b for a, b in signed) and any(a > b for a, b in signed)

    expected = [not any(dominates(p, q) for p in points) for q in points]
    assert pareto_front(points, maximize).tolist() == expected


def test_every_permutation_has_the_same_front():
    points = [(1, 4), (2, 3), (3, 3), (0, 0)]
    for order in itertools.permutations(range(4)):
        front = pareto_front([points[i] for i in order], [False, True])
        assert {points[i] for i, on in zip(order, front, strict=True) if on} == {(0, 0), (1, 4)}


def test_no_points_have_no_front():
    assert pareto_front(np.empty((0, 2)), [True, True]).tolist() == []
    with pytest.raises(ValidationError):
        pareto_front([[1.0, float("nan")]], [True, True])


boxes = st.integers(1, 4).flatmap(
    lambda d: st.tuples(
        st.lists(st.tuples(*[st.integers(-1, 5)] * d), min_size=1, max_size=6), st.tuples(*[st.booleans()] * d)
    )
)


@settings(max_examples=80, deadline=None)
@given(boxes)
def test_the_hypervolume_is_that_of_inclusion_and_exclusion_and_of_counted_cells(case):
    points, maximize = case
    signed = [[x if up else -x for x, up in zip(point, maximize, strict=True)] for point in points]
    sides = np.maximum(signed, 0)
    subsets = (s for size in range(1, len(sides) + 1) for s in itertools.combinations(sides, size))
    by_subsets = sum((-1) ** (len(subset) + 1) * np.prod(np.min(subset, axis=0)) for subset in subsets)
    cells = itertools.product(*[range(5)] * len(maximize))
    by_cells = sum(any(all(c < x for c, x in zip(cell, side, strict=True)) for side in sides) for cell in cells)
    found = hypervolume(points, [0] * len(maximize), maximize)
    assert found == pytest.approx(by_subsets, abs=1e-9)
    assert found == pytest.approx(by_cells, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(boxes, st.randoms())
def test_no_order_changes_the_hypervolume_and_no_point_lowers_it(case, random):
    points, maximize = case
    reference = [0.5] * len(maximize)
    whole = hypervolume(points, reference, maximize)
    assert hypervolume(points[1:], reference, maximize) <= whole + 1e-12
    shuffled = points.copy()
    random.shuffle(shuffled)
    assert hypervolume(shuffled, reference, maximize) == pytest.approx(whole, abs=1e-12)
    front = [point for point, on in zip(points, pareto_front(points, maximize), strict=True) if on]
    assert hypervolume(front, reference, maximize) == pytest.approx(whole, abs=1e-12)


def test_known_fronts_have_the_area_of_their_integral():
    x = np.linspace(0, 1, 20_001)
    # ZDT1 and ZDT2 of Zitzler, Deb and Thiele (2000), minimised, reference (1, 1).
    assert hypervolume(np.c_[x, 1 - np.sqrt(x)], [1, 1], [False, False]) == pytest.approx(2 / 3, abs=1e-4)
    assert hypervolume(np.c_[x, 1 - x**2], [1, 1], [False, False]) == pytest.approx(1 / 3, abs=1e-4)
    # The plane x + y + z = 1 of DTLZ1's shape leaves 1/6 of the unit cube; n steps leave (n - 1)(n - 2) / 6 n^2.
    n = 12
    plane = [(a / n, b / n, (n - a - b) / n) for a in range(n + 1) for b in range(n + 1 - a)]
    dominated = sum(
        any(p[0] * n <= a and p[1] * n <= b and p[2] * n <= c for p in plane)
        for a in range(n)
        for b in range(n)
        for c in range(n)
    )
    assert hypervolume(plane, [1, 1, 1], [False] * 3) == pytest.approx(dominated / n**3, abs=1e-12)


def test_four_objectives_agree_with_random_points():
    rng = np.random.default_rng(0)
    points = rng.random((8, 4))
    inside = (rng.random((200_000, 1, 4)) < points).all(axis=2).any(axis=1).mean()
    assert hypervolume(points, [0] * 4, [True] * 4) == pytest.approx(inside, abs=5 * np.sqrt(inside / 200_000))


def test_the_chance_to_be_on_the_front_is_certain_when_the_points_are_and_a_half_when_they_are_twins():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (4, 60, 2))
    centres = np.array([[1.0, 1.0], [0.5, 0.2], [0.2, 0.9], [0.9, 1.1]])[:, None, :]
    # Quality up, latency down: the last is worse than the first in both.
    found = front_probability(centres + noise, range(60), [True, False])
    assert found.tolist() == [1.0, 1.0, 0.0, 0.0]
    twins = rng.normal(0, 1, (2, 400, 1))
    twins -= twins.mean(axis=1, keepdims=True)
    assert front_probability(twins, range(400), [True]).tolist() == pytest.approx([0.5, 0.5], abs=0.05)
    assert front_probability(np.ones((3, 4, 2)), range(4), [True, True]).tolist() == [1, 1, 1]


def test_the_chance_is_the_front_of_each_draw():
    rng = np.random.default_rng(2)
    samples, clusters = rng.normal(size=(3, 10, 2)), np.repeat(range(5), 2).tolist()
    counts = np.random.default_rng(0).multinomial(5, np.full(5, 0.2), size=300)
    draws = [np.average(samples, axis=1, weights=np.repeat(row, 2)) for row in counts]
    expected = np.mean([pareto_front(points, [True, False]) for points in draws], axis=0)
    found = front_probability(samples, clusters, [True, False], resamples=300)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-12)
    order = rng.permutation(10)
    turned = front_probability(samples[:, order], [clusters[at] for at in order], [True, False], resamples=300)
    assert turned.tolist() == pytest.approx(found.tolist(), abs=1e-12)


def test_the_best_at_a_budget_and_the_cheapest_at_a_quality():
    quality, cost = [0.5, 0.9, 0.8, 0.9], [1.0, 6.0, 3.0, 5.0]
    assert [best_at_budget(quality, cost, budget) for budget in (0.5, 1, 4, 5.5, 100)] == [None, 0, 2, 3, 3]
    assert [cost_at_quality(quality, cost, wanted) for wanted in (0.4, 0.6, 0.9, 0.91)] == [0, 2, 3, None]
    assert best_at_budget([3.0, 1.0], [1.0, 1.0], 1, higher_is_better=False) == 1
    assert cost_at_quality([3.0, 1.0], [1.0, 2.0], 2, higher_is_better=False) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: hypervolume([[1.0, 2.0]], [0.0], [True, True]), "a reference is 2"),
        (lambda: hypervolume([[1.0, float("inf")]], [0, 0], [True, True]), "points are finite"),
        (lambda: hypervolume([[1.0]], [0, 0], [True, True]), "points are finite"),
        (lambda: front_probability(np.ones((2, 3)), "abc", [True]), "samples are"),
        (lambda: front_probability(np.empty((0, 3, 1)), "abc", [True]), "samples are"),
        (lambda: front_probability(np.ones((2, 3, 1)), "ab", [True]), "one cluster a sample"),
        (lambda: front_probability(np.ones((2, 3, 1)), "aaa", [True]), "two independent clusters"),
        (lambda: front_probability(np.full((2, 3, 1), np.nan), "abc", [True]), "finite"),
        (lambda: front_probability(np.ones((2, 3, 1)), "abc", [True], resamples=0), "resamples"),
        (lambda: best_at_budget([], [], 1), "no values"),
        (lambda: best_at_budget([1.0], [1.0, 2.0], 1), "one of each"),
        (lambda: best_at_budget([1.0], [float("nan")], 1), "not finite"),
        (lambda: cost_at_quality([1.0], [1.0], float("nan")), "a limit"),
    ],
)
def test_what_has_no_volume_or_front_is_refused(call, said):
    with pytest.raises(ValidationError, match=said):
        call()
