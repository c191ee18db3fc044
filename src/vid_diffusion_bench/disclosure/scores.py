"""The clips scored again, and every number of it beside the stated one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from vid_diffusion_bench.disclosure.bundle import Progress
from vid_diffusion_bench.disclosure.clips import Sound
from vid_diffusion_bench.disclosure.comparison import Comparison
from vid_diffusion_bench.disclosure.naming import name_of
from vid_diffusion_bench.disclosure.real import Real
from vid_diffusion_bench.disclosure.tolerance import Standing, Tolerance, of_the_set, standing, tolerance_of
from vid_diffusion_bench.disclosure.verification import CANNOT, Check, Difference, check_of
from vid_diffusion_bench.disclosure.wording import comparable, of_this_version
from vid_diffusion_bench.metrics import MetricRegistry, unavailable
from vid_diffusion_bench.results import BenchmarkResult, MetricResult, ModelResult, SampleRecord
from vid_diffusion_bench.scoring import Scores, ScoringClip, score
from vid_diffusion_bench.video import read_video

_COMPARED = ("value", "confidence_interval", "n", "total", "reason", "interval_reason", "label", "unit")
_COMPARED_TOO = ("higher_is_better", "metadata", "warnings")


@dataclass(frozen=True)
class _Model:
    """One model's stated result, and the same scored again; ``lacking`` are the samples whose clips are not at hand."""

    stated: ModelResult
    again: Scores
    scored: Sequence[SampleRecord]
    lacking: int
    real: Real
    same_version: bool


def score_checks(result: BenchmarkResult, sound: Sound, real: Real, progress: Progress) -> list[Check]:
    """One check for every metric of every model. Nothing is read from or kept in the user's store of features."""
    if not sound.clips:
        return [Check(part="scores", name="scores of the clips", outcome=CANNOT, detail="no clips to score")]
    checks: list[Check] = []
    for model in result.models:
        checks += _model_checks(model, result, sound, real, progress)
    return checks


def _model_checks(
    model: ModelResult, result: BenchmarkResult, sound: Sound, real: Real, progress: Progress
) -> Iterator[Check]:
    completed = [record for record in model.records if record.status == "completed"]
    scored = [record for record in completed if sound.has(record)]
    known = [name for name in model.metric_results if name in MetricRegistry]
    again = score(
        [_clip(record, sound, real) for record in scored],
        known,
        total=len(model.records),
        reference=real.reference,
        reference_reason=real.reason,
        subsample=result.config.subsample,
        progress=partial(progress, f"scores of {model.model_name}"),
        reference_progress=partial(progress, "real clips"),
    )
    seen = _Model(model, again, scored, len(completed) - len(scored), real, of_this_version(result))
    for name, stated in model.metric_results.items():
        if name in known:
            yield _metric_check(name, stated, seen)
        else:
            why = f"no metric {name} is registered here"
            yield Check(part="scores", name=f"{model.model_name}: {name}", outcome=CANNOT, detail=why)


def _clip(record: SampleRecord, sound: Sound, real: Real) -> ScoringClip:
    assert record.clip is not None
    load = partial(read_video, sound.clips[record.clip.sha256])
    return ScoringClip(record.key, record.prompt_id, record.prompt, load, real.pairs.get(record.prompt))


def _metric_check(name: str, stated: MetricResult, seen: _Model) -> Check:
    title = f"{seen.stated.model_name}: {name}"
    metric = MetricRegistry.get(name)
    if not stated.protocol:
        return _unmeasured(title, name, stated, seen)
    if reason := unavailable(metric):
        return Check(part="scores", name=title, outcome=CANNOT, detail=reason)
    apart = standing(stated.protocol, metric.protocol())
    if apart.others:
        return _other_protocol(title, apart, seen)
    allowed = tolerance_of(stated, same_versions=not apart.versions)
    compared = Comparison()
    _compare_clips(compared, name, seen, allowed)
    cannot = _compare_set(compared, name, stated, seen, allowed)
    return Check(
        part="scores",
        name=title,
        outcome=compared.outcome if compared.differences or not cannot else CANNOT,
        n=compared.n,
        detail="; ".join(
            filter(None, [cannot, f"other versions: {', '.join(apart.versions)}" if apart.versions else ""])
        ),
        tolerance=allowed.size,
        tolerance_reason=allowed.reason,
        largest=compared.largest,
        differences=compared.differences,
    )


def _unmeasured(title: str, name: str, stated: MetricResult, seen: _Model) -> Check:
    """A metric that could not run there: it must state no number, neither of the set nor of a clip."""
    numbers = [(title, stated.value)]
    numbers += [(f"{name} of {name_of(r)}", r.scores[name].value) for r in seen.stated.records if name in r.scores]
    told = [
        Difference(what=f"{what}: without a protocol", stated=value) for what, value in numbers if value is not None
    ]
    return check_of("scores", title, len(numbers), told, detail=f"no number is stated: {stated.reason}")


def _other_protocol(title: str, apart: Standing, seen: _Model) -> Check:
    """Other weights or parameters cannot be checked; but one version of this package has one formula a metric."""
    own = [entry for entry in apart.others if "features." not in entry.partition(" ")[0]]
    if own and seen.same_version:
        told = [Difference(what=f"{title}: protocol: {entry}") for entry in own]
        return check_of("scores", title, 0, told)
    detail = f"measured under another protocol: {'; '.join(apart.others)}"
    return Check(part="scores", name=title, outcome=CANNOT, detail=detail)


def _compare_clips(compared: Comparison, name: str, seen: _Model, allowed: Tolerance) -> None:
    for record in seen.scored:
        stated, found = record.scores.get(name), seen.again.per_clip[name].get(record.key)
        if found is not None and found.value is None and seen.real.is_lacking:
            continue
        what = f"{name} of {name_of(record)}"
        compared.number(what, stated.value if stated else "no score", found.value if found else None, allowed.size)
        if stated and found and stated.value is None and seen.same_version:
            compared.number(f"reason of {what}", stated.reason, found.reason)


def _compare_set(compared: Comparison, name: str, stated: MetricResult, seen: _Model, allowed: Tolerance) -> str | None:
    """Compare the number of the whole set, or say why it cannot be."""
    if seen.lacking:
        return f"{seen.lacking} of the clips it was computed of are not at hand"
    found = seen.again.results[name]
    if seen.real.is_lacking and (stated.protocol.get("reference") or found.value is None != (stated.value is None)):
        return seen.real.reason
    title = f"{seen.stated.model_name}: {name}"
    own = MetricRegistry.get(name).protocol()
    compared.tree(f"{title}: protocol", of_the_set(stated.protocol, own), of_the_set(found.protocol, own))
    scale = max(abs(stated.value or 0.0), abs(stated.metadata.get("noise_floor") or 0.0))
    fields = set(_COMPARED) | set(_COMPARED_TOO)
    first, second = (_shown(entry, fields, seen) for entry in (stated, found))
    compared.tree(title, first, second, allowed.size, scale)
    return None


def _shown(result: MetricResult, fields: set[str], seen: _Model) -> dict[str, Any]:
    data = comparable(result.model_dump(mode="json", include=fields), same_version=seen.same_version)
    if seen.real.given:
        data["metadata"].pop("reference", None)  # the name of the folder, which is another here
    return data
