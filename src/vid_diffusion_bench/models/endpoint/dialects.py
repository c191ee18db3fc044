"""How each server spells the same request.

``extended`` is what vLLM-Omni and SGLang read (their ``protocol/videos.py`` and ``protocol.py``); ``dynamo`` nests the
same under ``nvext`` (``lib/llm/src/protocols/openai/videos.rs``); ``openai`` is the Videos API alone, which has no
seed, no frames and no steps.
"""

from __future__ import annotations

from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models.base import GenerationRequest

Body = dict[str, Any]
_DENOISING = ("num_frames", "fps", "num_inference_steps", "guidance_scale", "negative_prompt")


def request_body(dialect: str, model: str, request: GenerationRequest) -> Body:
    """The fields of one request; what is left open is not sent."""
    asked = request.parameters
    body: Body = {"model": model or None, "prompt": request.prompt, "size": _size(asked)}
    if dialect == "dynamo":
        nested = {name: getattr(asked, name) for name in _DENOISING}
        body |= {"response_format": "b64_json", "nvext": _given({**nested, "fps": _plain(asked.fps)})}
        body["nvext"]["seed"] = request.seed
    elif dialect == "extended":
        body |= {name: getattr(asked, name) for name in (*_DENOISING, "height", "width")}
        body |= {"fps": _plain(asked.fps), "seed": request.seed}
    return _given(body) | asked.extra


def check_dialect(dialect: str, parameters: GenerationParameters) -> None:
    """Raise :class:`ValidationError` for what a dialect has no word for."""
    if (parameters.height is None) != (parameters.width is None):
        raise ValidationError("height and width go together", remedy="give both, or neither")
    if parameters.scheduler is not None:
        raise ValidationError("the scheduler is the server's choice", remedy="leave scheduler out")
    given = [name for name in _DENOISING if getattr(parameters, name) is not None]
    if dialect == "openai" and given:
        raise ValidationError(
            f"the OpenAI Videos API takes no {', '.join(given)}",
            remedy='leave it out; the length is asked for in seconds, with extra: {seconds: "4"}',
        )


def form_fields(body: Body) -> dict[str, str]:
    """A body for ``multipart/form-data``: texts, with nested values as JSON."""
    import json

    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}


def _given(body: Body) -> Body:
    return {name: value for name, value in body.items() if value is not None}


def _size(asked: GenerationParameters) -> str | None:
    return f"{asked.width}x{asked.height}" if asked.width and asked.height else None


def _plain(fps: float | None) -> float | int | None:
    """Servers declare frames a second as a whole number: 8.0 goes as 8."""
    return int(fps) if fps is not None and fps == int(fps) else fps
