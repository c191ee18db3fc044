"""The members that say in plain words what ``results.json`` holds: made of it here, and made of it again to verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vid_diffusion_bench.disclosure.contents import ENVIRONMENT, clip_member, encode
from vid_diffusion_bench.results import BenchmarkResult, Manifest, MetricResult, SampleRecord


def derived(result: BenchmarkResult, files: Mapping[str, str]) -> dict[str, bytes]:
    """Every such member by name; ``files`` maps the pixels' hash of each packed clip to that of its file."""
    records = [record for model in result.models for record in model.records]
    manifests = {name: manifest.model_dump(mode="json") for name, manifest in result.manifests.items()}
    locks = {f"{ENVIRONMENT}/{m.id}.txt": _lock(m) for m in result.manifests.values()}
    return {
        "prompts.json": encode(_prompts(records)),
        "samples.json": encode([_sample(record, files) for record in records]),
        "environment.json": encode(manifests),
        "weights.json": encode(_weights(result)),
        **locks,
    }


def _prompts(records: list[SampleRecord]) -> list[dict[str, Any]]:
    """Each prompt once, as it was sent to the models, with the negative prompts that went with it."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        entry = found.setdefault(
            record.prompt, {"prompt_id": record.prompt_id, "prompt": record.prompt, "negative_prompts": []}
        )
        negative = record.parameters.negative_prompt
        if negative is not None and negative not in entry["negative_prompts"]:
            entry["negative_prompts"].append(negative)
    return list(found.values())


def _sample(record: SampleRecord, files: Mapping[str, str]) -> dict[str, Any]:
    """How one clip was made, its hashes, or why there is none."""
    sha256 = record.clip.sha256 if record.clip else None
    return {
        "key": record.key,
        "model": record.model,
        "prompt_id": record.prompt_id,
        "index": record.index,
        "seed": record.seed,
        "parameters": record.parameters.model_dump(mode="json"),
        "inputs": record.inputs,
        "environment": record.manifest,
        "status": record.status,
        "failure": record.failure.model_dump(mode="json") if record.failure else None,
        "pixels_sha256": sha256,
        "file_sha256": files.get(sha256) if sha256 else None,
        "file": clip_member(sha256) if sha256 in files and sha256 else None,
        "scores": {name: score.model_dump(mode="json") for name, score in record.scores.items()},
    }


def _lock(manifest: Manifest) -> bytes:
    """The packages as a requirements file, what is no package in comments."""
    about = manifest.model_dump(mode="json", exclude={"packages", "id"})
    lines = [f"# {name}: {value}" for name, value in about.items() if value not in (None, {})]
    lines += [f"{name}=={version}" for name, version in sorted(manifest.packages.items())]
    return ("\n".join(line.replace("\n", " ") for line in lines) + "\n").encode()


def _weights(result: BenchmarkResult) -> dict[str, Any]:
    """The hashes of all weights: what made the clips, and what they were scored by."""
    extractors: dict[str, Any] = {}
    for model in result.models:
        for metric in model.metric_results.values():
            for name, identity in features_of(metric):
                if hashes := _hashes(identity):
                    extractors[name] = hashes
    return {
        "models": {model.model_name: _hashes(model.provenance) for model in result.models},
        "extractors": extractors,
    }


def features_of(metric: MetricResult) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, identity) of each feature extractor in a metric's protocol, those of its parts among them."""
    waiting: list[Any] = [metric.protocol]
    while waiting:
        protocol = waiting.pop()
        if not isinstance(protocol, dict):
            continue
        features, parts = protocol.get("features"), protocol.get("parts")
        for name, identity in features.items() if isinstance(features, dict) else ():
            if isinstance(identity, dict):
                yield str(name), identity
        waiting += parts.values() if isinstance(parts, dict) else ()


def _hashes(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if "sha256" in name}
