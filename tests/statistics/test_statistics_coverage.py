"""When an interval is said to hold less often than it claims: the skewness against SciPy, the rule on known shapes."""

import numpy as np
import pytest
from scipy import stats

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import cluster_bootstrap, clusters_needed, interval_caution, skewness
from vid_diffusion_bench.statistics.coverage import TOO_FEW, TOO_SKEWED

RUNS = 400


def exponential(rng, prompts):
    return rng.exponential(size=prompts)


def even(rng, prompts):
    return rng.normal(size=prompts)


def seen(draw, prompts):
    """Shares of ``RUNS`` samples whose interval holds the mean, and of those that have a caution."""
    rng = np.random.default_rng([prompts, *draw.__name__.encode()])
    samples = [draw(rng, prompts).tolist() for _ in range(RUNS)]
    truth = 1.0 if draw is exponential else 0.0
    held = [low <= truth <= high for low, high in (cluster_bootstrap(s, range(prompts)) for s in samples)]
    return np.mean(held), np.mean([interval_caution(s, range(prompts)) is not None for s in samples])


def test_the_skewness_is_that_of_the_prompts_means():
    rng = np.random.default_rng(0)
    values, clusters = rng.exponential(size=30), np.repeat(np.arange(10), 3).tolist()
    expected = stats.skew(values.reshape(10, 3).mean(axis=1), bias=False)
    assert skewness(values.tolist(), clusters) == pytest.approx(expected, rel=1e-12)
    assert skewness([0.1 + 0.2, 0.3, 0.3], "abc") is None
    assert skewness([1.0, 2.0], "ab") is None
    with pytest.raises(ValidationError, match="not finite"):
        skewness([1.0, float("nan"), 2.0], "abc")


def test_the_rule_is_eight_prompts_and_ten_times_the_square_of_the_skewness():
    assert [clusters_needed(skew) for skew in (None, 0.0, 0.8, -0.9, 1.5, -3.0)] == [8, 8, 8, 9, 23, 90]
    values = [0.0] * 19 + [1.0, 2.0]
    assert clusters_needed(skewness(values, range(21))) > 21
    assert interval_caution(values, range(21)) == TOO_SKEWED
    assert interval_caution([1.0, 2.0, 3.0, 4.0, 5.0], range(5)) == TOO_FEW
    assert interval_caution([float(at) for at in range(8)], range(8)) is None


def test_it_speaks_where_intervals_fail_and_is_quiet_where_they_hold():
    """Four standard errors of a share of 0.93 among 400 are 0.05."""
    held, cautioned = seen(exponential, 12)
    assert held < 0.95
    assert cautioned > 0.4
    held, cautioned = seen(even, 40)
    assert held > 0.93 - 0.05
    assert cautioned < 0.02
    held, cautioned = seen(exponential, 100)
    assert held > 0.93 - 0.05
    assert cautioned < 0.15
