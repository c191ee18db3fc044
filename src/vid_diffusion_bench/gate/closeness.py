"""How close the candidate's clips are to the baseline's own: equal pixels, PSNR, SSIM, LPIPS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vid_diffusion_bench.comparison.pairs import Pair
from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.gate.limits import CLOSENESS, Limits
from vid_diffusion_bench.gate.quality import too_few
from vid_diffusion_bench.gate.result import Check
from vid_diffusion_bench.results import MetricResult, Score
from vid_diffusion_bench.scoring import Scores, ScoringClip, score
from vid_diffusion_bench.statistics import FEWEST_CLUSTERS, lower_bound
from vid_diffusion_bench.storage import ClipStore
from vid_diffusion_bench.video import Video

Progress = Callable[[int, int], None]
IDENTICAL = "identical_clips"


def closeness_checks(
    pairs: Sequence[Pair], baseline: ClipStore, candidate: ClipStore, limits: Limits, progress: Progress
) -> list[Check]:
    """One check for equal clips and one a metric, over the ``pairs`` that have two clips."""
    both = [pair for pair in pairs if pair.clips == 2]
    if not both:
        return []
    clips = [_TwoClips(pair, baseline, candidate).scoring_clip(str(at)) for at, pair in enumerate(both)]
    scores = score(clips, CLOSENESS, progress=progress)
    clusters = {clip.key: clip.cluster for clip in clips}
    return [_identical(both), *(_check(name, scores, clusters, limits.closeness.get(name)) for name in CLOSENESS)]


def _identical(pairs: Sequence[Pair]) -> Check:
    """Clips of equal pixels are equal in every metric, whatever the number of prompts."""
    same = sum(_sha256(pair, "baseline") == _sha256(pair, "candidate") for pair in pairs)
    every = same == len(pairs)
    return Check(
        name=IDENTICAL,
        group="closeness",
        outcome="pass" if every else "reported",
        candidate=same / len(pairs),
        unit="share of pairs",
        n=same,
        total=len(pairs),
        reason=None if every else "by the hash of their pixels",
    )


def _sha256(pair: Pair, side: str) -> str:
    clip = getattr(pair, side).clip
    return str(clip.sha256)


def _check(name: str, scores: Scores, clusters: Mapping[str, str], limit: float | None) -> Check:
    about = scores.results[name]
    known = Check(
        name=name,
        group="closeness",
        outcome="reported",
        label=about.label,
        candidate=about.value,
        confidence_interval=about.confidence_interval,
        limit=limit,
        unit=about.unit,
        higher_is_better=about.higher_is_better,
        n=about.n,
        total=len(clusters),
        reason=_reason(about, scores),
        warnings=[*about.warnings, *_unread(scores, len(clusters))],
    )
    return known if limit is None else known.model_copy(update=_held_against(limit, about, scores, clusters))


def _held_against(limit: float, about: MetricResult, scores: Scores, clusters: Mapping[str, str]) -> dict[str, Any]:
    """What the user's limit makes of it: the one-sided bound of the mean must not be on its wrong side."""
    measured = {key: one.value for key, one in _measured(scores.per_clip[about.name]).items() if one.value is not None}
    prompts = [clusters[key] for key in measured]
    if len(set(prompts)) < FEWEST_CLUSTERS:
        return {"outcome": "undecided", "reason": about.reason or too_few(len(set(prompts)))}
    sign = 1 if about.higher_is_better else -1
    bound = sign * lower_bound([sign * value for value in measured.values()], prompts)
    return {"bound": bound, "reason": None, "outcome": "pass" if sign * bound >= sign * limit else "regression"}


def _measured(scores: Mapping[str, Score]) -> dict[str, Score]:
    return {key: one for key, one in sorted(scores.items()) if one.value is not None}


def _reason(about: MetricResult, scores: Scores) -> str:
    if about.value is not None:
        return f"no limit is set: --close {about.name}=VALUE"
    if len(scores.broken) == about.total:
        return next(iter(scores.broken.values()))
    return (about.reason or "").replace("real clip of this name", "baseline's clip")


def _unread(scores: Scores, total: int) -> list[str]:
    if not scores.broken:
        return []
    return [f"the clips of {len(scores.broken)} of {total} pairs cannot be read: {next(iter(scores.broken.values()))}"]


class _TwoClips:
    """The clips of one pair, read together so that it is known whose cannot be read."""

    def __init__(self, pair: Pair, baseline: ClipStore, candidate: ClipStore) -> None:
        self._pair = pair
        self._stores = {"baseline": baseline, "candidate": candidate}
        self._other: Video | None = None

    def scoring_clip(self, key: str) -> ScoringClip:
        """The candidate's clip, to be compared with the baseline's."""
        return ScoringClip(key, self._pair.cluster, self._pair.baseline.prompt, self._load, self._paired)

    def _load(self) -> Video:
        self._other = self._read("baseline")
        return self._read("candidate")

    def _paired(self) -> Video:
        other, self._other = self._other, None
        return other or self._read("baseline")

    def _read(self, side: str) -> Video:
        try:
            return self._stores[side].read(getattr(self._pair, side).clip)
        except InvalidVideoError as error:
            raise InvalidVideoError(f"the {side}'s: {error.message}", remedy=error.remedy) from error
