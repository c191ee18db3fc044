"""Witnesses: the definition written out, inclusion and exclusion, fronts with a closed form."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import pareto_front


@settings(max_examples=60)
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
