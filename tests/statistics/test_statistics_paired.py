"""Witnesses: SciPy and pingouin for one seed a prompt, all combinations of signs written out, symmetries."""

import itertools
import warnings

import numpy as np
import pingouin
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import paired_t, paired_test, sign_flip, wilcoxon

TESTS = (paired_t, wilcoxon, sign_flip, paired_test)
some = st.lists(st.integers(-9, 9).map(lambda n: n / 4), min_size=2, max_size=8)


def normal(size, shift=0.4):
    return np.random.default_rng(size).normal(shift, 1, size)


@pytest.mark.parametrize("size", [2, 7, 30, 300])
def test_t_agrees_with_scipy_and_pingouin_when_each_prompt_has_one_seed(size):
    values = normal(size)
    ours, theirs = paired_t(values, range(size)), scipy.stats.ttest_1samp(values, 0)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), abs=1e-10)
    row = pingouin.ttest(values, 0).iloc[0]
    assert (ours.statistic, ours.p_value) == pytest.approx((row["T"], row["p_val"]), abs=1e-10)
    assert (ours.n, ours.clusters) == (size, size)


@pytest.mark.parametrize("size", [6, 13, 50, 120])
def test_wilcoxon_agrees_with_scipy_where_scipy_is_exact(size):
    values = normal(size)
    ours, theirs = wilcoxon(values, range(size)), scipy.stats.wilcoxon(values, method="exact")
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), abs=1e-10)
    row = pingouin.wilcoxon(values, np.zeros(size), method="exact").iloc[0]
    assert (ours.statistic, ours.p_value) == pytest.approx((row["W_val"], row["p_val"]), abs=1e-10)


def test_wilcoxon_agrees_with_scipys_normal_law_for_many_prompts_with_ties_and_zeros():
    values = np.random.default_rng(1).integers(-8, 11, 500) / 4
    theirs = scipy.stats.wilcoxon(values, method="asymptotic", correction=False)
    ours = wilcoxon(values, range(500))
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(some)
def test_wilcoxon_is_exact_with_ties_and_zeros(values):
    kept = [value for value in values if value]
    if not kept:
        assert wilcoxon(values, range(len(values))).p_value == 1
        return
    ranks = scipy.stats.rankdata(np.abs(kept))
    sums = [sum(r for r, up in zip(ranks, ups, strict=True) if up) for ups in combinations_of(len(kept))]
    observed = sum(r for r, value in zip(ranks, kept, strict=True) if value > 0)
    lesser = min(observed, ranks.sum() - observed)
    expected = min(1.0, 2 * sum(total <= lesser for total in sums) / len(sums))
    assert wilcoxon(values, range(len(values))).p_value == pytest.approx(expected, abs=1e-10)


def combinations_of(size):
    return list(itertools.product((False, True), repeat=size))


@settings(max_examples=60, deadline=None)
@given(some)
def test_sign_flip_counts_every_combination(values):
    totals = [abs(sum(-v if flip else v for v, flip in zip(values, flips, strict=True))) for flips in combos(values)]
    expected = sum(total >= abs(sum(values)) for total in totals) / len(totals)
    assert sign_flip(values, range(len(values))).p_value == pytest.approx(expected, abs=1e-10)


def combos(values):
    return combinations_of(len(values))


def test_sign_flip_agrees_with_scipy():
    values = normal(11)

    def gap(a, b, axis):
        return (a - b).mean(axis)

    theirs = scipy.stats.permutation_test((values, np.zeros(11)), gap, permutation_type="samples", vectorized=True)
    assert sign_flip(values, range(11)).p_value == pytest.approx(theirs.pvalue, abs=1e-10)


def test_random_flips_are_near_all_flips_repeatable_and_never_zero():
    values, prompts = normal(12), range(12)
    exact = sign_flip(values, prompts).p_value
    drawn = sign_flip(values, prompts, resamples=4000)
    assert drawn == sign_flip(values, prompts, resamples=4000)
    assert drawn != sign_flip(values, prompts, resamples=4000, seed=1)
    # Four standard errors of a share among 4000.
    assert drawn.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))
    assert sign_flip(np.ones(40), range(40), resamples=99).p_value == 0.01


def test_blocks_of_flips_are_the_same_flips(monkeypatch):
    whole = sign_flip(normal(20), range(20), resamples=500)
    monkeypatch.setattr("vid_diffusion_bench.statistics.resampling.KEPT_ENTRIES", 0)
    monkeypatch.setattr("vid_diffusion_bench.statistics.resampling.BLOCK_ENTRIES", 400)
    assert sign_flip(normal(20), range(20), resamples=500) == whole


@pytest.mark.parametrize("test", TESTS)
def test_seeds_of_a_prompt_count_once(test):
    values = normal(9)
    plain, repeated = test(values, range(9)), test(np.repeat(values, 4), np.repeat(np.arange(9), 4).tolist())
    assert repeated.p_value == pytest.approx(plain.p_value, abs=1e-12)
    assert (repeated.n, repeated.clusters) == (36, 9)


@pytest.mark.parametrize("test", TESTS)
def test_neither_order_nor_sign_nor_scale_matters(test):
    rng = np.random.default_rng(4)
    values, prompts = rng.normal(0.3, 1, 24), [f"p{n}" for n in rng.integers(0, 8, 24)]
    first = test(values, prompts)
    order = rng.permutation(24)
    assert test(values[order], [prompts[at] for at in order]) == first
    assert test(-values, prompts).p_value == pytest.approx(first.p_value, abs=1e-12)
    assert test(1e-3 * values, prompts).p_value == pytest.approx(first.p_value, abs=1e-12)


@pytest.mark.parametrize("test", TESTS)
def test_no_difference_at_all_is_p_one_and_said(test):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = test([0.0] * 12, range(12))
        balanced = test([0.25, -0.25] * 8, np.repeat(np.arange(8), 2).tolist())
    assert found.p_value == balanced.p_value == 1.0
    assert "is zero, so p is 1" in found.reason


def test_rounding_ties_nothing_apart():
    values = [0.7 - 0.6, 0.4 - 0.3, 0.3 - 0.2, -(0.9 - 0.8), 0.5]
    assert wilcoxon(values, range(5)).p_value == wilcoxon([0.1, 0.1, 0.1, -0.1, 0.5], range(5)).p_value


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("values", "clusters", "said"),
    [
        ([], [], "no values"),
        ([1.0], ["a"], "2 independent clusters are needed, not 1"),
        ([1.0, 2.0], ["a", "a"], "2 independent clusters are needed, not 1"),
        ([1.0, float("nan")], ["a", "b"], "1 of 2 values are not finite"),
        ([1.0, float("inf")], ["a", "b"], "not finite"),
        ([1.0, 2.0], ["a"], "one cluster a value"),
    ],
)
def test_what_proves_nothing_is_refused(test, values, clusters, said):
    with pytest.raises(ValidationError, match=said):
        test(values, clusters)


def test_t_of_equal_differences_names_the_test_that_can():
    with pytest.raises(ValidationError, match="no spread") as raised:
        paired_t([0.1 + 0.2, 0.3, 0.3], "abc")
    assert "sign_flip" in raised.value.remedy
    with pytest.raises(ValidationError, match="resamples"):
        sign_flip([1.0, 2.0], "ab", resamples=0)
