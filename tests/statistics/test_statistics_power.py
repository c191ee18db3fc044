"""Witnesses: statsmodels (power, mixed model) and pingouin; known variances; simulation of the plan."""

import warnings

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.power import TTestPower

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import Planned, Variance, paired_test, power_of, samples_needed, variance_components


def differences(between, within, prompts, seeds, seed=0, mean=0.0):
    rng = np.random.default_rng(seed)
    values = mean + between * rng.normal(size=(prompts, 1)) + within * rng.normal(size=(prompts, seeds))
    return values.ravel().tolist(), np.repeat(np.arange(prompts), seeds).tolist()


@pytest.mark.parametrize(("effect", "prompts", "alpha"), [(0.5, 20, 0.05), (0.2, 150, 0.01), (1.2, 6, 0.1)])
def test_power_agrees_with_statsmodels_and_pingouin(effect, prompts, alpha):
    ours = power_of(2 * effect, Variance(4.0, None), prompts, alpha=alpha)
    assert ours == pytest.approx(TTestPower().power(effect, prompts, alpha), abs=1e-10)
    assert ours == pytest.approx(pingouin.power_ttest(effect, prompts, alpha=alpha, contrast="one-sample"), abs=1e-10)
    assert power_of(-2 * effect, Variance(1.0, 9.0), prompts, 3, alpha=alpha) == pytest.approx(ours, abs=1e-12)
    assert power_of(0.0, Variance(4.0, None), prompts, alpha=alpha) == pytest.approx(alpha, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 3), st.floats(0.1, 4), st.floats(0, 4), st.integers(1, 5), st.floats(0.3, 0.95))
def test_the_plan_is_the_smallest_that_suffices(difference, between, within, seeds, power):
    variance = Variance(between, within)
    plan = samples_needed(difference, variance, seeds=seeds, power=power)
    assert plan.seeds == seeds
    assert plan.power == power_of(difference, variance, plan.prompts, seeds) >= power
    assert plan.prompts == 6 or power_of(difference, variance, plan.prompts - 1, seeds) < power
    assert samples_needed(difference, variance, seeds=seeds + 1, power=power).prompts <= plan.prompts


@pytest.mark.parametrize("between", [0.0, 0.2, 1.0])
def test_variances_are_those_of_restricted_maximum_likelihood(between):
    values, prompts = differences(between, 1.0, 30, 4, seed=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels warns when a variance is at its bound of 0
        fit = MixedLM.from_formula("d ~ 1", pd.DataFrame({"d": values, "p": prompts}), groups="p").fit(reml=True)
    found = variance_components(values, prompts)
    assert found.within == pytest.approx(fit.scale, rel=1e-3)
    assert found.between == pytest.approx(float(fit.cov_re.iloc[0, 0]), abs=2e-3)


def test_variances_with_unequal_numbers_of_seeds_are_right_in_the_mean():
    rng = np.random.default_rng(0)
    prompts = np.repeat(np.arange(12), [1, 2, 3, 4, 5, 6] * 2)
    found = []
    for _ in range(600):
        values = 1.5 * rng.normal(size=12)[prompts] + 1.0 * rng.normal(size=len(prompts))
        one = variance_components(values.tolist(), prompts.tolist())
        found.append((one.between, one.within))
    # Four standard errors of the mean of 600 estimates.
    for at, truth in enumerate((2.25, 1.0)):
        column = np.array(found)[:, at]
        assert column.mean() == pytest.approx(truth, abs=4 * column.std() / np.sqrt(600))


def test_one_seed_a_prompt_says_that_the_inner_variance_is_not_known():
    found = variance_components([1.0, 2.0, 4.0], "abc")
    assert found == Variance(pytest.approx(np.var([1, 2, 4], ddof=1)), None)
    assert samples_needed(1.0, found).seeds == 1
    with pytest.raises(ValidationError, match="was not measured") as raised:
        samples_needed(1.0, found, seeds=2)
    assert "two or more seeds" in raised.value.remedy


def test_the_plan_finds_the_difference_as_often_as_it_says():
    plan = samples_needed(0.6, Variance(0.5, 1.0), seeds=2)
    assert plan == Planned(24, 2, pytest.approx(0.8, abs=0.03))
    runs = [differences(0.5**0.5, 1.0, plan.prompts, 2, seed=seed, mean=0.6) for seed in range(600)]
    found = np.mean([paired_test(*run).p_value <= 0.05 for run in runs])
    assert found == pytest.approx(plan.power, abs=0.05)


def test_what_cannot_be_planned_is_refused():
    one = Variance(1.0, 1.0)
    for call, said in (
        (lambda: samples_needed(0.0, one), "cannot be planned"),
        (lambda: samples_needed(1.0, one, power=0.04), "cannot be planned"),
        (lambda: samples_needed(1.0, one, power=1.0), "power is between 0 and 1"),
        (lambda: samples_needed(1.0, one, alpha=0.0), "alpha is between 0 and 1"),
        (lambda: samples_needed(float("nan"), one), "finite difference"),
        (lambda: samples_needed(1e-9, one), "more than"),
        (lambda: power_of(1.0, one, 1), "two prompts"),
        (lambda: power_of(1.0, one, 5, 0), "at least 1"),
        (lambda: power_of(1.0, Variance(0.0, 0.0), 5), "no variance"),
        (lambda: power_of(1.0, Variance(-1.0, 0.0), 5), "not negative"),
        (lambda: power_of(1.0, Variance(1.0, float("nan")), 5), "not negative"),
        (lambda: variance_components([1.0, 2.0], "aa"), "2 independent clusters"),
    ):
        with pytest.raises(ValidationError, match=said):
            call()
