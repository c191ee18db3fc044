"""LoRA weights that are laid over a pipeline's own when it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vid_diffusion_bench.exceptions import MissingDependencyError, ModelLoadingError, ValidationError
from vid_diffusion_bench.models.snapshot import file_sha256


@dataclass(frozen=True)
class Lora:
    """A safetensors file of LoRA weights, added ``scale`` times."""

    path: Path
    scale: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Lora:
        """``FILE`` or ``FILE:SCALE``.

        Raises:
            ValidationError: The file is not there or not safetensors, or the scale is not a number.
        """
        path, scale = text, 1.0
        if not Path(text).expanduser().is_file() and ":" in text:
            path, _, number = text.rpartition(":")
            scale = _scale(number, text)
        file = Path(path).expanduser()
        if file.suffix != ".safetensors" or not file.is_file():
            raise ValidationError(f"{path} is not a file of LoRA weights", remedy="write FILE.safetensors[:SCALE]")
        return cls(file, scale)

    def identity(self) -> dict[str, Any]:
        """The content of the file and the scale, as plain data."""
        return {"sha256": file_sha256(self.path), "scale": self.scale}


def _scale(number: str, text: str) -> float:
    import math

    try:
        scale = float(number)
    except ValueError:
        scale = math.nan
    if not math.isfinite(scale):
        raise ValidationError(f"{text}: {number!r} is not a scale", remedy="write FILE.safetensors:0.8")
    return scale


def require_lora(pipeline_class: type) -> None:
    """See whether a pipeline class can take LoRA weights here.

    Raises:
        ValidationError: It cannot.
        MissingDependencyError: It could if peft were installed.
    """
    from importlib.util import find_spec

    if not hasattr(pipeline_class, "load_lora_weights"):
        raise ValidationError(f"{pipeline_class.__name__} takes no LoRA weights", remedy="leave --lora out")
    if find_spec("peft") is None:
        raise MissingDependencyError(
            "LoRA weights need the library peft", remedy="pip install 'vid-diffusion-bench[lora]'"
        )


def load_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Lay ``loras`` over the weights of a loaded pipeline.

    Raises:
        ModelLoadingError: A file is damaged or made for another model.
    """
    from safetensors import SafetensorError

    wrong = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)
    names = [f"lora_{index}" for index in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        try:
            pipeline.load_lora_weights(str(lora.path.parent), weight_name=lora.path.name, adapter_name=name)
        except wrong as error:
            raise _unfit(lora, str(error)) from error
        if name not in _adapters(pipeline):
            raise _unfit(lora, "none of its weights belongs to this model")
    if names:
        pipeline.set_adapters(names, [lora.scale for lora in loras])


def _adapters(pipeline: Any) -> set[str]:
    """Adapters that some component really has; diffusers only warns when no key of a file fits."""
    return {name for adapters in pipeline.get_list_adapters().values() for name in adapters}


def _unfit(lora: Lora, why: str) -> ModelLoadingError:
    return ModelLoadingError(
        f"{lora.path.name} cannot be laid over this model: {why.partition(chr(10))[0]}",
        remedy="give LoRA weights trained on this very model, in the layout of diffusers or peft",
    )
