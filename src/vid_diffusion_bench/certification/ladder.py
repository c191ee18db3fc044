"""The ladder: every distortion at every strength, and how every metric answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vid_diffusion_bench.certification.answers import Step, Yardstick, classify
from vid_diffusion_bench.certification.certificate import Response, Rung
from vid_diffusion_bench.certification.distortions import LADDER, Distortion
from vid_diffusion_bench.certification.expectations import expected
from vid_diffusion_bench.certification.observe import (
    Metrics,
    Nature,
    Outcome,
    Tick,
    both,
    no_tick,
    observe,
    outcomes,
)
from vid_diffusion_bench.certification.specimens import Specimen
from vid_diffusion_bench.certification.yardsticks import yardsticks
from vid_diffusion_bench.metrics import Metric
from vid_diffusion_bench.scoring import Pass
from vid_diffusion_bench.statistics import cluster_bootstrap, mean


@dataclass(frozen=True)
class Climbed:
    """Of every metric: what it makes of the undistorted clips, its yardstick, and its responses."""

    undistorted: dict[str, Outcome]
    yardsticks: dict[str, Yardstick]
    responses: dict[str, list[Response]]


def steps(distortions: Sequence[Distortion] = LADDER) -> int:
    """Passes over the clips that :func:`climb` makes."""
    return 3 + sum(len(entry.strengths) for entry in distortions)


def climb(
    metrics: Metrics, specimens: Sequence[Specimen], natures: Mapping[str, Nature], tick: Tick = no_tick,
    distortions: Sequence[Distortion] = LADDER,
) -> Climbed:  # fmt: skip
    """Score the clips undistorted and on every rung.

    Set metrics take the undistorted clips as the real set, paired metrics the undistorted clip as the pair. At any
    time one distorted clip is in memory.
    """
    real = observe([clip.clip() for clip in specimens], metrics, tick, real=True)
    pristine = both(observe([clip.clip() for clip in specimens], metrics, tick), real)
    base = outcomes(metrics, pristine)
    running = {name: metric for name, metric in metrics.items() if base[name].value is not None}
    units = yardsticks(running, specimens, natures, pristine, base, tick)
    responses: dict[str, list[Response]] = {name: [] for name in metrics}
    for entry in distortions:
        rungs = [_rung_outcomes(running, specimens, entry, strength, real, tick) for strength in entry.strengths]
        for name, metric in running.items():
            seen = [found[name] for found in rungs]
            responses[name].append(_response(metric, natures[name], entry, base[name], seen, units[name], specimens))
    return Climbed(base, units, responses)


def _rung_outcomes(
    metrics: Metrics, specimens: Sequence[Specimen], entry: Distortion, strength: float, real: Pass, tick: Tick
) -> dict[str, Outcome]:
    seen = observe([clip.clip(entry, strength) for clip in specimens], metrics, tick)
    wanted = Pass({name: real.states[name] for name in metrics if name in real.states})
    return outcomes(metrics, both(seen, wanted))


def _response(
    metric: Metric, nature: Nature, entry: Distortion, base: Outcome, seen: Sequence[Outcome], unit: Yardstick,
    specimens: Sequence[Specimen],
) -> Response:  # fmt: skip
    clusters = {clip.key: clip.clip().cluster for clip in specimens}
    rungs = [
        _rung(entry.spelled(strength), base, found, unit, clusters)
        for strength, found in zip(entry.strengths, seen, strict=True)
    ]
    wanted = expected(metric, nature, entry.name)
    measured = [Step(rung.strength, rung.change, rung.interval) for rung in rungs if rung.change is not None]
    missing = next((rung.reason for rung in rungs if rung.reason), None)
    judged = classify(measured, unit, wanted, missing, higher_is_better=metric.higher_is_better)
    return Response(
        distortion=entry.name, expected=wanted, answer=judged.answer, finding=judged.finding,
        surprising=judged.surprising, rungs=rungs,
    )  # fmt: skip


def _rung(strength: str, base: Outcome, found: Outcome, unit: Yardstick, clusters: Mapping[str, str]) -> Rung:
    """The change is over the clips that have a value on both sides, so that a clip that drops out moves nothing."""
    shared = [
        (before, after, clusters[key])
        for key, before in sorted(base.per_clip.items())
        if before is not None and (after := found.per_clip.get(key)) is not None
    ]
    interval = None
    if shared:
        changes = [after - before for before, after, _ in shared]
        prompts = [cluster for _, _, cluster in shared]
        change: float | None = mean(changes)
        interval = cluster_bootstrap(changes, prompts) if len(set(prompts)) > 1 else None
    elif found.value is None or base.value is None or any(value is not None for value in base.per_clip.values()):
        return Rung(strength=strength, value=None, n=0, reason=found.reason or "no clip has a value with and without")
    else:
        change = found.value - base.value
    size = change / unit.size if unit.size and change is not None else None
    size = size if size is not None and math.isfinite(size) else None
    return Rung(
        strength=strength, value=found.value, n=len(shared) or found.n, change=change, interval=interval, size=size
    )
