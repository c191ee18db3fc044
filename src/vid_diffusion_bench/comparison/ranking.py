"""Places of all models in one figure, with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.comparison.figures import Figure
from vid_diffusion_bench.comparison.matching import Matching
from vid_diffusion_bench.comparison.result import RankInfo, Refusal
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics import mean, rank_models


def ranks_of(
    figure: Figure, measured: Sequence[Subject], matching: Matching, refused: Sequence[Refusal], alpha: float
) -> tuple[list[RankInfo], str | None]:
    """Ranks over the samples that all ``measured`` subjects have, best first; or none, and why."""
    if refused:
        fields = sorted({name for one in refused for name in one.differing})
        return [], f"measured under different protocols, so there is no ranking: {', '.join(fields)} differ"
    if figure.higher_is_better is None:
        return [], "no direction is better"
    if figure.scope == "set":
        return [], "a number of the whole set, of which no prompts can be drawn"
    at = [matching.subjects.index(subject) for subject in measured]
    readers = [figure.of(subject) for subject in measured]
    found = [
        (row[0].prompt_id, [of(row[place]) for place, of in zip(at, readers, strict=True)]) for row in matching.common()
    ]
    rows = [(prompt, values) for prompt, values in found if None not in values]
    if not rows:
        return [], "no sample is common to all models"
    values = {subject.name: [float(row[column] or 0.0) for _, row in rows] for column, subject in enumerate(measured)}
    try:
        ranked = rank_models(
            values, [prompt for prompt, _ in rows], higher_is_better=figure.higher_is_better, alpha=alpha
        )
    except ValidationError as error:
        return [], error.message
    return [
        RankInfo(
            name=one.model,
            value=mean(values[one.model]),
            rank=one.rank,
            interval=one.interval,
            probability_best=one.probability_best,
        )
        for one in ranked
    ], None
