"""Witnesses: the definition from pairwise tests, a closed form of the chance to be best, coverage by simulation."""

import numpy as np
import pytest
import scipy.stats

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import paired_t, rank_models


def scores(*means, size=30, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=size)
    return {chr(97 + at): mean + shared + noise * rng.normal(size=size) for at, mean in enumerate(means)}


def test_models_far_apart_have_one_rank_each():
    found = rank_models(scores(0, 9, 5), range(30), higher_is_better=True)
    assert [(row.model, row.rank, row.interval, row.probability_best) for row in found] == [
        ("b", 1, (1, 1), 1.0),
        ("c", 2, (2, 2), 0.0),
        ("a", 3, (3, 3), 0.0),
    ]
    assert [row.model for row in rank_models(scores(0, 9, 5), range(30), higher_is_better=False)] == ["a", "c", "b"]


def test_an_interval_counts_who_is_found_better_and_worse_after_holm():
    values = scores(0.0, 0.1, 1.5, size=40)
    pairs = {"ab": 0, "ac": 0, "bc": 0}
    for one, other in pairs:
        pairs[one + other] = paired_t(values[one] - values[other], range(40)).p_value
    assert pairs["ab"] > 0.05
    assert max(pairs["ac"], pairs["bc"]) < 0.05 / 3
    intervals = {row.model: row.interval for row in rank_models(values, range(40), higher_is_better=True)}
    assert intervals == {"c": (1, 1), "a": (2, 3), "b": (2, 3)}


def test_the_chance_to_be_best_is_that_of_the_normal_law_for_two_models():
    values = scores(0.0, 0.2, size=200)
    gap = values["b"] - values["a"]
    expected = scipy.stats.norm.cdf(gap.mean() / (gap.std() / np.sqrt(200)))
    found = {row.model: row.probability_best for row in rank_models(values, range(200), higher_is_better=True)}
    assert found["b"] == pytest.approx(expected, abs=0.03)
    assert sum(found.values()) == pytest.approx(1)


def test_equal_models_share_a_rank_and_the_chance():
    same = [0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.8, 0.7, 0.6, 0.0]
    found = rank_models({"a": same, "b": same, "c": [value - 3 for value in same]}, range(10), higher_is_better=True)
    assert [(row.model, row.rank, row.probability_best) for row in found] == [("a", 1, 0.5), ("b", 1, 0.5), ("c", 3, 0)]
    assert found[0].interval == (1, 2)


def test_neither_order_nor_seeds_of_a_prompt_matter():
    values, order = scores(0.0, 0.4, 0.5, size=12), np.random.default_rng(1).permutation(12)
    straight = rank_models(values, range(12), higher_is_better=True)
    turned = {model: own[order] for model, own in values.items()}
    assert rank_models(turned, order.tolist(), higher_is_better=True) == straight
    repeated = {model: np.repeat(own, 3) for model, own in values.items()}
    assert rank_models(repeated, np.repeat(range(12), 3).tolist(), higher_is_better=True) == straight


def test_all_intervals_hold_the_true_ranks_together():
    covered = 0
    for seed in range(200):
        found = rank_models(
            scores(0.0, 0.0, 0.0, 0.5, size=10, seed=seed), range(10), higher_is_better=True, resamples=1
        )
        intervals = {row.model: row.interval for row in found}
        # The three equal models share the ranks 2 to 4, so no interval of theirs may end before 4.
        covered += intervals["d"][0] == 1 and all(intervals[model][1] == 4 for model in "abc")
    # Below 0.95 by less than three standard errors of 200.
    assert covered / 200 >= 0.95 - 0.046


def test_what_cannot_be_ranked_is_refused():
    for values, clusters, said in (
        ({}, "ab", "no models"),
        ({"a": [1.0, 2.0], "b": [1.0]}, "ab", "one cluster a value"),
        ({"a": [1.0, 2.0]}, "aa", "2 independent clusters"),
        ({"a": [1.0, float("nan")]}, "ab", "not finite"),
        ({"a": []}, "", "no values"),
    ):
        with pytest.raises(ValidationError, match=said):
            rank_models(values, clusters, higher_is_better=True)
