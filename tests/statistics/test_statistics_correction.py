"""Witnesses: statsmodels and pingouin; the definitions' bounds as properties."""

import numpy as np
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import benjamini_hochberg, holm

families = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@pytest.mark.parametrize(
    "p_values",
    [[0.2], [0.03, 0.01, 0.02], [0.5, 0.5, 0.0, 1.0], np.random.default_rng(0).random(30).round(2).tolist()],
)
def test_both_agree_with_statsmodels_and_pingouin(p_values):
    for ours, theirs, name in ((holm, "holm", "holm"), (benjamini_hochberg, "fdr_bh", "fdr_bh")):
        found = ours(p_values)
        assert found == pytest.approx(multipletests(p_values, method=theirs)[1].tolist(), abs=1e-10)
        assert found == pytest.approx(pingouin.multicomp(p_values, method=name)[1].tolist(), abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(families)
def test_raw_is_at_most_benjamini_hochberg_is_at_most_holm_is_at_most_bonferroni(p_values):
    rows = zip(p_values, benjamini_hochberg(p_values), holm(p_values), strict=True)
    for raw, by_share, by_family in rows:
        assert raw <= by_share + 1e-15
        assert by_share <= by_family + 1e-15
        assert by_family <= min(1.0, len(p_values) * raw) + 1e-15


@settings(max_examples=60, deadline=None)
@given(families, st.randoms())
def test_order_does_not_matter_and_is_kept(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    for adjust in (holm, benjamini_hochberg):
        straight = adjust(p_values)
        assert adjust([p_values[at] for at in order]) == [straight[at] for at in order]
        assert all(straight[i] <= straight[j] for i in order for j in order if p_values[i] <= p_values[j])


def test_one_false_finding_in_a_family_is_as_rare_as_the_level():
    p_values = np.random.default_rng(0).random((2000, 8))
    found = sum(min(holm(row.tolist())) <= 0.05 for row in p_values)
    # Three standard errors of a share of 0.05 among 2000 are 0.015.
    assert found / 2000 == pytest.approx(0.05, abs=0.015)


def test_no_test_needs_no_correction():
    assert holm([]) == benjamini_hochberg([]) == []


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
@pytest.mark.parametrize("wrong", [[0.1, 1.1], [-0.1], [float("nan")], [[0.1]]])
def test_what_is_no_probability_is_refused(adjust, wrong):
    with pytest.raises(ValidationError, match="between 0 and 1"):
        adjust(wrong)
