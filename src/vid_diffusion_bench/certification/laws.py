"""The laws that a metric must obey whatever it measures, tried on the clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vid_diffusion_bench.certification.certificate import Held, LawResult
from vid_diffusion_bench.certification.distortions import distortion
from vid_diffusion_bench.certification.expectations import identity_value, is_similarity, is_symmetric
from vid_diffusion_bench.certification.observe import (
    Metrics,
    Nature,
    Outcome,
    Tick,
    both,
    difference,
    no_tick,
    observe,
    outcome,
    outcomes,
    relative,
)
from vid_diffusion_bench.certification.specimens import Specimen
from vid_diffusion_bench.metrics import Metric, State
from vid_diffusion_bench.profiling import threads_used
from vid_diffusion_bench.scoring import Pass, ScoringClip

LAWS = {
    "repeat": "The same clips scored again give the same bits.",
    "order": "The order of the clips changes not a bit.",
    "alone": "A clip scored by itself gives the bits it gives among the others.",
    "shards": "Three shards, merged in another order, give the bits of one pass.",
    "batch": "Networks of frames give the same number at 4 frames a pass and at 16, to a relative 1e-4.",
    "threads": "One thread and two give the same number, to a relative 1e-4.",
    "identity": "Clips compared with themselves give the value of a perfect match; none is nearer to itself blurred.",
    "symmetry": "The two sides of the comparison exchanged give the same number, to a relative 1e-6.",
}
MAX_CLIPS = 6
"""Clips that the laws are tried on."""
ROUNDING_TOLERANCE = 1e-4
"""Relative: the order of float32 sums in a network differs with its batch and with the number of threads."""
SMALL_BATCH = 4
"""Frames a pass."""
SYMMETRY_TOLERANCE = 1e-6
IDENTITY_TOLERANCE = 1e-6
PASSES = 18
"""Passes over one side of the clips that :func:`check_laws` makes: eight over both and two over one."""


def check_laws(
    metrics: Metrics, specimens: Sequence[Specimen], natures: dict[str, Nature], tick: Tick = no_tick
) -> dict[str, list[LawResult]]:
    """Every law for every metric, on at most :data:`MAX_CLIPS` clips.

    The generated side holds the clips slightly blurred, so that what is compared is neither zero nor perfect.
    """
    bench = _Bench(metrics, specimens[:MAX_CLIPS], natures, tick)
    found = [_repeat(bench), _order(bench), _alone(bench), _shards(bench), _batch(bench), _threads(bench)]
    found += [_identity(bench), _symmetry(bench)]
    return {name: [results[name] for results in found] for name in metrics}


@dataclass
class _Bench:
    metrics: Metrics
    specimens: Sequence[Specimen]
    natures: dict[str, Nature]
    tick: Tick
    generated: list[ScoringClip] = field(init=False)
    real: list[ScoringClip] = field(init=False)
    base: dict[str, State] = field(init=False)

    def __post_init__(self) -> None:
        blur = distortion("blur")
        self.generated = [clip.clip(blur, blur.strengths[1]) for clip in self.specimens]
        self.real = [clip.clip() for clip in self.specimens]
        self.base = self.seen(self.generated, self.real)

    def seen(self, generated: Sequence[ScoringClip], real: Sequence[ScoringClip]) -> dict[str, State]:
        """The states of one pass over each side."""
        return both(observe(generated, self.metrics, self.tick), observe(real, self.metrics, self.tick, real=True))

    def equal(self, law: str, states: dict[str, State], tolerance: float = 0.0) -> dict[str, LawResult]:
        """The law that ``states`` give what the base states give."""
        before, after = outcomes(self.metrics, self.base), outcomes(self.metrics, states)
        return {name: _equal(law, before[name], after[name], tolerance) for name in self.metrics}


def _equal(law: str, before: Outcome, after: Outcome, tolerance: float) -> LawResult:
    seen = difference(before, after)
    if seen is None:
        return LawResult(law=law, status="broken", detail="there is a value one time and none the other")
    if before.value is None and not any(value is not None for value in before.per_clip.values()):
        return not_applicable(law, f"nothing to compare: {before.reason}")
    if seen > tolerance:
        return LawResult(law=law, status="broken", detail=_apart(before, after), difference=seen, tolerance=tolerance)
    detail = "equal to the last bit" if not seen else f"apart by a relative {seen:.1e}"
    return LawResult(law=law, status="holds", detail=detail, difference=seen, tolerance=tolerance)


def _apart(before: Outcome, after: Outcome) -> str:
    """The two values, or those of the clip that differs most where the values are the same."""
    if before.value != after.value:
        return f"{before.value!r} one time, {after.value!r} the other"
    pairs = {key: (value, after.per_clip[key]) for key, value in before.per_clip.items() if value is not None}
    key = max(pairs, key=lambda name: relative(pairs[name][0], pairs[name][1] or 0.0))
    return f"clip {key}: {pairs[key][0]!r} one time, {pairs[key][1]!r} the other"


def not_applicable(law: str, why: str) -> LawResult:
    """The law says nothing about this metric."""
    return LawResult(law=law, status="not applicable", detail=why)


def _repeat(bench: _Bench) -> dict[str, LawResult]:
    return bench.equal("repeat", bench.seen(bench.generated, bench.real))


def _order(bench: _Bench) -> dict[str, LawResult]:
    return bench.equal("order", bench.seen(bench.generated[::-1], bench.real[::-1]))


def _alone(bench: _Bench) -> dict[str, LawResult]:
    return bench.equal("alone", _sharded(bench, len(bench.specimens)))


def _shards(bench: _Bench) -> dict[str, LawResult]:
    return bench.equal("shards", _sharded(bench, 3))


def _sharded(bench: _Bench, count: int) -> dict[str, State]:
    whole = Pass()
    for start in reversed(range(count)):
        for clips, real in ((bench.generated, False), (bench.real, True)):
            whole = observe(clips[start::count], bench.metrics, bench.tick, real=real).merge(whole)
    return whole.states


def _batch(bench: _Bench) -> dict[str, LawResult]:
    with _frames_a_pass(SMALL_BATCH):
        small = bench.seen(bench.generated, bench.real)
    return bench.equal("batch", small, ROUNDING_TOLERANCE)


@contextmanager
def _frames_a_pass(count: int) -> Iterator[None]:
    """Networks of frames fed ``count`` at a time."""
    from vid_diffusion_bench.features.networks import base

    before = base.BATCH
    base.BATCH = count
    try:
        yield
    finally:
        base.BATCH = before


def _threads(bench: _Bench) -> dict[str, LawResult]:
    with threads_used(1, opencv=1):
        one = bench.seen(bench.generated, bench.real)
    with threads_used(2, opencv=2):
        two = bench.seen(bench.generated, bench.real)
    first, second = outcomes(bench.metrics, one), outcomes(bench.metrics, two)
    return {name: _equal("threads", first[name], second[name], ROUNDING_TOLERANCE) for name in bench.metrics}


def _identity(bench: _Bench) -> dict[str, LawResult]:
    """Sets on both sides of one state, pairs by scoring the pair itself."""
    themselves = observe(bench.real, bench.metrics, bench.tick)
    return {name: _one_identity(bench, name, metric, themselves.states[name]) for name, metric in bench.metrics.items()}


def _one_identity(bench: _Bench, name: str, metric: Metric, own: State) -> LawResult:
    if not (metric.uses_reference or bench.natures[name].reads_pair):
        return not_applicable("identity", "it compares with nothing")
    rows = bench.base[name].reference
    same = outcome(metric, name, State(rows, rows) if metric.uses_reference else own)
    other = outcome(metric, name, bench.base[name])
    if same.value is None or other.value is None:
        return not_applicable("identity", f"no value: {same.reason or other.reason}")
    perfect = identity_value(metric)
    if perfect is not None:
        seen = relative(perfect, same.value)
        status: Held = "holds" if seen <= IDENTITY_TOLERANCE else "broken"
        detail = f"{same.value:.6g}; a perfect match is {perfect:g}"
        return LawResult(law="identity", status=status, detail=detail, difference=seen, tolerance=IDENTITY_TOLERANCE)
    if not is_similarity(metric, reads_pair=bench.natures[name].reads_pair):
        return not_applicable("identity", "no value is known that equal clips must give")
    status = "holds" if same.value >= other.value else "broken"
    detail = f"{same.value:.6g} with themselves, {other.value:.6g} slightly blurred"
    return LawResult(law="identity", status=status, detail=detail)


def _symmetry(bench: _Bench) -> dict[str, LawResult]:
    """Sets by exchanging the sides of the state, pairs by scoring the clean clip against the blurred one."""
    exchanged = observe([_exchanged(clip) for clip in bench.generated], bench.metrics, bench.tick)
    return {name: _one_symmetry(bench, name, metric, exchanged.states[name]) for name, metric in bench.metrics.items()}


def _exchanged(clip: ScoringClip) -> ScoringClip:
    return ScoringClip(clip.key, clip.cluster, clip.prompt, load=clip.paired or clip.load, paired=clip.load)


def _one_symmetry(bench: _Bench, name: str, metric: Metric, exchanged: State) -> LawResult:
    reads_pair = bench.natures[name].reads_pair
    if not (metric.uses_reference or reads_pair):
        return not_applicable("symmetry", "it compares with nothing")
    if not is_symmetric(metric, reads_pair=reads_pair):
        return not_applicable("symmetry", "the two sides have different parts in it")
    state = bench.base[name]
    other = State(state.reference, state.generated) if metric.uses_reference else exchanged
    return _equal("symmetry", outcome(metric, name, state), outcome(metric, name, other), SYMMETRY_TOLERANCE)
