"""From two run folders to a verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, get_args

from vid_diffusion_bench.comparison.pairs import PARAMETERS, Pair, Pairing, pair_samples
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.gate.closeness import Progress, closeness_checks
from vid_diffusion_bench.gate.cohort import SURROUNDINGS, cohort_differences
from vid_diffusion_bench.gate.cost import cost_checks
from vid_diffusion_bench.gate.limits import Limits, canonical
from vid_diffusion_bench.gate.quality import quality_checks
from vid_diffusion_bench.gate.result import Check, GateResult, Part, Side
from vid_diffusion_bench.gate.verdict import decide
from vid_diffusion_bench.results import BenchmarkResult, ModelResult
from vid_diffusion_bench.scoring.one_pass import no_progress
from vid_diffusion_bench.storage import ClipStore, check_not_running, load_result

MODEL: Final = "model"
UNDER_TEST: Final = tuple(dict.fromkeys([MODEL, *PARAMETERS, *SURROUNDINGS, "batch_size", "arrival"]))
"""What may be said to be under test, so that it need not agree."""
PARTS: Final[tuple[Part, ...]] = get_args(Part)


def gate(
    baseline: Path | str,
    candidate: Path | str,
    *,
    model: str | None = None,
    candidate_model: str | None = None,
    under_test: Collection[str] = (),
    limits: Limits | None = None,
    only: Part | None = None,
    progress: Progress = no_progress,
) -> GateResult:
    """Hold the run in folder ``candidate`` against that in ``baseline``.

    Args:
        baseline: Folder of a run.
        candidate: Folder of a run.
        model: The model to look at; may be left out where each run has one.
        candidate_model: What the candidate calls it; that the names differ is then under test.
        under_test: Names of :data:`UNDER_TEST` that need not agree.
        limits: What counts as a regression. Default: :class:`Limits`.
        only: Look at quality or at cost alone.
        progress: Called with pairs compared and their number.

    Raises:
        BenchmarkNotFoundError: No run has ended in a folder.
        RunLockedError: A process is writing to a folder.
        StorageError: A folder's result is damaged.
        ValidationError: No such model, metric or thing to be under test.
    """
    tested = _tested(under_test, candidate_model)
    allowed = limits or Limits()
    results = [_load(Path(folder)) for folder in (baseline, candidate)]
    first, second = (
        _model(result, name) for result, name in zip(results, (model, candidate_model or model), strict=True)
    )
    _check_margins(allowed, first, second)
    asked = [only] if only else list(PARTS)
    pairs, pairing = _pairs(first, second, tested)
    differences = cohort_differences(pairs, results[0].manifests, results[1].manifests, tested)
    checks = _lost(pairing, allowed)
    if pairs and "quality" in asked:
        stores = ClipStore(Path(baseline)), ClipStore(Path(candidate))
        checks += closeness_checks(pairs, *stores, allowed, progress)
        checks += quality_checks(first, second, pairs, allowed)
    if pairs and "cost" in asked:
        checks += cost_checks(pairs, results[0].manifests, results[1].manifests, differences, allowed)
    verdict, reasons = decide(checks, pairing, asked, differences, _names(first, second, tested))
    return GateResult(
        verdict=verdict,
        reasons=reasons,
        baseline=_side(baseline, results[0], first),
        candidate=_side(candidate, results[1], second),
        pairing=pairing,
        checks=checks,
        asked=asked,
        under_test=sorted(tested),
        cohort_differences=differences,
        warnings=_warnings(results),
    )


def _tested(under_test: Collection[str], candidate_model: str | None) -> set[str]:
    unknown = sorted(set(under_test) - set(UNDER_TEST))
    if unknown:
        raise ValidationError(f"{unknown[0]!r} cannot be under test", remedy=f"one of {', '.join(UNDER_TEST)}")
    return {*under_test, *([MODEL] if candidate_model else [])}


def _load(folder: Path) -> BenchmarkResult:
    check_not_running(folder)
    return load_result(folder)


def _model(result: BenchmarkResult, name: str | None) -> ModelResult:
    names = list(result.model_results)
    if name is None and len(names) == 1:
        return result.models[0]
    if name is None or name not in names:
        said = f"no model {name!r}" if name else f"{len(names)} models"
        raise ValidationError(
            f"run {result.benchmark_id} has {said}",
            remedy=f"name one by --model or --candidate-model: {', '.join(names)}",
        )
    return result.model(name)


def _check_margins(limits: Limits, *models: ModelResult) -> None:
    """A margin that was set for nothing is a slip of the pen, not a wish."""
    known = {canonical(name) for model in models for name in model.metric_results}
    families = {name.partition(":")[0] for name in known}
    for name in limits.margins.keys() - Limits().margins.keys():
        if name not in known | families:
            raise ValidationError(f"a margin is given for {name!r}, which neither run measured")


def _pairs(first: ModelResult, second: ModelResult, tested: Collection[str]) -> tuple[list[Pair], Pairing]:
    if _names(first, second, tested):
        return [], Pairing(baseline=len(first.records), candidate=len(second.records))
    return pair_samples(first, second, tested)


def _names(first: ModelResult, second: ModelResult, tested: Collection[str]) -> str | None:
    """Why the models must not be compared."""
    if first.model_name == second.model_name or MODEL in tested:
        return None
    return (
        f"the runs are of different models, {first.model_name} and {second.model_name}; "
        "--under-test model compares them all the same"
    )


def _lost(pairing: Pairing, limits: Limits) -> list[Check]:
    """Clips that the baseline made and the candidate did not; a share of what the baseline made."""
    made = pairing.both_clips + pairing.lost
    if not made:
        return []
    share = pairing.lost / made
    return [
        Check(
            name="lost_clips",
            group="samples",
            outcome="pass" if share <= limits.max_lost else "regression",
            candidate=share,
            limit=limits.max_lost,
            unit="share of the baseline's clips",
            higher_is_better=False,
            n=pairing.lost,
            total=made,
        )
    ]


def _side(folder: Path | str, result: BenchmarkResult, model: ModelResult) -> Side:
    return Side(
        folder=str(folder),
        benchmark_id=result.benchmark_id,
        model=model.model_name,
        status=result.status,
        created_at=result.created_at,
    )


def _warnings(results: Sequence[BenchmarkResult]) -> list[str]:
    sides = zip(("baseline", "candidate"), results, strict=True)
    return [f"the {side} is {result.status}, not completed" for side, result in sides if result.status != "completed"]
