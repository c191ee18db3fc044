"""Differences of two subjects in a figure to which each clip contributes a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vid_diffusion_bench.comparison.figures import Figure
from vid_diffusion_bench.comparison.pairs import Pair
from vid_diffusion_bench.comparison.result import Difference, MarginTest
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import (
    FEWEST_CLUSTERS,
    FEWEST_TWO_SIDED,
    PairedTest,
    cluster_bootstrap,
    equivalence,
    hedges_g,
    interval_caution,
    mean,
    non_inferiority,
    paired_t,
    paired_test,
    rank_biserial,
    sign_flip,
    wilcoxon,
)

ROUNDING = 1e-12
"""Numbers that differ by no more of themselves differ by the order of a summation."""
ONE_PROMPT = "the pairs are of one prompt; clips of one prompt are not independent, so nothing can be tested"
ALL_EQUAL = "all pairs are equal"
TESTS: Final[Mapping[str, Callable[[Sequence[float], Sequence[str]], PairedTest]]] = {
    "auto": paired_test,
    "t": paired_t,
    "wilcoxon": wilcoxon,
    "sign-flip": sign_flip,
}
"""Tests that a comparison can be asked for; ``auto`` chooses by the data."""


@dataclass(frozen=True)
class PairedValues:
    """Both numbers of each pair that has both, (N,) each, with the prompt of each."""

    first: list[float]
    second: list[float]
    clusters: list[str]

    @property
    def differences(self) -> list[float]:
        """First less second, (N,); 0 where nothing but rounding is between them."""
        return [
            0.0 if math.isclose(one, other, rel_tol=ROUNDING) else one - other
            for one, other in zip(self.first, self.second, strict=True)
        ]


def paired_values(figure: Figure, first: Subject, second: Subject, pairs: Sequence[Pair]) -> PairedValues:
    """The numbers of ``figure`` in ``pairs``, whose baseline is of ``first``."""
    of_first, of_second = figure.of(first), figure.of(second)
    found = [(of_first(pair.baseline), of_second(pair.candidate), pair.cluster) for pair in pairs]
    known = [(one, other, prompt) for one, other, prompt in found if one is not None and other is not None]
    return PairedValues(
        [one for one, _, _ in known], [other for _, other, _ in known], [prompt for *_, prompt in known]
    )


def difference_of(
    first: str,
    second: str,
    values: PairedValues,
    *,
    higher_is_better: bool | None,
    margin: float | None,
    test: str = "auto",
) -> Difference:
    """What the pairs say; ``reason`` where they say nothing. The p-values are not adjusted yet.

    The interval is :func:`~vid_diffusion_bench.statistics.cluster_bootstrap`'s over prompts, ``test`` one of
    :data:`TESTS`.
    """
    differences, clusters = values.differences, values.clusters
    prompts = len(set(clusters))
    known = Difference(first=first, second=second, n=len(differences), prompts=prompts)
    if not differences:
        return known.model_copy(update={"reason": "no pair has a value of both"})
    known = known.model_copy(
        update={
            "first_value": mean(values.first),
            "second_value": mean(values.second),
            "difference": mean(differences),
        }
    )
    if prompts < 2:
        return known.model_copy(update={"reason": ONE_PROMPT, "interval_reason": ONE_PROMPT})
    found = known.model_copy(update=_interval(differences, clusters))
    if not any(differences):
        found = found.model_copy(update={"p_value": 1.0, "reason": ALL_EQUAL})
    else:
        found = _tested(found, differences, clusters, test)
    if margin is not None:
        outcome = margin_test(differences, clusters, margin, higher_is_better=higher_is_better)
        found = found.model_copy(update={"margin": outcome})
    return found


def _interval(differences: list[float], clusters: list[str]) -> dict[str, Any]:
    """The 95 % interval, or why so few prompts have none."""
    prompts = len(set(clusters))
    if prompts < FEWEST_TWO_SIDED:
        why = f"{prompts} prompts are too few for an interval and for a finding at 5 %; {FEWEST_TWO_SIDED} are needed"
        return {"interval_reason": why}
    return {
        "confidence_interval": cluster_bootstrap(differences, clusters),
        "interval_caution": interval_caution(differences, clusters),
    }


def _tested(found: Difference, differences: list[float], clusters: list[str], asked: str) -> Difference:
    try:
        test = TESTS[asked](differences, clusters)
    except ValidationError as error:
        return found.model_copy(update={"reason": error.message})
    effect, size = _effect(test.test, differences, clusters)
    return found.model_copy(
        update={
            "test": test.test,
            "test_reason": test.reason or None,
            "statistic": test.statistic if math.isfinite(test.statistic) else None,
            "p_value": test.p_value,
            "effect": effect if size is not None else None,
            "effect_size": size,
        }
    )


def _effect(test: str, differences: list[float], clusters: list[str]) -> tuple[str, float | None]:
    """The effect size that goes with a test: of ranks with a test of ranks, standardised with the others."""
    name, of = ("rank-biserial", rank_biserial) if test == "wilcoxon" else ("Hedges' g", hedges_g)
    try:
        size = float(of(differences, clusters))
    except ValidationError:
        return name, None
    return name, size if math.isfinite(size) else None


def check_margin(margin: float, name: str = "") -> None:
    """Refuse a margin that is no positive number."""
    if not 0 < margin < math.inf:
        of = f" of {name}" if name else ""
        raise ValidationError(
            f"a margin{of} is above zero, as {margin} is not",
            remedy="give the largest difference that would not matter",
        )


def margin_test(
    differences: Sequence[float], clusters: Sequence[str], margin: float, *, higher_is_better: bool | None
) -> MarginTest:
    """Equivalence within ``margin`` (in the figure's unit), and non-inferiority of either side.

    Raises:
        ValidationError: The margin is not above zero.
    """
    check_margin(margin)
    if len(set(clusters)) < FEWEST_CLUSTERS:
        return MarginTest(margin=margin, reason=f"{len(set(clusters))} prompts are fewer than {FEWEST_CLUSTERS}")
    found = equivalence(differences, clusters, margin)
    sides: dict[str, bool] = {}
    if higher_is_better is not None:
        sign = -1 if higher_is_better else 1
        losses = [sign * difference for difference in differences]
        sides["first_not_worse"] = non_inferiority(losses, clusters, margin).holds
        sides["second_not_worse"] = non_inferiority([-loss for loss in losses], clusters, margin).holds
    return MarginTest(margin=margin, equivalent=found.holds, p_value=found.p_value, **sides)
