"""A diffusers pipeline's own call signature, read in this package's words, instead of a table of special cases."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models.base import GenerationRequest, StepCallback
from vid_diffusion_bench.models.conditioning import CONDITIONS, open_image, open_video, pictures

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

_FROM = {"image": ("ImageToVideo", "I2V", "Image2Video"), "video": ("VideoToVideo",)}
"""What a pipeline starts from, by what its class is called: some let the argument be ``None`` and then fail."""
_OURS = frozenset(
    {"self", "prompt", "generator", "output_type", "return_dict", "callback", "callback_steps"}
    | {"callback_on_step_end", "num_videos_per_prompt", "num_images_per_prompt"}
    | {*CONDITIONS}
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
        """Read a video pipeline's class.

        Raises:
            ModelLoadingError: It takes neither a number of frames nor a video, so it does not make videos.
        """
        call = cls(pipeline_class.__name__, inspect.signature(pipeline_class.__call__).parameters)
        if call.spelling("num_frames") is None and "video" not in call.signature:
            raise ModelLoadingError(
                f"{call.name} is not a video pipeline: its call takes no number of frames and no video",
                remedy="give a text-to-video, image-to-video or video-to-video pipeline",
            )
        return call

    @classmethod
    def of_images(cls, pipeline_class: type) -> PipelineCall:
        """Read a text-to-image pipeline's class.

        Raises:
            ModelLoadingError: It makes videos, or starts from something else than text.
        """
        call = cls(pipeline_class.__name__, inspect.signature(pipeline_class.__call__).parameters)
        others = (*SPELLINGS["num_frames"], *CONDITIONS)
        if "prompt" not in call.signature or any(name in call.signature for name in others):
            raise ModelLoadingError(
                f"{call.name} is not a text-to-image pipeline", remedy="give one whose call takes a prompt and no image"
            )
        return call

    def spelling(self, name: str) -> str | None:
        """What this pipeline calls our ``name``, or ``None`` when it does not take it."""
        return next((word for word in SPELLINGS[name] if word in self.signature), None)

    @property
    def reads_prompt(self) -> bool:
        return "prompt" in self.signature

    @property
    def needs(self) -> tuple[str, ...]:
        """Which of ``image`` and ``video`` it cannot start without."""
        return tuple(name for name in CONDITIONS if name in self.signature and self._cannot_do_without(name))

    def _cannot_do_without(self, name: str) -> bool:
        required = self.signature[name].default is inspect.Parameter.empty
        return required or any(mark in self.name for mark in _FROM[name])

    def defaults(self) -> GenerationParameters:
        """What the signature itself states; ``None`` where the pipeline decides when called."""
        stated = {name: self._default(name) for name in SPELLINGS if name != "negative_prompt"}
        if "video" not in self.needs:
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
        for name in CONDITIONS:
            if getattr(parameters, name) is not None and name not in self.signature:
                raise ValidationError(f"{self.name} starts from no {name}", remedy=f"leave --{name} out for this model")
        self._files(parameters)

    def lacking(self, parameters: GenerationParameters) -> tuple[str, ...]:
        """What it needs to start from and ``parameters`` do not give."""
        return tuple(name for name in self.needs if getattr(parameters, name) is None)

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
        if lacking := [name for request in requests for name in self.lacking(request.parameters)]:
            raise ValidationError(f"{self.name} starts from {_article(lacking[0])}, and none is given")
        arguments = {
            word: _as_number(value)
            for name in SPELLINGS
            if (word := self.spelling(name)) and (value := getattr(parameters, name)) is not None
        }
        generators = [torch.Generator("cpu").manual_seed(request.seed) for request in requests]
        arguments["generator"] = _one_or_list(generators)
        arguments["output_type"] = "np"
        if self.reads_prompt:
            arguments["prompt"] = [request.prompt for request in requests]
        if isinstance(arguments.get("negative_prompt"), str):
            arguments["negative_prompt"] = [arguments["negative_prompt"]] * len(requests)
        starts = [self._files(request.parameters) for request in requests]
        for name in starts[0]:
            arguments[name] = _one_or_list([start[name] for start in starts])
        extra = {name: value for name, value in parameters.extra.items() if not is_picture(name, value)}
        return arguments | extra

    def _files(self, parameters: GenerationParameters) -> dict[str, Any]:
        """The pictures and clips that ``parameters`` name, opened."""
        opened = {name: open_image(value) for name, value in parameters.extra.items() if is_picture(name, value)}
        if parameters.image is not None:
            opened["image"] = open_image(parameters.image)
        if parameters.video is not None:
            opened["video"] = pictures(open_video(parameters.video, parameters.num_frames))
        return opened

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


def is_picture(name: str, value: Any) -> bool:
    """Whether an extra argument is the path of a picture: ``last_image`` and the like."""
    return name.endswith("image") and isinstance(value, str)


def _one_or_list(given: list[Any]) -> Any:
    """What a call for one clip is given alone: some pipelines read a list of one otherwise."""
    return given[0] if len(given) == 1 else given


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
