"""The promises, on simulated data with a known truth; `benchmarks/calibration.py` has more shapes, sizes and runs.

Each share is held against what its number of runs can tell: four standard errors, and only from above where a test is
known to err less often than its level (few prompts, ties).
"""

import numpy as np
import pytest

from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance
from vid_diffusion_bench.statistics import (
    cluster_bootstrap,
    equivalence,
    paired_t,
    paired_test,
    permutation_test,
    sign_flip,
    wilcoxon,
)

RUNS = 400
SLACK = 4 * np.sqrt(0.05 * 0.95 / RUNS)


def normal(rng, prompts, seeds):
    return rng.normal(size=(prompts, 1)) + rng.normal(size=(prompts, seeds))


def skewed(rng, prompts, seeds):
    return np.exp(rng.normal(size=(prompts, 1))) + np.exp(rng.normal(size=(prompts, seeds)))


def heavy(rng, prompts, seeds):
    return rng.standard_t(3, size=(prompts, 1)) + rng.standard_t(3, size=(prompts, seeds))


def bounded(rng, prompts, seeds):
    return rng.binomial(4, np.broadcast_to(rng.beta(4, 1.5, size=(prompts, 1)), (prompts, seeds))) / 4


SHAPES = (normal, skewed, heavy, bounded)
SIZES = ((8, 1), (20, 3))


def pairs(draw, size):
    """Differences of two models with one distribution, and their prompts, ``RUNS`` times."""
    rng = np.random.default_rng([*size, *draw.__name__.encode()])
    prompts = np.repeat(np.arange(size[0]), size[1]).tolist()
    return [((draw(rng, *size) - draw(rng, *size)).ravel().tolist(), prompts) for _ in range(RUNS)]


def flip(differences, prompts):
    return sign_flip(differences, prompts, resamples=999)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", SHAPES)
@pytest.mark.parametrize("test", [paired_t, wilcoxon, flip, paired_test])
def test_no_test_finds_what_is_not_there_more_often_than_its_level(test, draw, size):
    found = np.mean([test(*pair).p_value <= 0.05 for pair in pairs(draw, size)])
    assert found <= 0.05 + SLACK
    if draw is normal:
        assert found >= 0.05 - SLACK


def test_counting_seeds_as_prompts_would_find_what_is_not_there():
    found = np.mean([paired_test(values, range(len(values))).p_value <= 0.05 for values, _ in pairs(normal, (20, 3))])
    assert found > 0.05 + SLACK


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", SHAPES)
def test_a_difference_as_large_as_the_margin_is_equivalent_one_time_in_twenty(draw, size):
    margin = 50.0  # so far out that one bound decides
    holds = [equivalence([margin + d for d in values], prompts, margin).holds for values, prompts in pairs(draw, size)]
    assert np.mean(holds) <= 0.05 + SLACK
    if draw is normal:
        assert np.mean(holds) >= 0.05 - SLACK


@pytest.mark.parametrize("size", [(10, 1), (20, 3)])
@pytest.mark.parametrize("draw", SHAPES)
def test_the_interval_of_a_difference_holds_the_truth(draw, size):
    ends = [cluster_bootstrap(*pair) for pair in pairs(draw, size)]
    held = np.mean([low <= 0 <= high for low, high in ends])
    assert held == pytest.approx(0.95, abs=SLACK)


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_permutation_test_of_a_frechet_distance_holds_its_level_at_32_clips(seeds):
    rng, scale = np.random.default_rng(seeds), 1 / np.arange(1, 9)
    blocks, found, larger = list(range(32)), [], []
    for _ in range(200):
        shown = np.repeat(rng.normal(size=(32 // seeds, 8)), seeds, axis=0)
        one, other = (scale * (shown + rng.normal(size=(32, 8))) for _ in range(2))
        for shift, hits in ((0.0, found), (0.9 * scale, larger)):
            p = permutation_test(frechet_distance, one, other + shift, blocks, blocks, resamples=39).p_value
            hits.append(p <= 0.05)
    # Four standard errors of a share of 0.05 among 200 are 0.062.
    assert np.mean(found) <= 0.05 + 0.062
    assert np.mean(larger) > 0.5
