"""What a reader of a verification should know beside the outcomes."""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.disclosure.verification import WITHIN, Check
from vid_diffusion_bench.profiling import read_manifest
from vid_diffusion_bench.results import BenchmarkResult, Manifest


def notes_of(result: BenchmarkResult, checks: Sequence[Check]) -> list[str]:
    """How this machine differs from those of the run, and what is odd if it does not."""
    here = read_manifest("cpu", "fp32")
    apart = {text: None for manifest in result.manifests.values() for text in _apart(manifest, here)}
    lines = [f"other than in the run: {', '.join(apart)}"] if apart else []
    drifted = [check for check in checks if check.part == "scores" and check.outcome == WITHIN]
    if drifted and not apart:
        lines.append(
            "this is the environment in which the clips were made, and yet some scores are only within tolerance: "
            "by features that an earlier scoring kept with another number of threads, by scoring elsewhere or later "
            "with another one, or by a change"
        )
    return lines


def _apart(stated: Manifest, here: Manifest) -> list[str]:
    names = sorted(stated.packages.keys() | here.packages.keys())
    pairs = [(name, stated.packages.get(name), here.packages.get(name)) for name in names]
    pairs += [
        (name, getattr(stated, name), getattr(here, name)) for name in ("python", "platform", "processor", "threads")
    ]
    return [f"{name} {there or 'absent'} (here {now or 'absent'})" for name, there, now in pairs if there != now]
