from __future__ import annotations

import numpy as np
import pytest

from vid_diffusion_bench.certification.specimens import Specimen
from vid_diffusion_bench.video import Video
from vid_diffusion_bench.world.captions import caption
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene


@pytest.fixture(scope="session")
def specimens():
    """Six captioned clips of 6 frames of 24 x 24 pixels."""
    scenes = [sample_scene(np.random.default_rng(index)) for index in range(6)]
    return [
        Specimen(f"clip-{index}", caption(scene.attributes), Video(render(scene, 6, 24, 24), 8.0))
        for index, scene in enumerate(scenes)
    ]


@pytest.fixture(scope="session")
def moving():
    """A coloured clip in which every frame differs from every other: 16 frames of 40 x 48 pixels."""
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(40, 216, (8, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    return Video(np.stack([picture[t : t + 40, t : t + 48] for t in range(16)]), 8.0)
