"""A small real model: paints clips from prompt and seed in three steps, and misbehaves when the prompt says so."""

from __future__ import annotations

import time

import numpy as np

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.models.diffusers import to_uint8
from vid_diffusion_bench.video import Video

STEPS = 3


class Painter(VideoModel):
    """Noise that drifts to the right; the first word of a prompt may ask for trouble."""

    name = "painter"

    def __init__(self):
        self.made = []

    @property
    def defaults(self):
        return GenerationParameters(num_frames=5, height=24, width=32, fps=8, num_inference_steps=STEPS)

    def provenance(self):
        return {"class": type(self).__name__}

    def generate(self, requests, on_step):
        words = {request.prompt.split()[0] for request in requests}
        for step in range(1, STEPS + 1):
            if "slow" in words:
                time.sleep(0.05)
            if "explode" in words and step == 2:
                raise RuntimeError("the pipeline exploded")
            if "hungry" in words:
                np.empty(1 << 60, np.uint8)
            on_step(step, STEPS)
        self.made += [request.seed for request in requests]
        return [_paint(request) for request in requests][: 0 if "lost" in words else None]


def _paint(request):
    asked = request.parameters
    word = request.prompt.split()[0]
    picture = np.random.default_rng(request.seed).random((asked.height, asked.width, 3))
    count = asked.num_frames - (word == "short")
    clip = np.stack([np.roll(picture, 0 if word == "freeze" else frame, axis=1) for frame in range(count)])
    if word == "nan":
        clip[0, 0, 0, 0] = np.nan
    return Video(to_uint8(clip * (word != "black")), asked.fps)


class Unloadable(Painter):
    """Is known and cannot be made ready."""

    def load(self, device, precision):
        raise ModelLoadingError("the weights are torn", remedy="sew them")


class Reluctant(Painter):
    """Cannot even be opened here."""

    def __init__(self):
        raise ModelLoadingError("the weights are at home", remedy="fetch them")
