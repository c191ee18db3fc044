"""Witnesses: statsmodels and pingouin; the interval and the p-value decide alike."""

import numpy as np
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import equivalence


@pytest.mark.parametrize(("size", "margin"), [(6, 0.5), (20, 0.9), (100, 0.3)])
def test_it_agrees_with_statsmodels_and_pingouin(size, margin):
    values = np.random.default_rng(size).normal(0.1, 1, size)
    found = equivalence(values, range(size), margin)
    p, _, _ = DescrStatsW(values).ttost_mean(-margin, margin)
    assert found.p_value == pytest.approx(p, abs=1e-10)
    assert found.p_value == pytest.approx(pingouin.tost(values, 0, margin).iloc[0]["pval"], abs=1e-10)
    assert found.interval == pytest.approx(DescrStatsW(values).tconfint_mean(0.1), abs=1e-10)
    assert found.difference == pytest.approx(values.mean(), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=5, max_size=20), st.floats(0.01, 3), st.floats(0.01, 0.4))
def test_it_holds_when_the_interval_lies_within_the_margins(values, margin, alpha):
    found = equivalence(values, range(len(values)), margin, alpha=alpha)
    low, high = found.interval
    if min(abs(low + margin), abs(high - margin)) > 1e-9:
        assert found.holds == (-margin < low and high < margin) == (found.p_value <= alpha)


def test_seeds_of_a_prompt_count_once():
    values = np.random.default_rng(0).normal(0, 1, 8)
    repeated = equivalence(np.repeat(values, 3), np.repeat(np.arange(8), 3).tolist(), 1.0)
    assert repeated.p_value == pytest.approx(equivalence(values, range(8), 1.0).p_value, abs=1e-12)


def test_equal_clips_are_equivalent_and_a_constant_gap_is_judged_by_its_size():
    assert equivalence([0.0] * 6, range(6), 0.1).holds
    assert equivalence([0.05] * 6, range(6), 0.1).holds
    beyond = equivalence([0.3] * 6, range(6), 0.1)
    assert (beyond.holds, beyond.p_value) == (False, 1.0)


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan"), float("inf")])
def test_a_margin_that_contradicts_itself_is_refused(margin):
    with pytest.raises(ValidationError, match="positive number"):
        equivalence([0.0, 0.1, 0.2, 0.3, 0.1], range(5), margin)


def test_what_proves_nothing_is_refused():
    with pytest.raises(ValidationError, match="5 independent clusters are needed, not 4"):
        equivalence([0.0, 0.1, 0.2, 0.3], range(4), 0.1)
    with pytest.raises(ValidationError, match="alpha"):
        equivalence([0.0, 0.1, 0.2, 0.3, 0.1], range(5), 0.1, alpha=0.6)
