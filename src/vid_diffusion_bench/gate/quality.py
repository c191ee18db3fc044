"""The quality metrics of both runs, clip against clip: is the candidate worse by less than a margin?"""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.comparison.pairs import Pair
from vid_diffusion_bench.gate.limits import Limits
from vid_diffusion_bench.gate.result import Check
from vid_diffusion_bench.results import MetricResult, ModelResult, SampleRecord
from vid_diffusion_bench.statistics import FEWEST_CLUSTERS, cluster_bootstrap, mean, non_inferiority

_Scores = list[tuple[Pair, float, float]]


def quality_checks(baseline: ModelResult, candidate: ModelResult, pairs: Sequence[Pair], limits: Limits) -> list[Check]:
    """One check a metric that either run has, over the ``pairs`` that have two clips."""
    names = dict.fromkeys([*baseline.metric_results, *candidate.metric_results])
    both = [pair for pair in pairs if pair.clips == 2]
    return [_check(name, baseline, candidate, both, limits.margin(name)) for name in names]


def _check(
    name: str, baseline: ModelResult, candidate: ModelResult, pairs: Sequence[Pair], margin: float | None
) -> Check:
    first, second = baseline.metric_results.get(name), candidate.metric_results.get(name)
    if reason := _incomparable(first, second):
        known = first or second
        return Check(
            name=name,
            group="quality",
            outcome="undecided",
            label=known.label if known else "",
            reason=reason,
            total=len(pairs),
        )
    assert first is not None, "what a run lacks is not comparable"
    assert second is not None, "what a run lacks is not comparable"
    scores = _paired_scores(name, pairs)
    if not scores:
        return _whole_set(first, second, len(pairs))
    return _judged(first, scores, len(pairs), margin)


def _incomparable(first: MetricResult | None, second: MetricResult | None) -> str | None:
    """Why two results must not stand side by side; ``None`` when they may."""
    if first is None or second is None:
        return f"only the {'candidate' if first is None else 'baseline'} has it"
    absent = {side: one.reason for side, one in (("baseline", first), ("candidate", second)) if one.value is None}
    if absent:
        if len(set(absent.values())) < len(absent):
            return f"both runs: {first.reason}"
        return "; ".join(f"the {side}: {reason}" for side, reason in absent.items())
    if first.protocol_fingerprint != second.protocol_fingerprint:
        return f"measured under different protocols: {_protocol_differences(first, second)} differ"
    return None


def _protocol_differences(first: MetricResult, second: MetricResult) -> str:
    names = sorted(first.protocol.keys() | second.protocol.keys())
    return ", ".join(name for name in names if first.protocol.get(name) != second.protocol.get(name))


def _paired_scores(name: str, pairs: Sequence[Pair]) -> _Scores:
    found = [(pair, _score(pair.baseline, name), _score(pair.candidate, name)) for pair in pairs]
    return [(pair, first, second) for pair, first, second in found if first is not None and second is not None]


def _score(record: SampleRecord, name: str) -> float | None:
    score = record.scores.get(name)
    return score.value if score else None


def _whole_set(first: MetricResult, second: MetricResult, total: int) -> Check:
    """A number of all clips of a run, for which no pair has a value: shown, and not judged."""
    assert first.value is not None, "an absent value is not comparable"
    assert second.value is not None, "an absent value is not comparable"
    return Check(
        name=first.name,
        group="quality",
        outcome="reported",
        label=first.label,
        baseline=first.value,
        candidate=second.value,
        difference=second.value - first.value,
        unit=first.unit,
        higher_is_better=first.higher_is_better,
        total=total,
        reason="no pair has a value: a number of each run's whole set, which pairs cannot be tested by",
    )


def _judged(about: MetricResult, scores: _Scores, total: int, margin: float | None) -> Check:
    differences = [second - first for _, first, second in scores]
    clusters = [pair.cluster for pair, _, _ in scores]
    known = Check(
        name=about.name,
        group="quality",
        outcome="reported",
        label=about.label,
        baseline=mean([first for _, first, _ in scores]),
        candidate=mean([second for _, _, second in scores]),
        difference=mean(differences),
        confidence_interval=cluster_bootstrap(differences, clusters) if len(set(clusters)) > 1 else None,
        limit=margin,
        unit=about.unit,
        higher_is_better=about.higher_is_better,
        n=len(scores),
        total=total,
    )
    if about.higher_is_better is None:
        return known.model_copy(update={"limit": None, "reason": "no direction is better"})
    if margin is None:
        return known.model_copy(update={"reason": f"no margin is set: --margin {about.name}=VALUE"})
    if len(set(clusters)) < FEWEST_CLUSTERS:
        return known.model_copy(update={"outcome": "undecided", "reason": too_few(len(set(clusters)))})
    sign = -1 if about.higher_is_better else 1
    found = non_inferiority([sign * difference for difference in differences], clusters, margin)
    return known.model_copy(update={"bound": found.bound, "outcome": "pass" if found.holds else "regression"})


def too_few(prompts: int) -> str:
    """Why there is no bound."""
    return f"pairs of {prompts} prompt{'s' * (prompts != 1)} prove nothing at 95 %; {FEWEST_CLUSTERS} are needed"
