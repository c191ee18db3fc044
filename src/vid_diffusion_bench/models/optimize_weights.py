"""A denoiser's weights in fewer bits: 8-bit floats by diffusers, integers by torchao and bitsandbytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.optimization import OptimizationProfile

_INSTALL = {
    "torchao": "pip install torchao",
    "bitsandbytes": "pip install bitsandbytes",
    "mslk": "torchao-int8; or mslk 1.0 or later, as torchao's documentation says (PyPI has only 0.0.0)",
    "torch_tensorrt": "pip install torch-tensorrt",
}
_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "torchao-int8": ("torchao",),
    "torchao-int4": ("torchao", "mslk"),
    "torchao-fp8": ("torchao",),
    "bitsandbytes-int8": ("bitsandbytes",),
    "bitsandbytes-nf4": ("bitsandbytes",),
}
_ON_A_GPU = ("torchao-int4", "bitsandbytes-int8", "bitsandbytes-nf4")
_FORMATS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "torchao-int8": ("Int8WeightOnlyConfig", {}),
    "torchao-int4": ("Int4WeightOnlyConfig", {}),
    "torchao-fp8": ("Float8WeightOnlyConfig", {}),
    "bitsandbytes-int8": ("BitsAndBytesConfig", {"load_in_8bit": True}),
    "bitsandbytes-nf4": ("BitsAndBytesConfig", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}),
}


def require(library: str, switch: str) -> None:
    """Raise :class:`MissingDependencyError`, with the install line, if ``library`` is not there."""
    if find_spec(library) is None:
        raise MissingDependencyError(f"{switch} needs {library}, which is not installed", remedy=_INSTALL[library])


def check_weights(profile: OptimizationProfile, device: str) -> None:
    """Raise what is missing for the profile's storage of weights.

    Raises:
        MissingDependencyError: A library.
        ValidationError: A GPU.
    """
    name = profile.quantization
    if name is None:
        return
    for library in _LIBRARIES[name]:
        require(library, f"quantization {name}")
    if name in _ON_A_GPU and device == "cpu":
        raise ValidationError(
            f"quantization {name} needs a GPU; this is {device}", remedy="torchao-int8 and torchao-fp8 run on a CPU"
        )


def quantization_config(name: str, components: Sequence[str]) -> Any:
    """The pipeline's quantisation of ``components``, as ``from_pretrained`` takes it."""
    import diffusers

    return diffusers.PipelineQuantizationConfig(quant_mapping={part: _scheme(name) for part in components})


def _scheme(name: str) -> Any:
    import diffusers

    class_name, options = _FORMATS[name]
    if not name.startswith("torchao"):
        return diffusers.BitsAndBytesConfig(**options)
    from torchao import quantization

    return diffusers.TorchAoConfig(getattr(quantization, class_name)(**options))


def quantized(modules: Mapping[str, Any], name: str) -> dict[str, Any]:
    """How many weights of each denoiser the library holds; a denoiser without one raises.

    Raises:
        ValidationError: Nothing was quantised.
    """
    return _counted(modules, _is_quantized, f"quantization {name} changed no weight of")


def store_in_fp8(modules: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the layers' weights as float8_e4m3fn between the calls that use them.

    Raises:
        ValidationError: No layer of a denoiser can be kept so.
    """
    import torch

    for module in modules.values():
        module.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16)
    return _counted(modules, lambda weight: weight.dtype == torch.float8_e4m3fn, "precision fp8 changed no weight of")


def _counted(modules: Mapping[str, Any], changed: Callable[[Any], bool], problem: str) -> dict[str, Any]:
    found = {}
    for name, module in modules.items():
        weights = list(module.parameters())
        count = sum(changed(weight) for weight in weights)
        if not count:
            raise ValidationError(f"{problem} {type(module).__name__}", remedy="leave it out for this model")
        found[name] = f"{count} of {len(weights)} tensors"
    return found


def _is_quantized(weight: Any) -> bool:
    """torchao's weights are tensors of a class of its own; those of bitsandbytes hold integers."""
    import torch

    return type(weight.data) is not torch.Tensor or weight.dtype in (torch.int8, torch.uint8)
