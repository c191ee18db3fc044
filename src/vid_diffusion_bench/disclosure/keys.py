"""Whether a sample's key is the hash of everything that decides its pixels, as far as the bundle states it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vid_diffusion_bench.disclosure.naming import name_of
from vid_diffusion_bench.disclosure.verification import Check, Difference, check_of
from vid_diffusion_bench.engine.plan import Decides, sample_key
from vid_diffusion_bench.models import GenerationRequest
from vid_diffusion_bench.models.conditioning import CONDITIONS
from vid_diffusion_bench.profiling import device_type
from vid_diffusion_bench.results import BenchmarkResult, Manifest, ModelResult, SampleRecord

_LIBRARIES = ("diffusers", "torch", "transformers")
_OWN_CLASSES = ("OracleModel",)
"""Models of this package whose identity is their provenance."""


def key_check(result: BenchmarkResult) -> Check:
    """Compute every key again from prompt, seed, parameters, weights and libraries.

    A model of another package may have an identity that its provenance does not show, and a first frame that a model
    made is known by that model's identity: such keys cannot be computed here.
    """
    differences: list[Difference] = []
    computed, unknown = 0, 0
    for model in result.models:
        for batch in _batches(model.records, result.config.batch_size):
            for record in batch:
                found = list(_keys(record, batch, model, result))
                if record.key in found:
                    computed += 1
                elif found and _is_known(model.provenance):
                    differences.append(_difference(record, found[0]))
                else:
                    unknown += 1
    detail = f"of {unknown} samples the model does not state all that its key is made of" if unknown else ""
    name = "keys are of prompt, seed, parameters and weights"
    return check_of("records", name, computed, differences, detail=detail, cannot=bool(unknown))


def _batches(records: Sequence[SampleRecord], size: int) -> Iterator[Sequence[SampleRecord]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]


def _keys(
    record: SampleRecord, batch: Sequence[SampleRecord], model: ModelResult, result: BenchmarkResult
) -> Iterator[str]:
    """The keys that the sample may have, by what its model may call its identity."""
    manifest = result.manifests.get(record.manifest)
    conditions = (record.parameters.image, record.parameters.video, *record.inputs)
    if manifest is None or any(entry is not None for entry in conditions):
        return
    extra = {name: value for name, value in record.parameters.extra.items() if name not in record.inputs}
    plain = record.parameters.model_copy(update={"extra": extra})
    common = {
        "parameters": plain.model_dump(mode="json", exclude=set(CONDITIONS)),
        "precision": manifest.precision,
        "device": device_type(manifest.device),
        **({"optimization": manifest.optimization} if manifest.optimization else {}),
    }
    for identity in _identities(model.provenance, manifest):
        yield sample_key(Decides({"model": identity, **common}), _request(record), [_request(mate) for mate in batch])


def _request(record: SampleRecord) -> GenerationRequest:
    return GenerationRequest(record.prompt, record.seed, record.parameters)


def _identities(provenance: dict[str, Any], manifest: Manifest) -> Iterator[dict[str, Any]]:
    if _is_pipeline(provenance):
        libraries = {name: manifest.packages.get(name) for name in _LIBRARIES}
        adapted = {"loras": provenance["loras"]} if "loras" in provenance else {}
        yield {
            "class": provenance["class"],
            "weights_sha256": provenance["weights_sha256"],
            "libraries": libraries,
        } | adapted
    else:
        yield {name: value for name, value in provenance.items() if name != "optimization"}


def _is_pipeline(provenance: dict[str, Any]) -> bool:
    """Whether it is what the diffusers adapter says of a pipeline."""
    return {"class", "weights_sha256", "rounding"} <= provenance.keys()


def _is_known(provenance: dict[str, Any]) -> bool:
    return _is_pipeline(provenance) or provenance.get("class") in _OWN_CLASSES


def _difference(record: SampleRecord, found: str) -> Difference:
    return Difference(what=f"key of {name_of(record)}", stated=record.key, found=found)
