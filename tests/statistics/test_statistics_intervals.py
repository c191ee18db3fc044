"""Witnesses: SciPy's bootstrap and binomial interval, brute force."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import (
    cluster_bootstrap,
    lower_bound,
    mean,
    non_inferiority,
    percentile,
    wilson_interval,
)

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(finite, min_size=1, max_size=30), st.randoms())
def test_the_mean_is_the_same_in_any_order(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert mean(shuffled) == mean(values)


def expanded(size, confidence=0.95):
    """The confidence of the plain percentile interval that Hesterberg (2015) puts in place of ``confidence``."""
    t = scipy.stats.t(size - 1).isf((1 - confidence) / 2) * np.sqrt(size / (size - 1))
    return 1 - 2 * scipy.stats.norm.sf(t)


def test_the_bootstrap_agrees_with_scipy_when_each_cluster_is_one_value():
    values = np.random.default_rng(3).normal(size=40)
    ours = cluster_bootstrap(values, range(40), resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=20_000,
        method="percentile",
        confidence_level=expanded(40),
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.02)


def test_the_interval_is_students_for_normal_values_of_independent_clusters():
    for size in (10, 40):
        values = np.random.default_rng(size).normal(size=size)
        theirs = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        spread = values.std(ddof=1) / np.sqrt(size)
        ours = cluster_bootstrap(values, range(size), resamples=100_000)
        assert ours == pytest.approx((theirs.low, theirs.high), abs=0.2 * spread)


def test_clips_of_one_prompt_are_not_counted_as_independent():
    rng = np.random.default_rng(0)
    prompt_effect = np.repeat(rng.normal(size=12), 10)
    values = prompt_effect + 0.01 * rng.normal(size=120)
    low, high = cluster_bootstrap(values, np.repeat(np.arange(12), 10).tolist())
    naive_low, naive_high = cluster_bootstrap(values, range(120))
    assert (high - low) > 2.5 * (naive_high - naive_low)
    tail, by_definition = (1 - expanded(12)) / 2, []
    for _ in range(4000):
        drawn = rng.integers(12, size=12)
        by_definition.append(np.concatenate([values[d * 10 : d * 10 + 10] for d in drawn]).mean())
    assert (low, high) == pytest.approx(tuple(np.quantile(by_definition, [tail, 1 - tail])), abs=0.05)


def test_the_bootstrap_is_repeatable_and_blind_to_order():
    rng = np.random.default_rng(0)
    values, clusters = rng.normal(size=30).tolist(), rng.integers(9, size=30).tolist()
    order = rng.permutation(30)
    first = cluster_bootstrap(values, clusters)
    assert first == cluster_bootstrap([values[i] for i in order], [clusters[i] for i in order])
    assert first != cluster_bootstrap(values, clusters, seed=1)


def test_blocks_of_resamples_are_the_same_draws(monkeypatch):
    whole = cluster_bootstrap([1.0, 2.0, 4.0], "abc")
    monkeypatch.setattr("vid_diffusion_bench.statistics.resampling.KEPT_ENTRIES", 0)
    monkeypatch.setattr("vid_diffusion_bench.statistics.resampling.BLOCK_ENTRIES", 30)
    assert cluster_bootstrap([1.0, 2.0, 4.0], "abc") == whole


def test_a_weight_counts_as_so_many_equal_values():
    values, clusters, weights = [1.0, 4.0, 2.0, 7.0], ["a", "b", "c", "c"], [3, 1, 2, 4]
    repeated = [pair for pair, n in zip(zip(values, clusters, strict=True), weights, strict=True) for _ in range(n)]
    assert cluster_bootstrap(values, clusters, weights=weights) == pytest.approx(
        cluster_bootstrap(*zip(*repeated, strict=True)), abs=1e-12
    )
    assert cluster_bootstrap(values, clusters, weights=[2.0] * 4) == cluster_bootstrap(values, clusters)
    for wrong in ([1.0], [1.0, 0.0, 1.0, 1.0]):
        with pytest.raises(ValidationError, match="weights"):
            cluster_bootstrap(values, clusters, weights=wrong)


@pytest.mark.parametrize(
    ("values", "clusters"),
    [([1.0, 2.0], ["a", "a"]), ([], []), ([1.0], ["a", "b"]), ([1.0, np.nan], ["a", "b"]), ([1.0, np.inf], ["a", "b"])],
)
def test_the_bootstrap_refuses_what_has_no_interval(values, clusters):
    with pytest.raises(ValidationError):
        cluster_bootstrap(values, clusters)


@given(st.integers(1, 300), st.data())
def test_wilson_agrees_with_scipy(n, data):
    successes = data.draw(st.integers(0, n))
    theirs = scipy.stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(successes, n)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert low <= successes / n <= high


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 4)])
def test_wilson_refuses_what_is_no_share(successes, n):
    with pytest.raises(ValidationError):
        wilson_interval(successes, n)


def test_a_percentile_needs_enough_values():
    assert percentile([1, 2, 3, 4, 5], 50) == 3
    assert percentile([1, 2, 3, 4, 5], 99) is None
    assert percentile(list(range(100)), 99) == pytest.approx(98.01)
    assert percentile([1, 2], 100) == 2
    assert percentile([], 50) is None


def test_the_bound_is_students_for_normal_values_of_independent_clusters():
    for size in (8, 40):
        values = np.random.default_rng(size).normal(size=size)
        theirs = scipy.stats.ttest_1samp(values, 0.0, alternative="greater").confidence_interval(0.95).low
        spread = values.std(ddof=1) / np.sqrt(size)
        assert lower_bound(values, range(size), resamples=100_000) == pytest.approx(theirs, abs=0.15 * spread)


def test_the_bound_of_equal_values_is_the_value():
    assert lower_bound([0.25] * 10, range(10)) == 0.25


def test_a_loss_as_large_as_the_margin_is_let_through_one_time_in_twenty():
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(12), 3).tolist()
    holds = 0
    for _ in range(800):
        losses = 0.1 + np.repeat(rng.normal(0, 0.2, 12), 3) + rng.normal(0, 0.2, 36)
        holds += non_inferiority(losses, clusters, 0.1, resamples=1000).holds
    # Four standard errors of a share of 0.05 among 800 are 0.031.
    assert holds / 800 == pytest.approx(0.05, abs=0.031)


def test_non_inferiority_is_the_bound_against_the_margin():
    losses, clusters = [0.0, 0.1, 0.05, 0.02, 0.03, 0.04], list("abcdef")
    found = non_inferiority(losses, clusters, 0.2)
    assert found.loss == pytest.approx(0.04)
    assert found.loss < found.bound < 0.1
    assert found.bound == -lower_bound([-loss for loss in losses], clusters)
    assert found.holds
    assert not non_inferiority(losses, clusters, 0.04).holds
    assert non_inferiority([0.0] * 5, list("abcde"), 0.0).holds


def test_non_inferiority_refuses_what_proves_nothing():
    with pytest.raises(ValidationError, match="5 clusters, not 4"):
        lower_bound([0.0] * 8, list("aabbccdd"))
    for margin in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValidationError, match="margin"):
            non_inferiority([0.0] * 5, list("abcde"), margin)
    with pytest.raises(ValidationError, match="one cluster a value"):
        lower_bound([0.0], list("ab"))
