"""Time, memory and energy of the paired samples: is the candidate dearer by more than two thresholds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vid_diffusion_bench.comparison.clip_costs import OF_A_CLIP
from vid_diffusion_bench.comparison.pairs import Pair
from vid_diffusion_bench.engine.summary import performance
from vid_diffusion_bench.gate.limits import CostLimit, Limits
from vid_diffusion_bench.gate.result import Check
from vid_diffusion_bench.results import Manifest, MetricResult
from vid_diffusion_bench.statistics import cluster_bootstrap


def cost_checks(
    pairs: Sequence[Pair],
    baseline: Mapping[str, Manifest],
    candidate: Mapping[str, Manifest],
    differences: Sequence[str],
    limits: Limits,
) -> list[Check]:
    """One check a figure that has a limit, over the ``pairs`` that have two clips; undecided across cohorts."""
    both = [pair for pair in pairs if pair.clips == 2]
    first = performance([pair.baseline for pair in both], dict(baseline), None)
    second = performance([pair.candidate for pair in both], dict(candidate), None)
    reason = "not one cohort" if differences else None
    return [_check(first[name], second[name], limit, both, reason) for name, limit in limits.cost.items()]


def _check(
    first: MetricResult, second: MetricResult, limit: CostLimit, pairs: Sequence[Pair], reason: str | None
) -> Check:
    known = Check(
        name=first.name,
        group="cost",
        outcome="undecided",
        baseline=first.value,
        candidate=second.value,
        limit=limit.absolute,
        relative_limit=limit.relative,
        unit=first.unit,
        higher_is_better=False,
        n=min(first.n, second.n),
        total=len(pairs),
        reason=reason or first.reason or second.reason,
        warnings=_warnings(first, second),
    )
    if first.value is None or second.value is None:
        return known
    difference = second.value - first.value
    regressed = difference > limit.absolute and difference > limit.relative * first.value
    decided = {} if reason else {"outcome": "regression" if regressed else "pass"}
    return known.model_copy(
        update={"difference": difference, "confidence_interval": _interval(first.name, pairs), **decided}
    )


def _interval(name: str, pairs: Sequence[Pair]) -> tuple[float, float] | None:
    """The interval of the mean difference, where pairs have one."""
    of = OF_A_CLIP.get(name)
    costs = [(pair, pair.baseline.cost, pair.candidate.cost) for pair in pairs]
    values = [
        (pair.cluster, of(a), of(b)) for pair, a, b in costs if of is not None and a is not None and b is not None
    ]
    known = [(cluster, second - first) for cluster, first, second in values if first is not None and second is not None]
    if len({cluster for cluster, _ in known}) < 2:
        return None
    return cluster_bootstrap([value for _, value in known], [cluster for cluster, _ in known])


def _warnings(first: MetricResult, second: MetricResult) -> list[str]:
    shared = [warning for warning in first.warnings if warning in second.warnings]
    sides = (("baseline", first), ("candidate", second))
    return shared + [f"the {side}: {text}" for side, one in sides for text in one.warnings if text not in shared]
