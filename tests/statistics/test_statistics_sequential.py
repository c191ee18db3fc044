"""Witnesses: published boundaries, the multivariate normal law, simulation of the whole procedure."""

import numpy as np
import pytest
import scipy.stats

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import SequentialPlan, paired_t


def test_boundaries_are_those_the_literature_prints():
    # Of ldbounds and gsDesign (sfLDOF), two-sided 0.05, five equal looks; one look is the fixed test.
    assert SequentialPlan(5).boundaries == pytest.approx((4.8769, 3.3570, 2.6803, 2.2898, 2.0310), abs=1e-4)
    assert SequentialPlan(1).boundaries == pytest.approx((1.959964,), abs=1e-6)


@pytest.mark.parametrize(("looks", "alpha"), [(2, 0.05), (3, 0.1), (4, 0.01)])
def test_the_whole_error_is_the_level_by_the_multivariate_normal_law(looks, alpha):
    plan = SequentialPlan(looks, alpha)
    times = np.arange(1, looks + 1) / looks
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    law = scipy.stats.multivariate_normal(np.zeros(looks), correlation, maxpts=400_000, abseps=1e-7, seed=0)
    edges = np.array(plan.boundaries)
    inside = law.cdf(edges, lower_limit=-edges)
    assert 1 - inside == pytest.approx(alpha, abs=2e-5)


def test_boundaries_fall_and_end_near_the_fixed_test():
    for looks in (2, 8, 20):
        bounds = SequentialPlan(looks).boundaries
        assert list(bounds) == sorted(bounds, reverse=True)
        assert 1.95996 < bounds[-1] < 2.13


def test_a_look_is_the_t_test_on_the_scale_of_z():
    values = np.random.default_rng(0).normal(0.8, 1, 12)
    plan = SequentialPlan(3)
    look = plan.look(2, values, range(12))
    p = paired_t(values, range(12)).p_value
    assert look.statistic == pytest.approx(scipy.stats.norm.isf(p / 2), abs=1e-9)
    assert (look.number, look.n, look.boundary) == (2, 12, plan.boundaries[1])
    assert look.stop == (look.statistic >= look.boundary)
    assert plan.look(2, -values, range(12)).statistic == -look.statistic
    assert plan.look(1, values + 9, range(12)).stop
    assert not plan.look(3, [0.0] * 12, range(12)).stop


def simulated(shift, seed, plan, due):
    values = np.random.default_rng(seed).normal(shift, 1, due[-1])
    looks = (plan.look(number, values[:n], range(n)) for number, n in enumerate(due, 1))
    return next(((True, look.n) for look in looks if look.stop), (False, due[-1]))


def test_looking_four_times_errs_no_more_often_than_once_and_saves_prompts():
    plan = SequentialPlan(4)
    due = plan.prompts_at(40)
    assert due == (10, 20, 30, 40)
    null = [simulated(0.0, seed, plan, due)[0] for seed in range(600)]
    # Three standard errors of a share of 0.05 among 600 are 0.027.
    assert np.mean(null) <= 0.05 + 0.027
    found = [simulated(0.7, seed, plan, due) for seed in range(200)]
    assert np.mean([stop for stop, _ in found]) > 0.95
    assert np.mean([n for _, n in found]) < 30


def test_what_is_no_plan_is_refused():
    for call, said in (
        (lambda: SequentialPlan(0), "1 to 20 looks"),
        (lambda: SequentialPlan(21), "1 to 20 looks"),
        (lambda: SequentialPlan(3, 1.0), "alpha"),
        (lambda: SequentialPlan(5).prompts_at(9), "10 prompts or more"),
        (lambda: SequentialPlan(2).look(3, [1.0, 2.0], "ab"), "a look is 1 to 2"),
        (lambda: SequentialPlan(2).look(1, [1.0], "a"), "2 independent clusters"),
    ):
        with pytest.raises(ValidationError, match=said):
            call()
