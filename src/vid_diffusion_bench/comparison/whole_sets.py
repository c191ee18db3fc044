"""Differences of two subjects in a number of whole sets (FVD, FID, IS): a permutation test on re-labelled features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.comparison.figures import Figure
from vid_diffusion_bench.comparison.pairs import Pair
from vid_diffusion_bench.comparison.result import Difference
from vid_diffusion_bench.comparison.set_features import Rows, SetFeatures
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.exceptions import MetricComputationError, VidBenchError
from vid_diffusion_bench.metrics import Context, Metric, MetricRegistry, Row, State
from vid_diffusion_bench.metrics.distribution.base import SetMetric
from vid_diffusion_bench.metrics.function import FunctionMetric
from vid_diffusion_bench.statistics import FEWEST_TWO_SIDED, permutation_test

TEST: Final = "permutation of labels within prompts"
RESAMPLES: Final = 999
SMALLER_RESAMPLES: Final = 199
MANY_ENTRIES: Final = 400_000
"""Entries of one set's features from which on :data:`SMALLER_RESAMPLES` are drawn, so that it takes minutes at most."""
NO_INTERVAL: Final = "the bootstrap is biased for a number of whole sets; the permutation test needs none"
MOST_PAIRS: Final = 15
"""Pairs of models that are tested by permutation: with more, Holm's correction asks for more labellings than that."""
RECOMPUTED: Final = frozenset({"n_per_set", "n"})
"""Fields of a protocol that say how many clips went in: the test takes equally many of both, so they may differ."""
_FROM_A_FUNCTION = "a registered function of whole videos leaves no features to re-label"


@dataclass(frozen=True)
class _Sets:
    """Rows of both subjects in pairs, (2 N), first those of the first; their prompts (N,); the real rows."""

    rows: list[Any]
    prompts: list[str]
    real: list[Any]

    @property
    def n(self) -> int:
        return len(self.prompts)


def set_difference(
    figure: Figure, first: Subject, second: Subject, pairs: Sequence[Pair], features: SetFeatures
) -> Difference:
    """The difference over the pairs' clips, and its p-value; ``reason`` where there is none.

    Both sets are compared with the same real clips, N against N. The hypothesis is that both models make clips of one
    distribution for every prompt; in each resample a fair coin for each prompt decides whose clips are whose, and
    the statistic is the absolute difference of the two numbers.
    """
    known = Difference(first=first.name, second=second.name, interval_reason=NO_INTERVAL)
    try:
        metric = _metric(figure)
        sets = _sets(metric, figure, first, second, pairs, features)
        value = _number(metric, figure.name, sets)
        known = known.model_copy(update=_observed(value, sets))
        if known.prompts < FEWEST_TWO_SIDED:
            raise MetricComputationError(
                f"{known.prompts} prompts have too few labellings: {FEWEST_TWO_SIDED} are needed for p <= 0.05"
            )
        if features.pairs > MOST_PAIRS:
            raise MetricComputationError(
                f"{features.pairs} pairs of models are too many for permutation tests; name six models or fewer"
            )
        return known.model_copy(update=_tested(value, sets))
    except VidBenchError as error:
        return known.model_copy(update={"reason": f"no p-value: {error.message}"})


def _metric(figure: Figure) -> Metric:
    metric = MetricRegistry.get(figure.name)
    if isinstance(metric, FunctionMetric):
        raise MetricComputationError(_FROM_A_FUNCTION)
    return metric


def _sets(
    metric: Metric, figure: Figure, first: Subject, second: Subject, pairs: Sequence[Pair], features: SetFeatures
) -> _Sets:
    one = features.generated(metric, figure.name, first)
    other = features.generated(metric, figure.name, second)
    both = [pair for pair in pairs if _has(one, pair.baseline.key) and _has(other, pair.candidate.key)]
    if not both:
        raise MetricComputationError("no pair has features of both")
    real: list[Any] = []
    if metric.uses_reference:
        found, reference = features.real(metric, figure.name, first)
        real = [found[key].value for key in sorted(found) if key not in reference.spare and _has(found, key)]
    if isinstance(metric, SetMetric):
        both, real = _equal(metric, both, real)
    rows = [one[pair.baseline.key].value for pair in both] + [other[pair.candidate.key].value for pair in both]
    return _Sets(rows, [pair.cluster for pair in both], real)


def _has(rows: Rows, key: str) -> bool:
    return key in rows and rows[key].value is not None


def _equal(metric: SetMetric, pairs: list[Pair], real: list[Any]) -> tuple[list[Pair], list[Any]]:
    """Sets of one size, where the metric depends on it: the larger is cut by a fixed random order."""
    n = min(len(pairs), len(real), metric.protocol_clips or len(pairs)) if metric.equal_n else len(pairs)
    if min(n, len(real)) < metric.least_clips:
        raise MetricComputationError(f"{n} pairs and {len(real)} real clips are too few for {metric.label}")
    if not metric.equal_n:
        return pairs, real
    rng = np.random.default_rng(0)
    return [pairs[at] for at in _drawn(len(pairs), n, rng)], [real[at] for at in _drawn(len(real), n, rng)]


def _drawn(size: int, n: int, rng: np.random.Generator) -> list[int]:
    return sorted(int(at) for at in rng.permutation(size)[:n])


Indices = npt.NDArray[np.float64]


def _number(metric: Metric, name: str, sets: _Sets) -> Callable[[Indices], float]:
    """The metric of the rows at the given places (N, 1)."""

    def value(indices: Indices) -> float:
        chosen = [sets.rows[int(at)] for at in indices[:, 0]]
        if isinstance(metric, SetMetric):
            return metric.compare(chosen, sets.real).value
        state = State(_named(chosen), _named(sets.real))
        found = metric.compute(state, Context(name, len(chosen)))
        if found.value is None:
            raise MetricComputationError(found.reason or "it has no value")
        return found.value

    return value


def _named(rows: Sequence[Any]) -> dict[str, Row]:
    return {f"{at:08d}": Row("", value) for at, value in enumerate(rows)}


def _places(sets: _Sets) -> tuple[Indices, Indices]:
    places = np.arange(2 * sets.n, dtype=np.float64)[:, None]
    return places[: sets.n], places[sets.n :]


def _observed(value: Callable[[Indices], float], sets: _Sets) -> dict[str, Any]:
    one, other = (value(places) for places in _places(sets))
    return {
        "n": sets.n,
        "prompts": len(set(sets.prompts)),
        "first_value": one,
        "second_value": other,
        "difference": one - other,
    }


def _tested(value: Callable[[Indices], float], sets: _Sets) -> dict[str, Any]:
    resamples = RESAMPLES if sum(np.size(row) for row in sets.rows[: sets.n]) < MANY_ENTRIES else SMALLER_RESAMPLES

    def apart(first: Indices, second: Indices) -> float:
        return abs(value(first) - value(second))

    found = permutation_test(apart, *_places(sets), sets.prompts, sets.prompts, resamples=resamples)
    return {"test": f"{TEST}, {found.resamples} resamples", "statistic": found.statistic, "p_value": found.p_value}
