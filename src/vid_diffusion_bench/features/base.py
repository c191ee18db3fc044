"""A clip on its way through scoring, and the frozen functions that are computed of it once.

A :class:`Clip` is decoded at most once and keeps each feature it was asked for until it is dropped, so the number of
metrics changes neither the number of decodes nor of network passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vid_diffusion_bench.exceptions import MetricNotFoundError
from vid_diffusion_bench.registry import Registry
from vid_diffusion_bench.video import Video


class Clip:
    """One clip, decoded on first use.

    Args:
        key: Name of the clip, unique in its set.
        cluster: What it shares with clips that are not independent of it (its prompt's id).
        load: Gives the frames.
        prompt: The text it was made from; ``None`` when unknown.
        paired: Gives the real clip that a paired metric compares it with.
    """

    def __init__(
        self,
        key: str,
        cluster: str,
        load: Callable[[], Video],
        *,
        prompt: str | None = None,
        paired: Callable[[], Video] | None = None,
    ) -> None:
        self.key = key
        self.cluster = cluster
        self.load = load
        self.prompt = prompt
        self._paired = paired
        self._features: dict[str, Any] = {}

    @cached_property
    def video(self) -> Video:
        """The frames: uint8 (T, H, W, 3)."""
        return self.load()

    @cached_property
    def paired(self) -> Video | None:
        """The frames of the real clip of this name, where there is one."""
        return self._paired() if self._paired else None

    def feature(self, name: str) -> Any:
        """The output of extractor ``name`` on this clip, computed the first time only."""
        if name not in self._features:
            self._features[name] = get_extractor(name).compute(self)
        return self._features[name]


@dataclass(frozen=True)
class FeatureExtractor:
    """A frozen function of one clip.

    Args:
        name: What metrics ask for it by; a changed output has a new name or ``identity``.
        compute: The function; raises ``MetricComputationError`` with the reason when this clip has no such feature.
        identity: Everything that decides the output, as plain data: parameters, weights' SHA-256, library versions.
            Raises when the extractor cannot run here (weights or a library are missing).
    """

    name: str
    compute: Callable[[Clip], Any]
    identity: Callable[[], dict[str, Any]]


def _unknown(name: str, known: list[str], nearest: list[str]) -> MetricNotFoundError:
    return MetricNotFoundError(
        f"feature extractor {name!r} is not known",
        remedy=f"known are {', '.join(nearest or known)}",
        details={"available_extractors": known},
    )


FeatureRegistry: Registry[FeatureExtractor] = Registry(
    "feature extractor", group="vid_diffusion_bench.features", error=_unknown
)
"""Every extractor by name; third parties register here or under the entry-point group."""

for _name, _home in {
    "motion": "motion:MOTION",
    "motion-8fps": "motion:MOTION_8FPS",
    "interpolation": "motion:INTERPOLATION",
    "shapes-v1-video": "builtin:VIDEO",
    "shapes-v1-text": "builtin:TEXT",
}.items():
    FeatureRegistry.register(_name, f"vid_diffusion_bench.features.{_home}")


def get_extractor(name: str) -> FeatureExtractor:
    """The extractor registered as ``name``.

    Raises:
        MetricNotFoundError: There is none.
    """
    return FeatureRegistry.get(name)
