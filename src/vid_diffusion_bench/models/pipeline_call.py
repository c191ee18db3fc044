"""A diffusers pipeline's own call signature, read in this package's words, instead of a table of special cases."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models.base import GenerationRequest, StepCallback

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "num_frames": ("num_frames", "video_length", "frames"),
    "fps": ("fps", "frame_rate"),
    "height": ("height",),
    "width": ("width",),
    "num_inference_steps": ("num_inference_steps",),
    "guidance_scale": ("guidance_scale", "max_guidance_scale"),
    "negative_prompt": ("negative_prompt",),
}
"""Our word, and what pipelines call it, the first that is in the signature."""

ASSUMED_FPS = 8.0
"""Playback rate of a clip whose pipeline neither takes nor states one."""

_IMAGE_TO_VIDEO = ("ImageToVideo", "I2V", "Image2Video")
_OURS = frozenset(
    {"self", "prompt", "generator", "output_type", "return_dict", "callback", "callback_steps"}
    | {"callback_on_step_end", "num_videos_per_prompt", "num_images_per_prompt"}
    | {spelling for spellings in SPELLINGS.values() for spelling in spellings}
)


@dataclass(frozen=True)
class PipelineCall:
    """What ``Pipeline.__call__`` takes.

    Args:
        name: The pipeline's class name.
        signature: Its parameters by name.
    """

    name: str
    signature: Mapping[str, inspect.Parameter]

    @classmethod
    def of(cls, pipeline_class: type) -> PipelineCall:
        """Read a pipeline class.

        Raises:
            ModelLoadingError: It takes no number of frames, so it does not make videos.
        """
        call = cls(pipeline_class.__name__, inspect.signature(pipeline_class.__call__).parameters)
        if call.spelling("num_frames") is None:
            raise ModelLoadingError(
                f"{call.name} is not a video pipeline: its call takes no number of frames",
                remedy="give a text-to-video or image-to-video pipeline",
            )
        return call

    def spelling(self, name: str) -> str | None:
        """What this pipeline calls our ``name``, or ``None`` when it does not take it."""
        return next((word for word in SPELLINGS[name] if word in self.signature), None)

    @property
    def reads_prompt(self) -> bool:
        return "prompt" in self.signature

    @property
    def needs_image(self) -> bool:
        """Whether it cannot start without a conditioning image."""
        image = self.signature.get("image")
        if image is None:
            return False
        return image.default is inspect.Parameter.empty or any(mark in self.name for mark in _IMAGE_TO_VIDEO)

    def defaults(self) -> GenerationParameters:
        """What the signature itself states; ``None`` where the pipeline decides when called."""
        stated = {name: self._default(name) for name in SPELLINGS if name != "negative_prompt"}
        stated["fps"] = stated["fps"] or ASSUMED_FPS
        return GenerationParameters(**stated)

    def _default(self, name: str) -> Any:
        spelling = self.spelling(name)
        default = self.signature[spelling].default if spelling else None
        return default if isinstance(default, int | float) else None

    def check(self, parameters: GenerationParameters) -> None:
        """Raise :class:`ValidationError` for what this pipeline does not take or cannot do without."""
        for name in ("height", "width", "num_inference_steps", "guidance_scale", "negative_prompt"):
            if getattr(parameters, name) is not None and self.spelling(name) is None:
                raise ValidationError(f"{self.name} takes no {name}", remedy=f"leave {name} out for this model")
        for name in parameters.extra:
            self._check_extra(name)
        if self.needs_image and "image" not in parameters.extra:
            raise ValidationError(
                f"{self.name} starts from an image and was given only text",
                remedy="give the image to start from, in the file for `vid-bench run --config`: extra: {image: FILE}",
            )
        if "image" in parameters.extra:
            open_image(parameters.extra["image"])

    def _check_extra(self, name: str) -> None:
        if name in _OURS:
            raise ValidationError(
                f"extra {name!r} is set by the benchmark itself", remedy=f"use --{name} or leave it out"
            )
        if name not in self.signature:
            near = difflib.get_close_matches(name, set(self.signature) - _OURS, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else None
            raise ValidationError(f"{self.name} takes no {name!r}", remedy=hint)

    def arguments(self, requests: Sequence[GenerationRequest]) -> dict[str, Any]:
        """The keyword arguments of one call that makes ``requests`` as a batch, each with a generator of its own."""
        import torch

        parameters = requests[0].parameters
        arguments = {
            word: _as_number(value)
            for name in SPELLINGS
            if (word := self.spelling(name)) and (value := getattr(parameters, name)) is not None
        }
        arguments["generator"] = [torch.Generator("cpu").manual_seed(request.seed) for request in requests]
        arguments["output_type"] = "np"
        if self.reads_prompt:
            arguments["prompt"] = [request.prompt for request in requests]
        if isinstance(arguments.get("negative_prompt"), str):
            arguments["negative_prompt"] = [arguments["negative_prompt"]] * len(requests)
        return arguments | self._extra(parameters.extra, len(requests))

    def _extra(self, extra: Mapping[str, Any], count: int) -> dict[str, Any]:
        arguments = dict(extra)
        if "image" in arguments:
            image = open_image(arguments["image"])
            arguments["image"] = image if count == 1 else [image] * count
        return arguments

    def observed(self, on_step: StepCallback, total: int) -> dict[str, Any]:
        """The arguments that have ``on_step`` called after each denoising step; none where the pipeline cannot."""

        def on_step_end(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            on_step(step + 1, total)
            return tensors

        if "callback_on_step_end" in self.signature:
            return {"callback_on_step_end": on_step_end}
        if "callback" in self.signature:
            return {"callback": lambda step, _timestep, _latents: on_step(step + 1, total)}
        return {}


def _as_number(value: Any) -> Any:
    """``fps`` is a float to us and an integer to some pipelines."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def open_image(path: Any) -> Any:
    """The RGB picture in a file.

    Raises:
        ValidationError: It is not there or not a picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(Path(path).expanduser()) as image:
            return image.convert("RGB")
    except (OSError, TypeError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValidationError(f"{path} is not an image: {error}", remedy="give a png, jpg or webp file") from error
