"""How a model is made to run faster or in less memory: :class:`OptimizationProfile`, and the named levels as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vid_diffusion_bench.exceptions import ValidationError

PrecisionName = Literal["fp32", "bf16", "fp16", "fp8"]
MemorySaving = Literal["offload", "slicing", "tiling"]
CacheName = Literal[
    "first_block_cache", "pyramid_attention_broadcast", "faster_cache", "mag_cache", "sea_cache", "taylorseer_cache"
]
QuantizationName = Literal["torchao-int8", "torchao-int4", "torchao-fp8", "bitsandbytes-int8", "bitsandbytes-nf4"]
LevelName = Literal["baseline", "balanced", "performance"]

BASELINE: Final = "baseline"

LEVELS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "baseline": {"cpu": {}, "cuda": {}, "mps": {}},
    "balanced": {"cpu": {"precision": "bf16"}, "cuda": {"precision": "bf16"}, "mps": {"precision": "fp16"}},
    "performance": {
        "cpu": {"precision": "bf16", "compile_model": True},
        "cuda": {"precision": "bf16", "compile_model": True},
    },
}
"""Level to kind of device to what is set. Only what every diffusers pipeline has is in a level, so that none of them
fails on a model for want of a switch; feature caching and quantisation, which change the mathematics, are asked for by
name.
"""


_TORCH_TYPES: Final = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
PRECISIONS: Final = tuple(_TORCH_TYPES)
"""What weights can be loaded and computed in."""


def torch_dtype(precision: str) -> Any:
    """PyTorch's type of one of ``PRECISIONS``.

    Raises:
        ValidationError: It is none of them.
    """
    import torch

    return getattr(torch, _TORCH_TYPES[check_precision(precision)])


def check_precision(name: str) -> str:
    """``name``, if weights can be loaded so.

    Raises:
        ValidationError: They cannot.
    """
    if name not in PRECISIONS:
        raise ValidationError(f"no precision {name!r}", remedy=f"one of {', '.join(PRECISIONS)}")
    return name


class OptimizationProfile(BaseModel):
    """What is changed about a model before it runs. What is left out stays as the model is loaded.

    Every switch changes the pipeline, or loading the model raises with the reason; none is passed over.

    ``precision`` ``fp8`` stores the denoiser's layers as 8-bit floats (e4m3fn) and computes in ``bf16``.
    ``compile_model`` compiles the denoiser with ``torch.compile``. ``memory_efficient`` names what to use; ``True`` is
    all that the device and the pipeline have (see ``docs/optimization.md``). ``attention_backend`` is a name of
    diffusers' attention dispatch, ``feature_caching`` one of its caches, with ``feature_caching_options`` for the
    cache's own configuration. ``quantization`` stores the denoiser's weights in few bits by the library in its name.
    ``tensorrt_optimization`` compiles the denoiser with Torch-TensorRT, in place of ``torch.compile``'s own back end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    precision: PrecisionName | None = None
    compile_model: bool = False
    memory_efficient: bool | tuple[MemorySaving, ...] = False
    attention_backend: str | None = Field(None, min_length=1)
    feature_caching: CacheName | None = None
    feature_caching_options: dict[str, Any] = Field(default_factory=dict)
    quantization: QuantizationName | None = None
    tensorrt_optimization: bool = False

    @field_validator("memory_efficient")
    @classmethod
    def _in_order(cls, value: bool | tuple[MemorySaving, ...]) -> bool | tuple[MemorySaving, ...]:
        """The same savings are the same profile, however they are written."""
        return value if isinstance(value, bool) else tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _goes_together(self) -> OptimizationProfile:
        if self.precision == "fp8" and self.quantization:
            raise ValueError("precision fp8 and quantization both say how weights are stored; give one")
        if self.feature_caching_options and not self.feature_caching:
            raise ValueError("feature_caching_options goes with feature_caching")
        return self

    @classmethod
    def create(cls, **fields: Any) -> OptimizationProfile:
        """As the constructor, but a mistake raises this package's :class:`ValidationError`, one line a mistake."""
        try:
            return cls(**fields)
        except pydantic.ValidationError as error:
            problems = [
                f"{'.'.join(str(part) for part in p['loc']) or 'profile'}: {p['msg']}"
                for p in error.errors(include_url=False, include_input=False)
            ]
            remedy = f"there is {', '.join(cls.model_fields)}"
            raise ValidationError("; ".join(problems), remedy=remedy, details={"problems": problems}) from error

    @classmethod
    def of(cls, level: str, device: str) -> OptimizationProfile:
        """The profile of a named level on a device (``cpu``, ``cuda``, ``cuda:N``, ``mps``).

        Raises:
            ValidationError: There is no such level, or it is not defined on such a device.
        """
        check_level(level)
        kind = device.partition(":")[0]
        fields = LEVELS[level].get(kind)
        if fields is None:
            there = [name for name, devices in LEVELS.items() if kind in devices]
            raise ValidationError(
                f"the level {level} is not defined on {kind}", remedy=f"there is {', '.join(there)}, or a profile"
            )
        return cls(**fields)

    @property
    def loads_in(self) -> str | None:
        """The precision that weights are read and computed in; ``None`` is the model's own."""
        return "bf16" if self.precision == "fp8" else self.precision

    def switches(self) -> dict[str, Any]:
        """What is set, as plain data, without a precision that the loading already says; empty for the model as it is.

        This is what a sample's key and a manifest hold, so that a level and the same switches written out are one.
        """
        stated = self.model_dump(mode="json", exclude_defaults=True)
        if self.precision != "fp8":
            stated.pop("precision", None)
        return {name: value for name, value in stated.items() if value != []}


def check_level(name: str) -> str:
    """``name``, if there is such a level.

    Raises:
        ValidationError: There is not.
    """
    if name not in LEVELS:
        raise ValidationError(f"no optimisation level {name!r}", remedy=f"there is {', '.join(LEVELS)}")
    return name
