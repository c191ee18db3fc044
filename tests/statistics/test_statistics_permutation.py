"""Witnesses: SciPy's permutation test, all labellings written out, blocks that must stay together."""

import itertools

import numpy as np
import pytest
import scipy.stats

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import permutation_test


def gap(first, second):
    return float(np.abs(first.mean(axis=0) - second.mean(axis=0)).sum())


def rows(size, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1, (size, 2))


def test_paired_blocks_agree_with_every_exchange():
    first, second = rows(9), rows(9, 0.4, 1)
    exchanges = [np.array(flips)[:, None] for flips in itertools.product((False, True), repeat=9)]
    all_of_them = [gap(np.where(f, second, first), np.where(f, first, second)) for f in exchanges]
    exact = np.mean(np.array(all_of_them) >= gap(first, second) - 1e-12)
    found = permutation_test(gap, first, second, range(9), range(9), resamples=3999)
    assert found.statistic == gap(first, second)
    assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))


def test_blocks_without_a_partner_agree_with_scipy():
    first, second = rows(8)[:, :1], rows(9, 0.7, 1)[:, :1]
    theirs = scipy.stats.permutation_test(
        (first[:, 0], second[:, 0]), lambda a, b: abs(a.mean() - b.mean()), n_resamples=np.inf, alternative="greater"
    ).pvalue
    found = permutation_test(gap, first, second, range(8), range(10, 19), resamples=3999)
    assert found.p_value == pytest.approx(theirs, abs=4 * np.sqrt(theirs * (1 - theirs) / 4000))


def test_rows_of_a_block_change_sides_together():
    seen = []

    def statistic(first, second):
        seen.append((sorted(first[:, 0].tolist()), len(second)))
        return 0.0

    first = np.array([[0.0], [1.0], [2.0], [3.0]])
    permutation_test(statistic, first, first + 10, list("aabb"), list("bbaa"), resamples=60)
    allowed = [one + other for one in ([0.0, 1.0], [12.0, 13.0]) for other in ([2.0, 3.0], [10.0, 11.0])]
    assert {tuple(rows) for rows, _ in seen} == {tuple(sorted(rows)) for rows in allowed}
    seen.clear()
    permutation_test(statistic, first, first + 10, list("aabb"), list("ccdd"), resamples=200)
    blocks = [[0.0, 1.0], [2.0, 3.0], [10.0, 11.0], [12.0, 13.0]]
    dealt = {tuple(sorted(one + other)) for one, other in itertools.combinations(blocks, 2)}
    assert {tuple(rows) for rows, _ in seen} == dealt
    assert {size for _, size in seen} == {4}


def test_equal_sets_are_never_found_and_p_is_never_zero():
    same = rows(10)
    assert permutation_test(gap, same, same, range(10), range(10), resamples=99).p_value == 1.0
    assert permutation_test(gap, same, same + 9, range(10), range(10, 20), resamples=99, seed=1).p_value == 0.01


def test_it_is_repeatable_and_blind_to_the_order_of_rows():
    first, second = rows(12), rows(12, 0.2, 1)
    order = np.random.default_rng(3).permutation(12)
    straight = permutation_test(gap, first, second, range(12), range(12))
    turned = permutation_test(gap, first[order], second[order], order.tolist(), order.tolist())
    assert turned.p_value == straight.p_value
    assert straight == permutation_test(gap, first, second, range(12), range(12))


@pytest.mark.parametrize(
    ("first", "second", "one", "other", "said"),
    [
        (rows(0), rows(2), [], "ab", "two sets of features"),
        (rows(2), rows(2)[:, :1], "ab", "ab", "two sets of features"),
        (rows(2), rows(2), "a", "ab", "one a row"),
        (rows(2) * np.nan, rows(2), "ab", "ab", "not finite"),
        (rows(2), rows(2), "ab", "bc", "1 blocks are in both sets, 2 in one only"),
        (rows(3), rows(2), "aab", "ab", "more rows in one set"),
        (rows(2), rows(2), "aa", "aa", "two blocks"),
        (rows(2), rows(2), "aa", "bc", "two blocks a set"),
    ],
)
def test_what_cannot_be_exchanged_is_refused(first, second, one, other, said):
    with pytest.raises(ValidationError, match=said):
        permutation_test(gap, first, second, list(one), list(other))


def test_a_statistic_that_is_no_number_and_no_resamples_are_refused():
    with pytest.raises(ValidationError, match="not a finite number"):
        permutation_test(lambda a, b: float("nan"), rows(2), rows(2), "ab", "ab")
    with pytest.raises(ValidationError, match="resamples"):
        permutation_test(gap, rows(2), rows(2), "ab", "ab", resamples=0)
