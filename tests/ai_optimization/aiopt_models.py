"""A model whose best setting is known: its clips are as bright as its parameters say, and a metric looks for one."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.video import Video

WANTED = 0.6
NOISE = 0.02


def brightness(guidance):
    """0 to 1; :data:`WANTED` at guidance 6."""
    return guidance / 10


class Lamp(VideoModel):
    """Brightness by guidance, with the seed's own error; fails and refuses on demand."""

    name = "lamp"
    made = 0
    loads = 0

    def __init__(self, *, fails_at=None, dark=False, default=2.0):
        self._fails_at, self._dark, self._default = fails_at, dark, default
        self._loaded = False

    @property
    def defaults(self):
        return GenerationParameters(
            num_frames=4, height=16, width=16, fps=8, num_inference_steps=3, guidance_scale=self._default
        )

    def provenance(self):
        return {"class": "Lamp"}

    def load(self, device, precision):
        type(self).loads += not self._loaded
        self._loaded = True

    def unload(self):
        self._loaded = False

    def generate(self, requests, on_step):
        clips = []
        for request in requests:
            asked = request.parameters
            if self._fails_at is not None and self._fails_at(asked.guidance_scale):
                raise RuntimeError("the lamp is broken")
            on_step(1, 1)
            type(self).made += 1
            noise = np.random.default_rng(request.seed).normal(0, NOISE)
            level = 0.0 if self._dark else min(max(brightness(asked.guidance_scale) + noise, 0.01), 0.99)
            frames = np.full((asked.num_frames, asked.height, asked.width, 3), round(255 * level), np.uint8)
            frames[:, 0, 0] = 255 - frames[:, 0, 0]
            clips.append(Video(frames, asked.fps))
        return clips


class Glow(PerClipMetric):
    """1 less how far the mean brightness is from :data:`WANTED`."""

    name = "glow"
    unit = "share"
    higher_is_better = True
    needs = ("frame-statistics",)
    formula = "1 - |mean luma / 255 - 0.6|"

    def measure(self, clip):
        return Measurement(1 - abs(float(clip.feature("frame-statistics").brightness.mean()) / 255 - WANTED))


PROMPTS = [f"a lamp number {number}" for number in range(1, 9)]
