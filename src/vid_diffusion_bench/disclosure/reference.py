"""Which real clips the set metrics compared with, and whether those at hand are the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from vid_diffusion_bench.exceptions import InvalidVideoError, ValidationError
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.scoring import Reference
from vid_diffusion_bench.scoring.reference import Pairs, find_reference

_RECIPE = (
    "two renderings of every sample's prompt by the built-in world, of the clips' size, seeded by (seed, 0x5EED) and "
    "(seed, 0xF100): rebuilt from the prompts and seeds in samples.json"
)


def stated_fingerprints(result: BenchmarkResult) -> list[str]:
    """The fingerprints of real sets that the set metrics name, each once."""
    named = [
        str(metric.protocol["reference"])
        for model in result.models
        for metric in model.metric_results.values()
        if metric.protocol.get("reference")
    ]
    return list(dict.fromkeys(named))


def describe_reference(result: BenchmarkResult) -> dict[str, Any]:
    """``reference.json``: the kind of real set, its fingerprint and, of a folder, every clip's name and hash."""
    stated = stated_fingerprints(result)
    folder = result.config.reference
    about: dict[str, Any] = {"kind": "none", "stated_fingerprints": stated}
    if folder is not None:
        return {**about, "kind": "folder", **_folder(Path(folder), stated)}
    reference, _ = built_in(result)
    if reference is None:
        return about
    return {
        **about,
        "kind": "built-in",
        "fingerprint": reference.fingerprint,
        "description": reference.description,
        "recipe": _RECIPE,
    }


def _folder(folder: Path, stated: list[str]) -> dict[str, Any]:
    try:
        reference, _ = find_reference(str(folder), [])
    except (InvalidVideoError, ValidationError) as error:
        return {"fingerprint": None, "clips": None, "reason": f"the folder could not be read any more: {error.message}"}
    assert reference is not None
    if stated and stated != [reference.fingerprint]:
        return {"fingerprint": None, "clips": None, "reason": "the folder held other clips when the bundle was made"}
    return {
        "fingerprint": reference.fingerprint,
        "clips": [{"name": clip.key, "prompt": clip.prompt, "content": _content(clip)} for clip in reference.clips],
    }


def _content(clip: Any) -> str | None:
    return clip.content() if clip.content else None


def built_in(result: BenchmarkResult) -> tuple[Reference | None, Pairs]:
    """The built-in real set of a run; nothing is rendered yet."""
    return find_reference(None, [record for model in result.models for record in model.records])


def fingerprint_of(clips: list[dict[str, Any]]) -> str:
    """The fingerprint of a folder's listing, as scoring computes it of the folder."""
    digests = sorted(f"{Path(str(clip['name'])).name} {clip['content']}" for clip in clips)
    return hashlib.sha256("\n".join(digests).encode("utf-8", "surrogatepass")).hexdigest()
