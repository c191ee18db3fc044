"""Passes over clips as a certificate needs them: states, what comes of them, and how far two outcomes are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vid_diffusion_bench.certification.specimens import Specimen
from vid_diffusion_bench.metrics import Context, Metric, State
from vid_diffusion_bench.scoring import Pass, ScoringClip, accumulate, computed

Metrics = Mapping[str, Metric]
Tick = Callable[[], None]


def no_tick() -> None:
    """The listener that does nothing."""


@dataclass(frozen=True)
class Outcome:
    """What one metric made of one pass: its value or the reason, and each clip's own number where it has one."""

    value: float | None
    reason: str | None
    per_clip: dict[str, float | None]
    label: str = ""
    n: int = 0
    warnings: tuple[str, ...] = ()


def observe(clips: Sequence[ScoringClip], metrics: Metrics, tick: Tick = no_tick, *, real: bool = False) -> Pass:
    """One pass of all ``metrics``; on the real side of those that compare sets if ``real``."""
    wanted = {name: metric for name, metric in metrics.items() if metric.uses_reference or not real}
    return accumulate(clips, wanted, progress=lambda _done, _total: tick(), reference=real)


def both(generated: Pass, real: Pass) -> dict[str, State]:
    """The states of a pass over generated and one over real clips, as one."""
    return generated.merge(real).states


def outcomes(metrics: Metrics, states: Mapping[str, State]) -> dict[str, Outcome]:
    """What comes of every metric's state."""
    return {name: outcome(metric, name, states[name]) for name, metric in metrics.items()}


def outcome(metric: Metric, name: str, state: State) -> Outcome:
    """What comes of one state."""
    context = Context(name, len(state.generated), "undistorted", "the undistorted clips")
    result = computed(metric, state, context)
    per_clip = {key: row.score().value for key, row in state.generated.items()}
    return Outcome(result.value, result.reason, per_clip, result.label, result.n, tuple(result.warnings))


def difference(first: Outcome, second: Outcome) -> float | None:
    """The largest |a - b| / max(1, |a|) over the values and the clips' own; ``None`` if one exists and one does not."""
    if first.per_clip.keys() != second.per_clip.keys():
        return None
    pairs = [(first.value, second.value), *((first.per_clip[key], second.per_clip[key]) for key in first.per_clip)]
    if any((a is None) != (b is None) for a, b in pairs):
        return None
    return max((relative(a, b) for a, b in pairs if a is not None and b is not None), default=0.0)


def relative(a: float, b: float) -> float:
    """|a - b|, in units of a where that is larger than 1."""
    return abs(a - b) / max(1.0, abs(a))


@dataclass(frozen=True)
class Nature:
    """What a metric reads, found by taking it away; ``per_clip``: whether single clips have a number."""

    reads_pair: bool
    reads_prompt: bool
    per_clip: bool


def natures(metrics: Metrics, specimens: Sequence[Specimen]) -> dict[str, Nature]:
    """The nature of every metric, from a few of the clips with and without pair and prompt."""
    few = specimens[:4]
    whole = observe([clip.clip() for clip in few], metrics).states
    unpaired = observe([clip.clip(paired=False) for clip in few], metrics).states
    unprompted = observe([clip.clip(prompted=False) for clip in few], metrics).states
    return {
        name: Nature(
            reads_pair=_valued(whole[name]) > _valued(unpaired[name]),
            reads_prompt=_valued(whole[name]) > _valued(unprompted[name]),
            per_clip=any(isinstance(row.value, float) for row in whole[name].generated.values()),
        )
        for name in metrics
    }


def _valued(state: State) -> int:
    return sum(row.value is not None for row in state.generated.values())
