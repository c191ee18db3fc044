"""A clip on its way through scoring, and the frozen functions that are computed of it once.

A :class:`Clip` is decoded at most once and keeps each feature it was asked for until it is dropped, so the number of
metrics changes neither the number of decodes nor of network passes. With a :class:`FeatureStore` it finds what an
earlier pass computed of the same pixels, and then need not be decoded at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError, MetricNotFoundError
from vid_diffusion_bench.features.store import FeatureStore, Kept
from vid_diffusion_bench.registry import Registry
from vid_diffusion_bench.results import fingerprint
from vid_diffusion_bench.video import DECODER, Video

Shape = tuple[int, int, int, float]


class Clip:
    """One clip, decoded on first use.

    Args:
        key: Name of the clip, unique in its set.
        cluster: What it shares with clips that are not independent of it (its prompt's id).
        load: Gives the frames.
        prompt: The text it was made from; ``None`` when unknown.
        paired: Gives the real clip that a paired metric compares it with.
        content: Equal only for equal pixels at an equal rate; ``None`` when that is not known.
        store: Where features are kept between passes; needs ``content``.
    """

    def __init__(
        self,
        key: str,
        cluster: str,
        load: Callable[[], Video],
        *,
        prompt: str | None = None,
        paired: Callable[[], Video] | None = None,
        content: str | None = None,
        store: FeatureStore | None = None,
    ) -> None:
        self.key = key
        self.cluster = cluster
        self.load = load
        self.prompt = prompt
        self._paired = paired
        self.content = content
        self._store = store if content else None
        self._features: dict[str, Any] = {}

    @cached_property
    def video(self) -> Video:
        """The frames: uint8 (T, H, W, 3)."""
        return self.load()

    @cached_property
    def paired(self) -> Video | None:
        """The frames of the real clip of this name, where there is one."""
        return self._paired() if self._paired else None

    @property
    def shape(self) -> Shape:
        """(T, H, W, fps), without decoding a clip whose features are kept."""
        form: Form = self.feature("form")
        return form.num_frames, form.height, form.width, form.fps

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the clip decided, without decoding a clip whose features are kept."""
        return tuple(self.feature("form").notes.tolist())

    def feature(self, name: str) -> Any:
        """The output of extractor ``name`` on this clip, computed the first time only.

        Raises:
            MetricComputationError: This clip has no such feature; found out the first time only too.
        """
        if name not in self._features:
            try:
                self._features[name] = self._find(get_extractor(name))
            except MetricComputationError as error:
                self._features[name] = error
        found = self._features[name]
        if isinstance(found, MetricComputationError):
            raise found
        return found

    def kept(self, name: str) -> Kept:
        """The feature as something small to hold on to: a place in the store, or the value where there is none."""
        value = self.feature(name)
        return self._store.handle(self._entry(get_extractor(name)), value) if self._store else Kept(value)

    def _find(self, extractor: FeatureExtractor) -> Any:
        if self._store is None or extractor.output is None:
            return extractor.compute(self)
        entry = self._entry(extractor)
        value = self._store.get(entry, extractor.output)
        if value is None:
            value = extractor.compute(self)
            self._store.put(entry, value)
        return value

    def _entry(self, extractor: FeatureExtractor) -> tuple[str, str, str]:
        """Extractor, its identity's hash, and the hash of what it read."""
        assert self._store is not None
        read = fingerprint([self.content, self.prompt if extractor.reads_prompt else None])
        return extractor.name, self._store.identity(extractor.name, extractor.identity), read


@dataclass(frozen=True)
class FeatureExtractor:
    """A frozen function of one clip.

    Args:
        name: What metrics ask for it by; a changed output has a new name or ``identity``.
        compute: The function; raises ``MetricComputationError`` with the reason when this clip has no such feature.
        identity: Everything that decides the output, as plain data: parameters, weights' SHA-256, library versions.
            Raises when the extractor cannot run here (weights or a library are missing).
        output: What ``compute`` gives: ``numpy.ndarray``, or a dataclass of arrays, numbers and booleans. ``None``:
            something else, which is not kept in a :class:`FeatureStore`.
        reads_prompt: Whether the prompt decides the output too.
    """

    name: str
    compute: Callable[[Clip], Any]
    identity: Callable[[], dict[str, Any]]
    output: type | None = None
    reads_prompt: bool = False


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


@dataclass(frozen=True)
class Form:
    """What every metric may need to know of a clip: its size, frames a second, and its reader's ``notes`` (texts)."""

    num_frames: int
    height: int
    width: int
    fps: float
    notes: npt.NDArray[np.str_]


def _form(clip: Clip) -> Form:
    video = clip.video
    return Form(video.num_frames, video.height, video.width, float(video.fps), np.array(video.notes, np.str_))


FeatureRegistry.register("form", FeatureExtractor("form", _form, lambda: {"decoder": DECODER}, Form))

for _name, _home in {
    "frame-statistics": "pixels:FRAME_STATISTICS",
    "frame-changes": "pixels:FRAME_CHANGES",
    "frame-repeats": "pixels:FRAME_REPEATS",
    "motion": "motion:MOTION",
    "motion-8fps": "motion:MOTION_8FPS",
    "interpolation": "motion:INTERPOLATION",
    "raft-motion": "networks.raft:MOTION",
    "raft-motion-8fps": "networks.raft:MOTION_8FPS",
    "shapes-v1-video": "builtin:VIDEO",
    "shapes-v1-text": "builtin:TEXT",
    "clip-vit-b-32": "networks.clip:B32",
    "clip-vit-b-16": "networks.clip:B16",
    "clip-vit-l-14": "networks.clip:L14",
    "clip-vit-b-32-vbench": "networks.clip:B32_VBENCH",
    "clip-vit-b-16-vbench": "networks.clip:B16_VBENCH",
    "clip-vit-l-14-vbench": "networks.clip:L14_VBENCH",
    "clip-vit-b-32-text": "networks.clip:B32_TEXT",
    "clip-vit-b-16-text": "networks.clip:B16_TEXT",
    "clip-vit-l-14-text": "networks.clip:L14_TEXT",
    "dino-vit-b-16": "networks.dino:DINO_B16",
    "dinov2-base": "networks.dino:DINOV2_BASE",
    "dinov2-base-fd": "networks.dino:DINOV2_BASE_FD",
    "dinov2-large-fd": "networks.dino:DINOV2_LARGE_FD",
    "videomae-base": "networks.videomae:BASE",
    "videomae-v2-giant-ssv2": "networks.videomae_v2:GIANT_SSV2",
    "videomae-v2-giant-ssv2-cdfvd": "networks.videomae_v2:GIANT_SSV2_CDFVD",
    "vjepa2-vit-l": "networks.vjepa2:VIT_L",
    "x-clip-base-32": "networks.x_clip:BASE_32",
    "laion-aesthetic-l-14": "networks.aesthetic:LINEAR_L14",
    "i3d-styleganv": "i3d:STYLEGANV",
    "i3d-styleganv-offset": "i3d:STYLEGANV_OFFSET",
    "i3d-tf-hub-2019": "i3d:TF_HUB",
    "i3d-cdfvd": "i3d:CDFVD_I3D",
    "inception-v3-torchscript": "networks.torchscript:INCEPTION_V3",
    "c3d-ucf101": "networks.torchscript:C3D_UCF101",
}.items():
    FeatureRegistry.register(_name, f"vid_diffusion_bench.features.{_home}")


def get_extractor(name: str) -> FeatureExtractor:
    """The extractor registered as ``name``.

    Raises:
        MetricNotFoundError: There is none.
    """
    return FeatureRegistry.get(name)
