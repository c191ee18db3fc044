"""Witnesses: pingouin, the definitions written out, an unbiased mean over many samples."""

import numpy as np
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import cliffs_delta, cohens_d, hedges_g, rank_biserial

few = st.lists(st.integers(-5, 5), min_size=1, max_size=12)


def test_d_and_the_rank_correlation_agree_with_pingouin():
    values = np.random.default_rng(2).normal(0.4, 1, 25)
    row = pingouin.ttest(values, 0).iloc[0]
    assert abs(cohens_d(values, range(25))) == pytest.approx(row["cohen_d"], abs=1e-10)
    ranks = pingouin.wilcoxon(values, np.zeros(25)).iloc[0]
    assert rank_biserial(values, range(25)) == pytest.approx(ranks["RBC"], abs=1e-10)


def test_seeds_of_a_prompt_are_averaged_first():
    values, prompts = [1.0, 3.0, 4.0, 0.0, 2.0], list("aabcc")
    means = np.array([2.0, 4.0, 1.0])
    assert cohens_d(values, prompts) == pytest.approx(means.mean() / means.std(ddof=1), abs=1e-12)
    assert hedges_g(values, prompts) < cohens_d(values, prompts)


def test_g_is_unbiased_where_d_is_not():
    samples = np.random.default_rng(0).normal(0.5, 1, (20_000, 6))
    d = samples.mean(1) / samples.std(1, ddof=1)
    found = [hedges_g(row.tolist(), range(6)) for row in samples[:4000]]
    ratio = found[0] / cohens_d(samples[0].tolist(), range(6))
    # Four standard errors of the mean of 20 000.
    assert (ratio * d).mean() == pytest.approx(0.5, abs=4 * d.std() / np.sqrt(20_000))
    assert d.mean() > 0.56
    assert ratio == pytest.approx(1 - 3 / (4 * 5 - 1), abs=2e-3)
    assert hedges_g([1.0, 3.0], "ab") == 0


@settings(max_examples=60, deadline=None)
@given(few, few)
def test_cliffs_delta_is_its_definition(a, b):
    signs = [np.sign(x - y) for x in a for y in b]
    assert cliffs_delta(a, b) == pytest.approx(np.mean(signs), abs=1e-12)
    assert cliffs_delta(b, a) == -cliffs_delta(a, b)


def test_the_largest_effects():
    assert cliffs_delta([2, 3], [0, 1]) == 1
    assert rank_biserial([1.0, 2.0, 3.0], "abc") == 1
    assert rank_biserial([-1.0, -2.0], "ab") == -1
    assert rank_biserial([0.0, 0.0], "ab") == cohens_d([0.0, 0.0], "ab") == hedges_g([0.0, 0.0], "ab") == 0


def test_what_has_no_effect_size_is_refused():
    for effect in (cohens_d, hedges_g):
        with pytest.raises(ValidationError, match="no spread"):
            effect([0.5, 0.5], "ab")
    for effect in (cohens_d, hedges_g, rank_biserial):
        with pytest.raises(ValidationError, match="2 independent clusters"):
            effect([0.5, 0.6], "aa")
        with pytest.raises(ValidationError, match="not finite"):
            effect([0.5, float("nan")], "ab")
    with pytest.raises(ValidationError, match="each side"):
        cliffs_delta([], [1.0])
    with pytest.raises(ValidationError, match="finite"):
        cliffs_delta([1.0], [float("inf")])
