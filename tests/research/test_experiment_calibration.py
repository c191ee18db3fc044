"""The analysis keeps its promises on simulated clips, end to end: false findings at 5 %, planned effects as planned.

Seeds are fixed. ``benchmarks/experiments_calibration.py`` is the larger version.
"""

import numpy as np
import pytest
from scipy import stats

from simulated_experiments import clustered, designed, results_of
from vid_diffusion_bench.research import ExperimentalFramework


def share_found(experiment, simulations, effect=None, *, interaction=0.6):
    """The share of simulations in which the first main effect has p <= 0.05."""
    found = 0
    for number in range(simulations):
        value = clustered(np.random.default_rng([2026, number]), effect, interaction=interaction, noise=0.4)
        results = results_of(experiment, value)
        analysis = ExperimentalFramework().analyze_results(results, interactions=1)
        found += analysis.metrics[0].effects[0].p_value <= 0.05
    return found / simulations


@pytest.mark.parametrize(
    ("experiment", "interaction"),
    [
        (designed({"num_inference_steps": [2, 4, 6]}, 20), 0.6),
        (designed({"num_inference_steps": [2, 6]}, 8, 16), 0.6),
        (designed({"num_inference_steps": [2, 4, 6]}, 9, 6), 0.6),
        (designed({"num_inference_steps": [2, 6]}, 1, 10), 0.0),
    ],
    ids=["three levels", "two seeds a prompt", "incomplete blocks", "one prompt"],
)
def test_nothing_is_found_where_nothing_is_but_in_one_of_twenty(experiment, interaction):
    """Of one prompt its own response would be there: what is found is of that prompt only."""
    simulations = 200
    low, high = stats.binom.interval(0.95, simulations, 0.05)
    assert low <= simulations * share_found(experiment, simulations, interaction=interaction) <= high


def test_averaging_seeds_is_needed():
    """What the analysis avoids: seeds of a prompt as if they were independent find far too much."""
    experiment = designed({"num_inference_steps": [2, 6]}, 8, 48)
    found = 0
    for number in range(200):
        results = results_of(experiment, clustered(np.random.default_rng(number), interaction=0.6, noise=0.4))
        groups = [part["quality"] for _, part in results.frame().groupby("num_inference_steps")]
        found += stats.ttest_ind(*groups).pvalue <= 0.05
    assert found / 200 > 0.15


def test_a_planned_effect_is_found_with_the_planned_power():
    """d is of the difference of two levels' means between prompts: two cells of variance 0.6**2 + 0.4**2."""
    d = 0.8
    experiment = designed({"num_inference_steps": [2, 6]}, 15, effect=d)
    size = d * np.sqrt(2 * (0.6**2 + 0.4**2))
    share = share_found(experiment, 400, lambda settings: size * (settings["num_inference_steps"] == 6))
    assert share == pytest.approx(experiment.power[0].power, abs=0.05)
