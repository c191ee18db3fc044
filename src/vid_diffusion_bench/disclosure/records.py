"""Whether the records agree with the configuration and with themselves. Nothing is decoded and no model is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from vid_diffusion_bench.config import BenchmarkConfig, derive_seed, prompt_id
from vid_diffusion_bench.disclosure.contents import clip_member
from vid_diffusion_bench.disclosure.keys import key_check
from vid_diffusion_bench.disclosure.naming import SHOWN_PROMPT, name_of
from vid_diffusion_bench.disclosure.verification import Check, Difference, check_of
from vid_diffusion_bench.results import BenchmarkResult, ModelResult, SampleRecord


def record_checks(result: BenchmarkResult) -> list[Check]:
    """Prompts, seeds, samples, parameters, keys and states, each as one check over all records."""
    records = [record for model in result.models for record in model.records]
    return [
        check_of("records", "prompt ids are of the prompts", len(records), list(_prompt_ids(records))),
        check_of("records", "seeds are derived of base seed, prompt and index", len(records), list(_seeds(result))),
        check_of("records", "samples are those of the configuration", len(records), list(_samples(result))),
        check_of("records", "parameters are those of the configuration", len(records), list(_parameters(result))),
        key_check(result),
        check_of("records", "a clip or a failure, and a known environment", len(records), list(_states(result))),
    ]


def _prompt_ids(records: list[SampleRecord]) -> Iterator[Difference]:
    for record in records:
        if (found := prompt_id(record.prompt)) != record.prompt_id:
            yield Difference(what=f"prompt of {name_of(record)}", stated=record.prompt_id, found=found)


def _seeds(result: BenchmarkResult) -> Iterator[Difference]:
    for record in (record for model in result.models for record in model.records):
        found = derive_seed(result.config.base_seed, record.prompt, record.index)
        if found != record.seed:
            yield Difference(what=f"seed of {name_of(record)}", stated=record.seed, found=found)


def _planned(config: BenchmarkConfig) -> Iterator[tuple[str, int]]:
    """(prompt, index) of every sample of a model, in order."""
    made: Counter[str] = Counter()
    for prompt in config.prompts:
        for _ in range(config.samples_per_prompt):
            yield prompt, made[prompt]
            made[prompt] += 1


def _samples(result: BenchmarkResult) -> Iterator[Difference]:
    names = [model.model_name for model in result.models]
    if names != result.config.models:
        yield Difference(what="models of the run", stated=", ".join(names), found=", ".join(result.config.models))
    expected = len(result.config.prompts) * result.config.samples_per_prompt
    for model in result.models:
        if len(model.records) != expected:
            yield Difference(what=f"number of samples of {model.model_name}", stated=len(model.records), found=expected)
        yield from _order(model, result.config)


def _order(model: ModelResult, config: BenchmarkConfig) -> Iterator[Difference]:
    for record, (prompt, index) in zip(model.records, islice(_planned(config), len(model.records)), strict=False):
        if record.model != model.model_name:
            yield Difference(what=f"model of {name_of(record)}", stated=record.model, found=model.model_name)
        if (record.prompt, record.index) != (prompt, index):
            found = f"sample {index} of {prompt[:SHOWN_PROMPT]!r} by the configuration"
            yield Difference(what=f"place of {name_of(record)}", stated=name_of(record), found=found)


def _parameters(result: BenchmarkResult) -> Iterator[Difference]:
    """What the configuration states must be what each sample was made with; what it leaves open is the model's."""
    config = result.config
    asked = {name: value for name, value in config.parameters_set() if value is not None and name != "extra"}
    if config.images or config.first_frame_model:
        asked.pop("image", None)
    for record in (record for model in result.models for record in model.records):
        own: dict[str, Any] = dict(record.parameters)
        for name, value in [*asked.items(), *config.extra.items()]:
            found = own.get(name) if name in asked else record.parameters.extra.get(name)
            if found != value:
                yield Difference(what=f"{name} of {name_of(record)}", stated=str(found), found=str(value))


def _states(result: BenchmarkResult) -> Iterator[Difference]:
    keys = Counter((record.model, record.key) for model in result.models for record in model.records)
    for record in (record for model in result.models for record in model.records):
        if problem := _state(record, result, keys):
            yield Difference(what=name_of(record), stated=record.status, found=problem)
    for name, manifest in result.manifests.items():
        if name != manifest.id:
            yield Difference(what="name of an environment", stated=name, found=manifest.id)


def _state(record: SampleRecord, result: BenchmarkResult, keys: Counter[tuple[str, str]]) -> str | None:
    made = record.status == "completed"
    if made != (record.failure is None) or (made and record.clip is None):
        return "clip and failure do not fit its status"
    if record.manifest not in result.manifests and (made or record.manifest):
        return f"there is no environment {record.manifest!r}"
    if record.clip and record.clip.path not in (None, clip_member(record.clip.sha256)):
        return f"its clip is said to lie at {str(record.clip.path)[:SHOWN_PROMPT]!r}"
    return None if keys[record.model, record.key] == 1 else "two samples have its key"
