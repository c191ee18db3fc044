"""An experiment made real: conditions as configurations, clips through the engine, what came of each trial."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from vid_diffusion_bench import events
from vid_diffusion_bench.comparison.clip_costs import cost_of
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import Made, run_conditions
from vid_diffusion_bench.exceptions import MetricNotFoundError, StorageError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.research.experiment import Condition, Experiment
from vid_diffusion_bench.research.factors import configuration
from vid_diffusion_bench.research.outcome import RESULTS, ClipOutcome, ExperimentResults, write_text
from vid_diffusion_bench.results import MetricResult, ModelResult, SampleRecord

DESIGN = "experiment.json"
COSTS: Mapping[str, str] = {
    "avg_latency_ms": "latency",
    "peak_ram_gb": "peak_rss",
    "peak_vram_gb": "peak_vram",
    "energy_per_clip_joules": "energy_joules",
}
"""What making a clip cost, as a metric of an experiment: its name to the field of its record it is read from."""


def execute(
    experiment: Experiment,
    output_dir: Path,
    device: str,
    *,
    listener: events.Listener = events.ignore,
    stop: threading.Event | None = None,
    retry_failed: bool = False,
    reference: str | None = None,
    save_videos: bool = True,
) -> ExperimentResults:
    """Make, score and write down every trial; what is in the folder already is not made again.

    Raises:
        ValidationError: The folder holds another experiment.
        ModelNotFoundError: A model is not known; nothing was done.
        ModelLoadingError: None of the models can be opened here; nothing was done.
        RunLockedError: Another process is writing to the folder.
        StorageError: The folder cannot be written; what was measured before is kept.
    """
    started = time.perf_counter()
    _claim(output_dir, experiment)
    known, absent = _known_metrics(experiment.metrics)
    shared = {
        "output_dir": str(output_dir),
        "metrics": [name for name in known if name not in COSTS],
        "seed": experiment.seed,
        "save_videos": save_videos,
        **({} if "device" in experiment.parameters else {"device": device}),
        **({"reference": reference} if reference else {}),
    }
    prompts = _prompts(experiment)
    configs: dict[str, BenchmarkConfig] = {
        condition.id: configuration(condition.fields, experiment.parameters, prompts[condition.id], **shared)
        for condition in experiment.conditions
    }
    order = [(trial.condition, trial.prompt, trial.index) for trial in experiment.trials]
    made = run_conditions(configs, order, listener=listener, stop=stop, retry_failed=retry_failed)
    results = _results(experiment, made, known, absent, output_dir, time.perf_counter() - started)
    results.save(output_dir / RESULTS)
    return results


def _claim(folder: Path, experiment: Experiment) -> None:
    """Write the design into the folder, or see that it is the one that is there."""
    path = folder / DESIGN
    try:
        there = json.loads(path.read_text(encoding="utf-8")).get("fingerprint") if path.is_file() else None
    except (OSError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} cannot be read: {error}", remedy="use another output_dir") from error
    if there not in (None, experiment.fingerprint):
        raise ValidationError(
            f"{folder} holds another experiment ({str(there)[:12]})", remedy="use another output_dir for this one"
        )
    write_text(path, experiment.model_dump_json(indent=1))


def _known_metrics(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The metrics that are registered or costs, and of the others why they have no value."""
    known, absent = [], {}
    for name in names:
        try:
            if name not in COSTS:
                MetricRegistry.resolve(name)
            known.append(name)
        except MetricNotFoundError as error:
            absent[name] = f"{error.message}: nothing was measured; register it with MetricRegistry.register"
    return known, absent


def _prompts(experiment: Experiment) -> dict[str, list[str]]:
    """The prompts of each condition in the order of its trials; one comes as often as it has seeds."""
    prompts: dict[str, list[str]] = {condition.id: [] for condition in experiment.conditions}
    for trial in experiment.trials:
        prompts[trial.condition].append(trial.prompt)
    return prompts


def _results(
    experiment: Experiment, made: Made, known: list[str], absent: dict[str, str], folder: Path, seconds: float
) -> ExperimentResults:
    records = {
        (name, record.prompt, record.index): record for name, model in made.models.items() for record in model.records
    }
    conditions = {condition.id: condition for condition in experiment.conditions}
    whole = {name: _whole_set(model) for name, model in made.models.items()}
    clips = [
        _outcome(order, conditions[trial.condition], records.get(key), key, known)
        for order, trial in enumerate(experiment.trials, 1)
        for key in [(trial.condition, trial.prompt, trial.index)]
    ]
    done = any(clip.status == "completed" for clip in clips)
    return ExperimentResults(
        experiment=experiment,
        status="interrupted" if made.interrupted else "completed" if done else "failed",
        clips=clips,
        whole_set=whole,
        absent=absent,
        not_set=made.not_set,
        manifests=made.manifests,
        execution_time=seconds,
        output_dir=str(folder),
    )


def _whole_set(model: ModelResult) -> dict[str, MetricResult]:
    """The results of metrics that give single clips no value."""
    by_clip = {name for record in model.records for name, score in record.scores.items() if score.value is not None}
    return {name: result for name, result in model.metric_results.items() if name not in by_clip}


def _outcome(
    order: int, condition: Condition, record: SampleRecord | None, key: tuple[str, str, int], known: list[str]
) -> ClipOutcome:
    about = {
        "order": order,
        "condition": condition.id,
        "settings": condition.settings,
        "prompt": key[1],
        "index": key[2],
    }
    if record is None:
        return ClipOutcome(**about, status="not run", failure="the experiment was stopped before")
    values, reasons = _values(record, known)
    return ClipOutcome(
        **about,
        seed=record.seed,
        status=record.status,
        failure=record.failure.message if record.failure else None,
        values=values,
        reasons=reasons,
        clip_sha256=record.clip.sha256 if record.clip else None,
        key=record.key,
        created_at=record.created_at,
    )


def _values(record: SampleRecord, known: list[str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """What was measured of one clip; metrics of whole sets are left out."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    if record.status != "completed":
        return values, reasons
    for name in known:
        if name in COSTS:
            values[name] = None if record.cost is None else cost_of(record.cost, name)
            why = "not measured" if record.cost is None else record.cost.reasons.get(COSTS[name], "not measured")
        elif name in record.scores:
            values[name] = record.scores[name].value
            why = record.scores[name].reason or "no reason was given"
        else:
            continue
        if values[name] is None:
            reasons[name] = why
    return values, reasons
