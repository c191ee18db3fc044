"""``shapes-oracle``: renders what the prompt says of the built-in world. A ceiling for the metrics, not a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models.base import GenerationRequest, StepCallback, VideoModel
from vid_diffusion_bench.video import Video

ClipShape = tuple[int, int, int, float]
"""(T, H, W, fps)"""

DEFAULTS = GenerationParameters(num_frames=17, fps=8, height=64, width=64, num_inference_steps=1)

MAX_BYTES = 2**31
"""Of the pixels of one batch: more than that is refused before memory runs out."""


class OracleModel(VideoModel):
    """The renderer of the built-in world under a model's name: what a prompt leaves open is drawn from the seed.

    Nothing is denoised: it reports one step a batch, steps and guidance have nothing to act on (a run asks them of all
    its models alike), and what would have to change the picture is refused.
    """

    name = "shapes-oracle"

    @property
    def defaults(self) -> GenerationParameters:
        return DEFAULTS

    def provenance(self) -> dict[str, Any]:
        from vid_diffusion_bench.world.render import RENDERER_VERSION

        return {
            "class": "OracleModel",
            "kind": "procedural renderer, not a diffusion model",
            "renderer_version": RENDERER_VERSION,
            "numpy": np.__version__,
            "licence": "Apache-2.0",
        }

    def check(self, parameters: GenerationParameters, batch_size: int) -> None:
        refused = {
            "negative_prompt": bool(parameters.negative_prompt),
            "scheduler": parameters.scheduler is not None,
            "image": parameters.image is not None,
            "video": parameters.video is not None,
            "extra": bool(parameters.extra),
        }
        given = [name for name, is_given in refused.items() if is_given]
        if given:
            raise ValidationError(
                f"shapes-oracle renders and does not denoise: it takes no {', '.join(given)}",
                remedy="leave it out, or compare it in a run of its own",
            )
        _check_size(parameters.over(DEFAULTS), batch_size)

    def generate(self, requests: Sequence[GenerationRequest], on_step: StepCallback) -> list[Video]:
        videos = [_render(request) for request in requests]
        on_step(1, 1)
        return videos


def _check_size(wanted: GenerationParameters, batch_size: int) -> None:
    frame = (wanted.height or 1) * (wanted.width or 1) * 3 * batch_size
    if frame * (wanted.num_frames or 1) > MAX_BYTES:
        possible = MAX_BYTES // frame
        raise ValidationError(
            f"a batch of such clips is more than {MAX_BYTES / 2**30:g} GiB of pixels",
            remedy=f"use num_frames={possible}" if possible else "use a smaller height, width or batch",
        )


def _render(request: GenerationRequest) -> Video:
    wanted = request.parameters.over(DEFAULTS)
    assert wanted.num_frames
    assert wanted.height
    assert wanted.width
    assert wanted.fps
    return render_prompt(request.prompt, request.seed, (wanted.num_frames, wanted.height, wanted.width, wanted.fps))


def render_prompt(prompt: str, seed: int | Sequence[int], shape: ClipShape) -> Video:
    """What ``prompt`` says of the built-in world; what it leaves open is drawn from ``seed``."""
    from vid_diffusion_bench.world.captions import parse
    from vid_diffusion_bench.world.render import render
    from vid_diffusion_bench.world.scene import sample_scene

    num_frames, height, width, fps = shape
    scene = sample_scene(np.random.default_rng(seed), parse(prompt))
    return Video(render(scene, num_frames, height, width, fps), float(fps))
