"""How many parameters a pipeline on this disk has, from the headers of its safetensors: no weight is read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from vid_diffusion_bench.exceptions import ModelLoadingError
from vid_diffusion_bench.models.snapshot import VARIANT, components

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Of one parameter, by the precision it is loaded in."""

_STORED = {"BF16": "bf16", "F16": "fp16"}


@dataclass(frozen=True)
class ComponentSize:
    """One component: ``parameters`` counts the numbers of its state, a tied weight once, and buffers that are stored.

    ``stored_bytes`` is what they take as they lie on the disk, in ``stored_as``, safetensors' names of the types.
    """

    name: str
    parameters: int
    stored_bytes: int
    stored_as: tuple[str, ...]

    def bytes_in(self, precision: str) -> int:
        """What they take loaded in ``precision``."""
        return self.parameters * BYTES[precision]


def component_sizes(folder: Path) -> list[ComponentSize]:
    """The components of a pipeline's folder that have weights, in the order of its index.

    Raises:
        ModelLoadingError: A file is not safetensors.
    """
    sizes = (_component(folder / name) for name in components(folder))
    return [size for size in sizes if size is not None]


def stored_precision(part: Path) -> str:
    """What the weights in a component's folder are stored in: ``fp32``, ``fp16`` or ``bf16``.

    Raises:
        ModelLoadingError: A file is not safetensors.
    """
    size = _component(part)
    kinds = size.stored_as if size else ()
    return next((_STORED[kind] for kind in _STORED if kind in kinds), "fp32")


def _component(part: Path) -> ComponentSize | None:
    files = sorted(part.glob("*.safetensors"))
    files = [path for path in files if not VARIANT.search(path.name)] or files
    tensors = [tensor for path in files for tensor in _header(path)]
    if not tensors:
        return None
    parameters = sum(math.prod(shape) for _, shape, _ in tensors)
    kinds = tuple(sorted({kind for kind, _, _ in tensors}))
    return ComponentSize(part.name, parameters, sum(size for _, _, size in tensors), kinds)


def _header(path: Path) -> list[tuple[str, list[int], int]]:
    """(type, shape, bytes) of every tensor of a safetensors file."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        return [(t["dtype"], t["shape"], t["data_offsets"][1] - t["data_offsets"][0]) for t in tensors]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError, OverflowError) as error:
        raise ModelLoadingError(f"{path} is not whole safetensors: {error}", remedy="download it again") from error
