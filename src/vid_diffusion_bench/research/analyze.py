"""From the results of an experiment to its analysis, by one stated rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.research.analysis import (
    ConditionSummary,
    Contrast,
    Effect,
    ExperimentAnalysis,
    LevelMean,
    MetricAnalysis,
    Residual,
)
from vid_diffusion_bench.research.cells import Cells, cells
from vid_diffusion_bench.research.checks import checks
from vid_diffusion_bench.research.experiment import Experiment, Factor, written
from vid_diffusion_bench.research.fits import Fit, mixed_model, repeated_measures
from vid_diffusion_bench.research.methods import methods
from vid_diffusion_bench.research.outcome import ExperimentResults
from vid_diffusion_bench.research.terms import ModelMatrix, model_matrix
from vid_diffusion_bench.statistics import benjamini_hochberg, hedges_g, holm

INTERACTIONS = 2
SET_METRIC = (
    "it is a metric of whole sets and has one value a condition, without repeats to test it against; "
    "its values stand beside the conditions"
)
_RULES = {
    "repeated measures": "every block has a value under every condition",
    "mixed model": "some blocks lack conditions",
    "fixed blocks": "some blocks lack conditions, and the mixed model did not converge",
}


def analyze(
    results: ExperimentResults, significance_level: float = 0.05, *, interactions: int = INTERACTIONS
) -> ExperimentAnalysis:
    """Test every metric that single clips have values of.

    The rule: clips are averaged within prompt and condition. Where every prompt has a value under every condition, each
    effect is tested by repeated measures against its own interaction with the prompts; else by a mixed model with the
    prompt as random effect. Of one prompt the seeds are the blocks.

    Raises:
        ValidationError: ``significance_level`` is outside 0..1 or ``interactions`` below 1.
    """
    if not 0 < significance_level < 1:
        raise ValidationError(f"significance_level is {significance_level}; it lies between 0 and 1")
    if interactions < 1:
        raise ValidationError(f"interactions is {interactions}; 1 tests main effects only")
    found = [_metric(results, name, interactions) for name in results.experiment.metrics]
    corrected = _corrected(found, significance_level)
    bare = ExperimentAnalysis(
        results=results,
        significance_level=significance_level,
        metrics=corrected,
        conditions=_conditions(results),
        notes=[*_failures(results), *_without_effect(results)],
    )
    return bare.model_copy(update={"methods": methods(bare)})


def _metric(results: ExperimentResults, name: str, interactions: int) -> MetricAnalysis:
    experiment = results.experiment
    total = len(results.clips)
    if name in results.absent:
        return MetricAnalysis(metric=name, reason=results.absent[name], total=total)
    table = cells(experiment, results.clips, name)
    about: dict[str, Any] = {
        "metric": name,
        "clips": table.clips,
        "total": total,
        "blocks": "seed" if table.by_seed else "prompt",
        "n_blocks": len(table.blocks),
    }
    if reason := _cannot(results, name, table):
        return MetricAnalysis(**about, reason=reason)
    conditions = [experiment.condition(identity) for identity in table.conditions]
    model = model_matrix(experiment.factors, conditions, interactions)
    if not model.terms:
        return MetricAnalysis(**about, reason="values of one level of every factor only: nothing can be compared")
    fit = repeated_measures(table, model) if table.complete else mixed_model(table, model)
    return MetricAnalysis(
        **about,
        method=fit.method,
        rule=_RULES[fit.method],
        effects=[*_with_aliases(fit.effects, experiment), *_left_out(model)],
        contrasts=list(_contrasts(model, fit, table)),
        means=list(_means(model, fit)),
        checks=checks(table, fit),
        residuals=_residuals(table, fit),
        notes=_seed_note(table),
    )


def _cannot(results: ExperimentResults, name: str, table: Cells) -> str | None:
    """Why nothing can be tested."""
    if not table.clips:
        return _why_no_clip_has_one(results, name)
    if len(table.conditions) < 2:
        return "only one condition has values: nothing can be compared"
    if len(table.blocks) < 2:
        return "one prompt with one seed: there is no repeat to test a difference against"
    if table.all_equal:
        return "every value is the same: there is nothing to test"
    return None


def _why_no_clip_has_one(results: ExperimentResults, name: str) -> str:
    if not any(clip.status == "completed" for clip in results.clips):
        return "no clip was completed"
    of_sets = [values[name] for values in results.whole_set.values() if name in values]
    if any(result.value is not None for result in of_sets):
        return SET_METRIC
    reasons = [result.reason for result in of_sets] + [c.reasons[name] for c in results.clips if name in c.reasons]
    return f"no clip has a value: {Counter(reasons).most_common(1)[0][0]}" if reasons else "no clip has a value"


def _with_aliases(effects: Sequence[Effect], experiment: Experiment) -> list[Effect]:
    aliases = experiment.fraction.aliases if experiment.fraction else {}
    return [effect.model_copy(update={"aliases": aliases.get(effect.term, [])}) for effect in effects]


def _left_out(model: ModelMatrix) -> list[Effect]:
    return [Effect(term=term, reason=reason) for term, reason in model.left_out.items()]


def _contrasts(model: ModelMatrix, fit: Fit, table: Cells) -> Iterator[Contrast]:
    """Every pair of levels of every factor whose main effect is in the model; of a range its two ends."""
    for name, coding in model.codings.items():
        if not any(term.factors == (name,) for term in model.terms):
            continue
        for first, second in combinations(coding.levels, 2):
            estimate = fit.estimate(model.row({name: second}) - model.row({name: first}))
            p = estimate.p_value()
            by_block = estimate.by_block if p is not None else None
            yield Contrast(
                factor=name,
                first=written(first),
                second=written(second),
                difference=estimate.value,
                interval=estimate.interval(),
                p_value=p,
                hedges_g=None if by_block is None else hedges_g(by_block.tolist(), table.blocks),
                reason=None if p is not None else "the difference is the same in every block",
            )


def _means(model: ModelMatrix, fit: Fit) -> Iterator[LevelMean]:
    """The mean of each level, and of each pair of levels whose interaction is in the model."""
    centre = model.row({})
    for term in model.terms:
        if len(term.factors) > 2:
            continue
        for levels in product(*(model.codings[name].levels for name in term.factors)):
            row = model.row(dict(zip(term.factors, levels, strict=True)))
            mean = fit.estimate(row).value
            spread = fit.estimate(row - centre).interval()
            middle = fit.estimate(row - centre).value
            x = levels[0]
            yield LevelMean(
                factors=list(term.factors),
                levels=[written(level) for level in levels],
                x=float(x) if isinstance(x, int | float) and not isinstance(x, bool) else None,
                mean=mean,
                interval=(mean - middle + spread[0], mean - middle + spread[1]) if spread else None,
            )


def _residuals(table: Cells, fit: Fit) -> list[Residual]:
    return [
        Residual(
            condition=condition,
            block=block,
            fitted=float(fit.fitted[row, column]),
            residual=float(fit.residuals[row, column]),
        )
        for row, block in enumerate(table.blocks)
        for column, condition in enumerate(table.conditions)
        if np.isfinite(fit.residuals[row, column])
    ]


def _seed_note(table: Cells) -> list[str]:
    if not table.by_seed:
        return []
    return ["There is one prompt: the seeds are the blocks, and what is found is found of that prompt only."]


def _corrected(metrics: Sequence[MetricAnalysis], level: float) -> list[MetricAnalysis]:
    """Holm within each metric, over its effects and over its contrasts; Benjamini and Hochberg over all effects."""
    tested = [effect.p_value for metric in metrics for effect in metric.effects if effect.p_value is not None]
    across = iter(benjamini_hochberg(tested))
    return [_corrected_metric(metric, across, level) for metric in metrics]


def _corrected_metric(metric: MetricAnalysis, across: Iterator[float], level: float) -> MetricAnalysis:
    by_effect = iter(holm([effect.p_value for effect in metric.effects if effect.p_value is not None]))
    by_contrast = iter(holm([c.p_value for c in metric.contrasts if c.p_value is not None]))
    effects = [
        effect
        if effect.p_value is None
        else effect.model_copy(
            update={"p_holm": (p := next(by_effect)), "q_bh": next(across), "significant": p <= level}
        )
        for effect in metric.effects
    ]
    contrasts = [
        contrast
        if contrast.p_value is None
        else contrast.model_copy(update={"p_holm": (p := next(by_contrast)), "significant": p <= level})
        for contrast in metric.contrasts
    ]
    return metric.model_copy(update={"effects": effects, "contrasts": contrasts})


def _conditions(results: ExperimentResults) -> list[ConditionSummary]:
    summaries = []
    for condition in results.experiment.conditions:
        clips = [clip for clip in results.clips if clip.condition == condition.id]
        values = {
            name: known
            for name in results.experiment.metrics
            if (known := [value for clip in clips if (value := clip.values.get(name)) is not None])
        }
        summaries.append(
            ConditionSummary(
                id=condition.id,
                settings=condition.settings,
                completed=sum(clip.status == "completed" for clip in clips),
                planned=len(clips),
                not_set=results.not_set.get(condition.id),
                means={name: float(np.mean(known)) for name, known in values.items()},
                whole_set=results.whole_set.get(condition.id, {}),
            )
        )
    return summaries


def _failures(results: ExperimentResults) -> Iterator[str]:
    """What could not be set or made."""
    experiment = results.experiment
    for reason, count in Counter(results.not_set.values()).most_common():
        unset = [condition for condition in experiment.conditions if results.not_set.get(condition.id) == reason]
        which = (
            "every condition" if count == len(experiment.conditions) else f"{count} conditions ({unset[0].text}, ...)"
        )
        yield f"{which} could not be set: {reason}. Their clips are failures; nothing was measured of them."
    others = [clip for clip in results.failed if clip.condition not in results.not_set]
    for why, count in Counter(clip.failure for clip in others).most_common(5):
        yield f"{count} clips failed: {why}. Clips that fail are not in the means; see if a condition lost more."
    if missing := sum(clip.status == "not run" for clip in results.clips):
        yield f"{missing} clips were not made: the experiment was stopped. Execute it again to go on."


def _without_effect(results: ExperimentResults) -> Iterator[str]:
    """Factors that changed no pixel: prompt and seed gave the same clip at all levels, the rest being equal."""
    for factor in results.experiment.factors:
        if not factor.continuous and _is_idle(results, factor):
            yield (
                f"{factor.name} changed nothing: with all else equal the clips of all its levels are the same, "
                "pixel for pixel. No effect of it on quality can be found here."
            )


def _is_idle(results: ExperimentResults, factor: Factor) -> bool:
    clips: dict[Any, set[tuple[str, str]]] = {}
    for clip in results.clips:
        if clip.clip_sha256:
            rest = tuple((name, str(level)) for name, level in clip.settings.items() if name != factor.name)
            level = str(clip.settings[factor.name])
            clips.setdefault((rest, clip.prompt, clip.index), set()).add((level, clip.clip_sha256))
    compared = [seen for seen in clips.values() if len({level for level, _ in seen}) > 1]
    return bool(compared) and all(len({pixels for _, pixels in seen}) == 1 for seen in compared)
