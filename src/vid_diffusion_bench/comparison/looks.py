"""A look at an unfinished comparison: may it stop here?"""

from __future__ import annotations

from typing import Final

from vid_diffusion_bench.comparison.clip_costs import OF_A_CLIP, PEAKS
from vid_diffusion_bench.comparison.differences import paired_values
from vid_diffusion_bench.comparison.figures import find_figure, find_figures
from vid_diffusion_bench.comparison.matching import Matching
from vid_diffusion_bench.comparison.result import LookInfo
from vid_diffusion_bench.comparison.subjects import find_subjects
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.metrics import MetricRegistry, PerClipMetric
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.statistics import SequentialPlan

METHOD: Final = (
    "group-sequential: prompts in a random order fixed before, looks at equal steps; two-sided paired t test on "
    "prompts, error spending of Lan and DeMets (1983) with boundaries of O'Brien and Fleming's shape"
)
SEQUEL: Final = "sequential"
"""Key of a result's metadata under which a sequential run says how it went."""


def stopping_metric(name: str) -> tuple[str, bool]:
    """The metric or figure to stop on, and whether it is a quality metric that has to be scored.

    Raises:
        MetricNotFoundError: There is none of this name.
        ValidationError: It is a number of a whole set, in which no look at single clips is possible.
    """
    if name in {**OF_A_CLIP, **PEAKS}:
        return name, False
    if not isinstance(MetricRegistry.get(name), PerClipMetric):
        raise ValidationError(
            f"{name} is a number of a whole set, and a run can stop early only on one of single clips",
            remedy="stop on overall_score, clip_similarity or avg_latency_ms, say",
        )
    return name, True


def look(plan: SequentialPlan, number: int, prompts: int, result: BenchmarkResult, metric: str) -> LookInfo:
    """Look ``number`` at the ``prompts`` prompts that ``result`` has of two models.

    A look that cannot be taken (too few pairs, no spread) does not stop and says why.
    """
    boundary = plan.boundaries[number - 1]
    subjects = find_subjects([result])
    matching = Matching(subjects)
    first, second = subjects
    figure = find_figure(find_figures(subjects), metric)
    values = paired_values(figure, first, second, matching.pairs[first.name, second.name])
    seen = {"number": number, "prompts": prompts, "n": len(set(values.clusters)), "boundary": boundary}
    try:
        found = plan.look(number, values.differences, values.clusters)
    except ValidationError as error:
        return LookInfo(**seen, statistic=None, stop=False, reason=error.message)
    return LookInfo(**seen, statistic=found.statistic, stop=found.stop)
