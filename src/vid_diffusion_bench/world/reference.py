"""Reference clips of the world: what a perfect model would make, without limit and without a download."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from vid_diffusion_bench.world.captions import NUM_TEMPLATES, VALID, caption
from vid_diffusion_bench.world.render import RENDERER_VERSION, render
from vid_diffusion_bench.world.scene import Attributes, Scene, sample_scene


def reference_scenes(n: int, seed: int = 0, attributes: Attributes | None = None) -> list[Scene]:
    """``n`` scenes; scene i depends on ``seed`` and i alone, so a longer list starts with the shorter one.

    Without ``attributes`` every valid combination is equally likely.
    """
    return [_scene(seed, index, attributes) for index in range(n)]


def _scene(seed: int, index: int, attributes: Attributes | None) -> Scene:
    rng = np.random.default_rng([seed, index])
    return sample_scene(rng, attributes or VALID[rng.integers(len(VALID))])


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """``n`` captioned clips of one size; iterating renders them one by one."""

    n: int
    seed: int = 0
    num_frames: int = 17
    height: int = 64
    width: int = 64
    fps: float = 8.0

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        """(caption, frames (T, H, W, C) uint8), the captions in every template in turn."""
        for index, scene in enumerate(reference_scenes(self.n, self.seed)):
            frames = render(scene, self.num_frames, self.height, self.width, self.fps)
            yield caption(scene.attributes, index % NUM_TEMPLATES), frames

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the renderer's version and every parameter: equal fingerprints mean equal pixels."""
        parameters = {"renderer": RENDERER_VERSION, **asdict(self), "fps": float(self.fps)}
        return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
