"""How far a number that is computed again may be from the stated one, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from vid_diffusion_bench.disclosure.comparison import leaves
from vid_diffusion_bench.disclosure.derived import features_of
from vid_diffusion_bench.results import MetricResult

_LIBRARIES: Final = frozenset(
    {"av", "diffusers", "numpy", "opencv", "pillow", "scipy", "tokenizers", "torch", "torchvision", "transformers"}
)
"""The last name of a protocol's entry that is a version of a library."""
_PIXELS: Final = frozenset({"form", "frame-statistics", "frame-changes", "frame-repeats"})
"""Extractors that count and sum pixels: neither a network nor an optical flow."""


@dataclass(frozen=True)
class Tolerance:
    """Relative to the larger of two numbers."""

    size: float
    reason: str


def tolerance_of(stated: MetricResult, *, same_versions: bool) -> Tolerance:
    """The tolerance of one metric: by what it reads, and whether the libraries it runs on are the run's own.

    The sizes for other libraries are those that ``vid-bench metrics certify`` holds installations to.
    """
    learned = any(name not in _PIXELS for name, _ in features_of(stated))
    if learned and same_versions:
        return Tolerance(1e-4, "float32 sums of a network or an optical flow differ with processor and threads")
    if learned:
        return Tolerance(1e-3, "other versions of the libraries that run the network or the optical flow")
    if same_versions:
        return Tolerance(1e-9, "the last bits of float64 sums differ between processors")
    return Tolerance(1e-6, "other versions of the libraries that sum up pixels")


@dataclass(frozen=True)
class Standing:
    """What is another in the protocol here: versions of libraries, and anything else."""

    versions: tuple[str, ...]
    others: tuple[str, ...]


def standing(stated: dict[str, Any], here: dict[str, Any]) -> Standing:
    """The entries in which a stated protocol differs from the metric's own here; what is of the set is left out."""
    first, second = (dict(leaves({n: v for n, v in protocol.items() if n in here})) for protocol in (stated, here))
    apart = [path for path in dict.fromkeys([*first, *second]) if first.get(path) != second.get(path)]
    versions = [path for path in apart if path.rpartition(".")[2] in _LIBRARIES]
    others = [path for path in apart if path not in versions]
    return Standing(_told(versions, first, second), _told(others, first, second))


def of_the_set(protocol: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    """What a result adds to the metric's own protocol: the number of clips, the real set, the frames of all."""
    return {name: value for name, value in protocol.items() if name not in here}


def _told(paths: Iterable[str], stated: dict[str, Any], here: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{path} {stated.get(path, 'not stated')} (here {here.get(path, 'none')})" for path in paths)
