"""How much a metric's value differs where nothing is wrong: the size that its responses are told in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vid_diffusion_bench.certification.answers import Yardstick
from vid_diffusion_bench.certification.observe import Metrics, Nature, Outcome, Tick, no_tick, observe, outcome
from vid_diffusion_bench.certification.specimens import Specimen
from vid_diffusion_bench.metrics import Metric, State
from vid_diffusion_bench.scoring import ScoringClip

APART = 0.01
"""Appreciable share for comparisons: the undistorted clips are exactly themselves, so that no noise is in a change."""


def yardsticks(
    metrics: Metrics, specimens: Sequence[Specimen], natures: Mapping[str, Nature],
    pristine: Mapping[str, State], base: Mapping[str, Outcome], tick: Tick = no_tick,
) -> dict[str, Yardstick]:  # fmt: skip
    """The yardstick of every metric, by its kind.

    A paired metric: how far a clip paired with another one is from a clip paired with itself. A comparison of sets:
    how far the two halves of the undistorted clips are from each other. A metric of single clips: the standard
    deviation between them. A number of one set: its jackknife standard error.
    """
    paired = {name: metric for name, metric in metrics.items() if natures[name].reads_pair}
    strangers = observe(_with_the_next(specimens), paired, tick).states if paired else {}
    found = {}
    for name, metric in metrics.items():
        if name in paired:
            found[name] = _strangers(outcome(metric, name, strangers[name]), base[name])
        elif metric.uses_reference:
            found[name] = _halves(metric, name, pristine[name], base[name])
        elif natures[name].per_clip:
            found[name] = _spread(base[name])
        else:
            found[name] = _jackknife(metric, name, pristine[name])
    return found


def _with_the_next(specimens: Sequence[Specimen]) -> list[ScoringClip]:
    others = [*specimens[1:], specimens[0]]
    return [replace(clip.clip(), paired=other.clip().load) for clip, other in zip(specimens, others, strict=True)]


def _strangers(apart: Outcome, base: Outcome) -> Yardstick:
    if apart.value is None or base.value is None:
        return Yardstick(None, f"none: {apart.reason}", APART)
    what = f"how far clips paired with another clip are from clips paired with themselves ({apart.n} pairs)"
    return Yardstick(abs(apart.value - base.value) or None, what, APART)


def _halves(metric: Metric, name: str, state: State, base: Outcome) -> Yardstick:
    keys, rows = sorted(state.reference), state.reference
    count = len(keys) // 2
    halves = State({key: rows[key] for key in keys[0 : 2 * count : 2]}, {key: rows[key] for key in keys[1::2][:count]})
    apart = outcome(metric, name, halves)
    if apart.value is None or base.value is None:
        return Yardstick(None, f"none: {apart.reason}", APART)
    what = f"the noise floor: what two halves of the undistorted clips are apart (N = {count})"
    return Yardstick(abs(apart.value - base.value) or None, what, APART)


def _spread(base: Outcome) -> Yardstick:
    numbers = [value for value in base.per_clip.values() if value is not None]
    spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0
    return Yardstick(
        spread or None, f"the standard deviation between the {len(numbers)} undistorted clips with a value"
    )


def _jackknife(metric: Metric, name: str, state: State) -> Yardstick:
    rows = state.generated
    left_out = [outcome(metric, name, State({k: row for k, row in rows.items() if k != key})).value for key in rows]
    values = np.array([value for value in left_out if value is not None])
    error = float(np.sqrt((len(values) - 1) * np.var(values))) if len(values) > 1 else 0.0
    return Yardstick(error or None, f"the jackknife standard error over the {len(rows)} undistorted clips")
