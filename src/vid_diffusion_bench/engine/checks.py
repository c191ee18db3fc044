"""What is wrong with a clip, and what went wrong when there is none."""

from __future__ import annotations

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import (
    GenerationError,
    InsufficientMemoryError,
    InvalidOutputError,
    ModelLoadingError,
    VidBenchError,
)
from vid_diffusion_bench.features.pixels import is_black, is_frozen
from vid_diffusion_bench.results import Failure
from vid_diffusion_bench.video import Video

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def problem_of(video: Video, parameters: GenerationParameters) -> Failure | None:
    """Why a clip cannot count as the one that was asked for: black, or of another size or length."""
    asked = {name: getattr(parameters, name) for name in ("num_frames", "height", "width")}
    wrong = [f"{name} {getattr(video, name)} instead of {n}" for name, n in asked.items() if n != getattr(video, name)]
    wrong = [text for text in wrong if not text.endswith("None")]
    if wrong:
        return _invalid(f"the model made {', '.join(wrong)}")
    if is_black(video.frames):
        return _invalid("every frame is black")
    return None


def flags_of(video: Video) -> list[str]:
    """Observations that do not make a clip a failure: ``frozen`` when nothing moves in several frames."""
    return ["frozen"] if is_frozen(video.frames) else []


def failure_of(error: Exception, stage: str, step: int | None = None) -> Failure:
    """An exception as the record of a failure; a lack of memory is told apart however the library says it."""
    if isinstance(error, VidBenchError):
        remedy = f" ({error.remedy})" if error.remedy else ""
        return Failure(code=error.code, message=f"{error.message}{remedy}", stage=stage, step=step)
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY):
        code = InsufficientMemoryError.code
    else:
        code = ModelLoadingError.code if stage == "load" else GenerationError.code
    return Failure(code=code, message=f"{type(error).__name__}: {error}", stage=stage, step=step)


def _invalid(message: str) -> Failure:
    return Failure(code=InvalidOutputError.code, message=message, stage="check")
