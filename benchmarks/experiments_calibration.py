"""Type I error and power of the analysis of experiments, on simulated clips with prompts as clusters.

Prompts differ, respond differently to each condition, and seeds of a prompt differ; values are means of cells as the
analysis sees them. For each design: the share of simulations in which each effect has p <= 0.05 although nothing is
there, beside the 95 % binomial interval of 5 %; and the share in which an effect of the planned size is found.

    OMP_NUM_THREADS=1 python benchmarks/experiments_calibration.py [--simulations 1000]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
from scipy import stats

from vid_diffusion_bench.research import Experiment, ExperimentalFramework
from vid_diffusion_bench.research.cells import Cells
from vid_diffusion_bench.research.fits import mixed_model, repeated_measures
from vid_diffusion_bench.research.terms import model_matrix

Draw = Callable[[np.random.Generator, int, int], np.ndarray]
SEEDS = 2
WHOLE = 10
"""Times as many simulations of complete designs, which are fast."""


def design(variables: dict, prompts: int, sample_size: int, effect: float = 0.5) -> Experiment:
    return ExperimentalFramework().design_experiment(
        "null",
        {"model": ["shapes-base"], **variables},
        ["quality"],
        sample_size,
        prompts=[f"p{number}" for number in range(prompts)],
        effect=effect,
    )


def clustered(between: float, interaction: float, uneven: bool = False) -> Draw:
    """(P, C) cell means: standard deviations between prompts and of their response; that grows with the condition."""

    def draw(rng: np.random.Generator, prompts: int, conditions: int) -> np.ndarray:
        spread = np.geomspace(1, 8, conditions) if uneven else np.ones(conditions)
        noise = rng.normal(0, 1 / np.sqrt(SEEDS), (prompts, conditions))
        response = rng.normal(0, interaction, (prompts, conditions)) * spread
        return rng.normal(0, between, (prompts, 1)) + response + noise

    return draw


def simulate(experiment: Experiment, draw: Draw, simulations: int, effect: np.ndarray | float = 0.0) -> None:
    conditions = [condition.id for condition in experiment.conditions]
    model = model_matrix(experiment.factors, experiment.conditions, 2)
    met = {(trial.prompt, trial.condition) for trial in experiment.trials}
    seen = np.array([[(prompt, name) in met for name in conditions] for prompt in experiment.prompts])
    found: Counter[str] = Counter()
    methods: Counter[str] = Counter()
    for number in range(simulations):
        values = draw(np.random.default_rng(number), len(experiment.prompts), len(conditions)) + effect
        values = np.where(seen, values, np.nan)
        table = Cells(conditions, experiment.prompts, values, int(seen.sum()), by_seed=False)
        fit = repeated_measures(table, model) if table.complete else mixed_model(table, model)
        methods[fit.method] += 1
        for one in fit.effects:
            found[one.term] += one.p_value is not None and one.p_value <= 0.05
            found[f"{one.term} (no correction)"] += one.p_uncorrected is not None and one.p_uncorrected <= 0.05
    shown = {term: count for term, count in found.items() if "correction" not in term}
    for term, count in shown.items():
        plain = found[f"{term} (no correction)"]
        beside = f", without the correction for sphericity {plain / simulations:.4f}" if plain != count else ""
        print(f"  {term}: {count / simulations:.4f}{beside}")
    print(f"  methods: {dict(methods)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=1000)
    n = parser.parse_args().simulations
    for count in (n, WHOLE * n):
        low, high = stats.binom.interval(0.95, count, 0.05)
        print(f"{count} simulations: 95 % binomial interval of 5 %: {low / count:.4f} to {high / count:.4f}")
    grid = {"num_inference_steps": [2, 6], "guidance_scale": [1.0, 4.0, 8.0]}
    four = {"num_inference_steps": [2, 4, 6, 8]}
    scenarios = {
        "2 x 3, 12 prompts": (design(grid, 12, 12), clustered(1.0, 0.5)),
        "2 x 3, 6 prompts": (design(grid, 6, 6), clustered(1.0, 0.5)),
        "4 levels that spread 1 to 8 times, 12 prompts": (design(four, 12, 12), clustered(1.0, 0.5, uneven=True)),
        "3 levels, 20 prompts": (design({"num_inference_steps": [2, 4, 6]}, 20, 20), clustered(1.0, 0.5)),
        "4 levels, 8 prompts": (design(four, 8, 8), clustered(1.0, 0.5)),
        "4 levels that spread 1 to 8 times, 8 prompts": (design(four, 8, 8), clustered(1.0, 0.5, uneven=True)),
        "6 levels, 12 prompts": (design({"num_inference_steps": [2, 3, 4, 5, 6, 7]}, 12, 12), clustered(1.0, 0.5)),
        "6 levels that spread 1 to 8 times, 12 prompts": (
            design({"num_inference_steps": [2, 3, 4, 5, 6, 7]}, 12, 12),
            clustered(1.0, 0.5, uneven=True),
        ),
        "4 levels, 12 prompts, 6 a condition (incomplete)": (design(four, 12, 6), clustered(1.0, 0.5)),
        "the same, prompts alike": (design(four, 12, 6), clustered(0.0, 0.5)),
        "2 x 2, 10 prompts, 5 a condition (incomplete)": (
            design({"num_inference_steps": [2, 4], "guidance_scale": [1.0, 4.0]}, 10, 5),
            clustered(2.0, 0.5),
        ),
    }
    for name, (experiment, draw) in scenarios.items():
        count = WHOLE * n if experiment.blocking.complete else n
        print(f"null: {name} ({count} simulations)")
        simulate(experiment, draw, count)
    for d, prompts in ((0.5, 34), (0.8, 15), (0.3, 60)):
        experiment = design({"num_inference_steps": [2, 6]}, prompts, prompts, effect=d)
        # The difference of two conditions has twice the variance of one cell's.
        size = d * np.sqrt(2 * (0.5**2 + 1 / SEEDS))
        print(f"d = {d}, {prompts} prompts: planned power {experiment.power[0].power:.4f}")
        simulate(experiment, clustered(1.0, 0.5), n, np.array([0.0, size]))


if __name__ == "__main__":
    main()
