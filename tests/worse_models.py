"""A small model that can be made worse on purpose: noise, slowness, lost clips."""

from __future__ import annotations

import time

import numpy as np

from small_models import Painter
from vid_diffusion_bench.video import Video

METRICS = ["motion_smoothness", "clip_similarity", "dynamic_degree"]
PROMPTS = [f"{colour} thing moves" for colour in ("red", "blue", "green", "white", "black-and-white", "yellow")]


class Worse(Painter):
    """A painter with ``noise`` (grey levels) upon every frame, who rests before each clip and drops some prompts."""

    def __init__(self, noise=0.0, rest=0.0, drop=()):
        super().__init__()
        self.noise, self.rest, self.drop = noise, rest, drop

    def generate(self, requests, on_step):
        time.sleep(self.rest)
        if any(request.prompt in self.drop for request in requests):
            raise RuntimeError("dropped")
        return [
            self._spoil(video, request.seed)
            for video, request in zip(super().generate(requests, on_step), requests, strict=True)
        ]

    def _spoil(self, video, seed):
        noise = np.random.default_rng(seed).normal(0, self.noise, video.frames.shape) if self.noise else 0
        return Video(np.clip(video.frames + noise, 0, 255).astype(np.uint8), video.fps)
