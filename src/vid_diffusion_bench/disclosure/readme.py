"""The page inside the bundle: what is in it, and how to verify it."""

from __future__ import annotations

from typing import Final

from vid_diffusion_bench.disclosure.contents import ClipsIncluded
from vid_diffusion_bench.results import BenchmarkResult

_CLIPS: Final[dict[ClipsIncluded, str]] = {
    "all": "Every clip of the run is in `clips/`, lossless, so every number can be computed again from the pixels.",
    "some": "The run itself did not keep all of its clips; those it kept are in `clips/`. Only numbers of these can\n"
    "be computed again.",
    "none": "The clips were left out. That the numbers agree with each other can be checked, and that clips which are\n"
    "made again have the stated pixels (`--regenerate`); that the numbers are those of the clips cannot.",
}

_PAGE: Final = """# A benchmark run, packed to be checked

Run `{benchmark_id}` of {models}, {samples} samples, {failed} of them failed.

{clips}

## To verify it

With vid-diffusion-bench {version} or later, in any folder of any machine:

    vid-bench verify BUNDLE.zip

It checks every file against `bundle.json`, every record against prompts, seeds and parameters, every aggregate against
the records, every clip against the hash of its pixels, and scores the clips again. Exit code 0: all that could be
checked agrees; 1: something does not, and it is named. `--regenerate 3` also makes three clips again with the model on
your machine.

Whoever changes a file can write a `bundle.json` that fits it. Compare `sha256` in there with the one that was
published: `vid-bench verify BUNDLE.zip --sha256 HEX`.

## What is in it

- `bundle.json`: SHA-256 and size of every file here, and `sha256` over all of it.
- `results.json`: the run as it was written: configuration, a record a sample with cost, scores or failure, each metric.
- `prompts.json`: the prompts as they were sent to the models.
- `samples.json`: seed, parameters, environment and hashes (of the pixels, of the file) of each sample.
- `environment.json`, `environment/*.txt`: packages with versions, Python, platform, processor and device.
- `weights.json`: SHA-256 of the weights of models and feature extractors.
- `reference.json`: which real clips the set metrics compared with.
- `certificates/`: what `vid-bench metrics certify` said of the metrics, if any.

The hash of a clip's pixels is SHA-256 of its shape (T, H, W, 3) as four little-endian 32-bit numbers, then of the
frames, 8-bit RGB.
"""


def readme(result: BenchmarkResult, clips: ClipsIncluded, version: str) -> bytes:
    """``README.md`` of a bundle."""
    records = [record for model in result.models for record in model.records]
    names = ", ".join(f"`{model.model_name}`" for model in result.models)
    failed = sum(record.status == "failed" for record in records)
    return _PAGE.format(
        benchmark_id=result.benchmark_id, models=names, samples=len(records), failed=failed,
        clips=_CLIPS[clips], version=version,
    ).encode()  # fmt: skip
