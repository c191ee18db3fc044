"""Results of experiments whose clips are drawn instead of made: for the statistics, where the truth must be known."""

from __future__ import annotations

from vid_diffusion_bench.research import ExperimentalFramework
from vid_diffusion_bench.research.outcome import ClipOutcome, ExperimentResults


def designed(variables=None, prompts=8, sample_size=None, **more):
    variables = variables or {"num_inference_steps": [2, 6], "guidance_scale": [1.0, 4.0, 8.0]}
    return ExperimentalFramework().design_experiment(
        "Does it matter?",
        {"model": ["shapes-base"], **variables} if "model" not in variables else variables,
        more.pop("metrics", ["quality"]),
        sample_size or (prompts if isinstance(prompts, int) else len(prompts)),
        prompts=[f"prompt {number}" for number in range(prompts)] if isinstance(prompts, int) else prompts,
        **more,
    )


def results_of(experiment, value, *, metrics=("quality",)):
    """``value(settings, prompt, index)`` of every trial; ``None`` is a failed clip."""
    conditions = {condition.id: condition for condition in experiment.conditions}
    clips = []
    for order, trial in enumerate(experiment.trials, 1):
        settings = conditions[trial.condition].settings
        found = value(settings, trial.prompt, trial.index)
        about = {"order": order, "condition": trial.condition, "settings": settings, "index": trial.index}
        if found is None:
            clips.append(ClipOutcome(**about, prompt=trial.prompt, status="failed", failure="it exploded"))
        else:
            values = dict.fromkeys(metrics, found) if isinstance(found, float) else found
            clips.append(ClipOutcome(**about, prompt=trial.prompt, seed=trial.index, status="completed", values=values))
    return ExperimentResults(experiment=experiment, status="completed", clips=clips)


def clustered(rng, effect=None, *, between=1.0, interaction=0.5, noise=0.5):
    """Prompts that differ and respond differently to each condition, and seeds that differ; the truth is ``effect``."""
    prompts, cells = {}, {}

    def value(settings, prompt, index):
        base = prompts.setdefault(prompt, rng.normal(0, between))
        cell = cells.setdefault((prompt, str(settings)), rng.normal(0, interaction))
        return float(base + cell + rng.normal(0, noise) + (effect(settings) if effect else 0.0))

    return value
