"""Reasons and warnings are sentences, and another version of this package may word them otherwise."""

from __future__ import annotations

from typing import Any

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.results import BenchmarkResult


def of_this_version(result: BenchmarkResult) -> bool:
    """Whether every machine of a run had this version of the package."""
    return {manifest.packages.get("vid-diffusion-bench") for manifest in result.manifests.values()} == {__version__}


def comparable(data: dict[str, Any], *, same_version: bool) -> dict[str, Any]:
    """A metric's result as plain data; of another version's reasons only whether there are any, and no warnings."""
    if same_version:
        return data
    reasons = {name: data[name] is not None for name in ("reason", "interval_reason") if name in data}
    return {name: value for name, value in (data | reasons).items() if name != "warnings"}
