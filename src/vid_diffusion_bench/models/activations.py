"""How much memory the making of a clip takes beside the weights: an estimate, without weights and without computing.

Decoder and denoiser are run on the meta device, where tensors have a shape and no content, and the bytes alive at once
are counted.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.models.constraints import ONLY_TILED, build_autoencoder, ratios
from vid_diffusion_bench.models.size import BYTES
from vid_diffusion_bench.models.snapshot import components, read_config
from vid_diffusion_bench.models.transformer_inputs import (
    Latents,
    doubles_its_batch,
    text_length,
    tokens,
    transformer_inputs,
)
from vid_diffusion_bench.optimization import torch_dtype


@dataclass(frozen=True)
class ClipShape:
    """(T, H, W) of a clip; ``batch`` clips are made together, ``chunk`` frames decoded at once by an image decoder."""

    num_frames: int
    height: int
    width: int
    batch: int = 1
    guided: bool = True
    chunk: int | None = None

    @classmethod
    def of(cls, parameters: GenerationParameters, batch: int = 1, chunk: int | None = None) -> ClipShape | None:
        """The shape that ``parameters`` ask for, ``None`` where they leave a side or the length open."""
        frames, height, width = parameters.num_frames, parameters.height, parameters.width
        if frames is None or height is None or width is None:
            return None
        guided = parameters.guidance_scale is None or parameters.guidance_scale > 1
        return cls(frames, height, width, batch, guided, chunk)


def decoder_bytes(folder: Path, shape: ClipShape, precision: str, *, tiled: bool = False) -> int | None:
    """Peak of the tensors alive while the autoencoder decodes, its weights not counted; ``None`` where it has none, has
    no tiling, or decides by content and cannot be run without.

    Attention counts as fused, without its matrix; the workspace of a convolution is not counted.
    """
    import torch

    vae = build_autoencoder(folder)
    if vae is None:
        return None
    dtype = torch_dtype(precision)
    torch.nn.Module.to(vae.eval(), "meta", dtype)
    counter = live_bytes(vae)
    try:
        if tiled or type(vae).__name__ in ONLY_TILED:
            vae.enable_tiling()
        with torch.no_grad(), counter, _fused_attention():
            _decode(vae, shape, dtype)
    except (NotImplementedError, RuntimeError, TypeError, ValueError, AttributeError):
        return None
    return int(counter.peak)


def _fused_attention() -> Any:
    """Attention gives its output at once, as fused kernels do; on the meta device torch would write out the matrix."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Fused(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is not torch.nn.functional.scaled_dot_product_attention:
                return func(*args, **(kwargs or {}))
            given = dict(zip(("query", "key", "value"), args, strict=False)) | (kwargs or {})
            return given["query"].new_empty((*given["query"].shape[:-1], given["value"].shape[-1]))

    return Fused()


_REPLACING = Lock()
"""Two threads that replaced a name in turn would give it back out of turn, and leave one's replacement behind."""


@contextmanager
def _autocast_on_meta() -> Iterator[None]:
    """Lets blocks pass that ask for autocast on the device of their tensors: torch has none for meta.

    The name is replaced for the whole process; who asks for another device gets the real one through it. There is no
    narrower way: ``torch.autocast("meta", enabled=False)`` raises while it is made, and no mode of torch is asked
    before.
    """
    import torch

    with _REPLACING:
        known = torch.autocast

        def autocast(device_type: str, *arguments: Any, **named: Any) -> Any:
            return nullcontext() if device_type == "meta" else known(device_type, *arguments, **named)

        torch.autocast = autocast  # type: ignore[assignment,misc]  # a class, and given back at once
        try:
            yield
        finally:
            torch.autocast = known  # type: ignore[misc]


def _decode(vae: Any, shape: ClipShape, dtype: Any) -> None:
    import inspect

    import torch

    temporal, spatial = ratios(vae)
    sides = (shape.height // spatial, shape.width // spatial)
    channels = int(vae.config.get("latent_channels") or vae.config.get("z_dim"))
    if any(isinstance(module, torch.nn.Conv3d) for module in vae.modules()) and not _frame_by_frame(vae):
        frames = math.ceil(shape.num_frames / temporal) if temporal > 1 else shape.num_frames
        vae.decode(torch.empty(shape.batch, channels, frames, *sides, device="meta", dtype=dtype))
        return
    together = min(shape.num_frames * shape.batch, shape.chunk or shape.num_frames * shape.batch)
    takes = inspect.signature(vae.decode).parameters
    extra = {"num_frames": together} if "num_frames" in takes else {}
    vae.decode(torch.empty(together, channels, *sides, device="meta", dtype=dtype), **extra)


def _frame_by_frame(vae: Any) -> bool:
    """Whether its latents are images: the temporal decoder of Stable Video Diffusion takes them so too."""
    import inspect

    return "num_frames" in inspect.signature(vae.decode).parameters


def live_bytes(module: Any) -> Any:
    """A context manager that counts the bytes of the tensors made inside: ``peak`` alive at once, ``live`` now.

    The parameters and buffers of ``module`` are not counted.
    """
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    own = {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), *module.buffers())}

    class LiveBytes(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.live = self.peak = 0
            self._known: set[int] = set(own)

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(out):
                if hasattr(leaf, "untyped_storage"):
                    self._note(leaf.untyped_storage())
            return out

        def _note(self, storage: Any) -> None:
            key, size = storage._cdata, storage.nbytes()
            if key in self._known:
                return
            self._known.add(key)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._forget, key, size)

        def _forget(self, key: int, size: int) -> None:
            self._known.discard(key)
            self.live -= size

    return LiveBytes()


def denoiser_bytes(folder: Path, shape: ClipShape, precision: str) -> int | None:
    """Peak of the tensors alive in one pass of the denoiser, its weights not counted; ``None`` where nothing tells.

    It is run without content, as the decoder is, at the shapes its pipeline gives it. A transformer whose inputs are
    not understood, or that decides by content, is counted from its configuration: a block of width d and inner width m
    over N tokens, the text's too, holds its input, the normed input and the inner layer before and after its
    activation, N (2 d + 2 m) numbers.
    """
    temporal, spatial = _latent_ratios(folder)
    frames, sides = math.ceil(shape.num_frames / temporal), (shape.height // spatial, shape.width // spatial)
    batch = shape.batch * (2 if shape.guided and doubles_its_batch(folder) else 1)
    if "unet" in components(folder):
        return _unet_bytes(folder, (batch, frames, *sides), precision)
    latents = Latents(frames, *sides, batch)
    measured = _transformer_bytes(folder, latents, precision)
    if measured is not None:
        return measured
    numbers = _transformer_numbers(folder, latents)
    return None if numbers is None else numbers * batch * BYTES[precision]


def _latent_ratios(folder: Path) -> tuple[int, int]:
    vae = build_autoencoder(folder)
    return ratios(vae) if vae is not None else (1, 1)


def _transformer_bytes(folder: Path, latents: Latents, precision: str) -> int | None:
    transformer = _on_meta(folder, "transformer", precision)
    if transformer is None:
        return None
    return _run(transformer, transformer_inputs(folder, transformer.forward, latents), precision)


def _transformer_numbers(folder: Path, latents: Latents) -> int | None:
    config = read_config(folder, "transformer")
    heads, size = config.get("num_attention_heads"), config.get("attention_head_dim")
    if not heads or not size:
        return None
    width = int(heads) * int(size)
    inner = int(config.get("ffn_dim") or width * float(config.get("mlp_ratio") or 4))
    return (tokens(config, latents) + text_length(folder, config)) * (2 * width + 2 * inner)


def _on_meta(folder: Path, name: str, precision: str) -> Any:
    """The denoiser without weights; ``None`` where diffusers has no such class or cannot build it so."""
    import diffusers
    import torch

    found = getattr(diffusers, components(folder).get(name, ""), None)
    if found is None:
        return None
    try:
        with torch.device("meta"):
            module = found.from_config(read_config(folder, name))
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return None
    torch.nn.Module.to(module.eval(), "meta", torch_dtype(precision))
    return module


def _run(module: Any, tried: Iterable[dict[str, Any]], precision: str) -> int | None:
    """Bytes alive at once in a forward pass with the first of the inputs that it takes."""
    import torch

    dtype = torch_dtype(precision)
    for inputs in tried:
        counter = live_bytes(module)
        given = {
            name: torch.empty(size, device="meta", dtype=dtype) if isinstance(size, tuple) else size
            for name, size in inputs.items()
        }
        try:
            with torch.no_grad(), counter, _fused_attention(), _autocast_on_meta():
                module(**given)
        except (NotImplementedError, RuntimeError, TypeError, ValueError, AttributeError, IndexError):
            continue
        return int(counter.peak)
    return None


_TEXT_TOKENS = 77
"""What CLIP's text encoder, the one of the UNets, gives."""


def _unet_bytes(folder: Path, latents: tuple[int, int, int, int], precision: str) -> int | None:
    """``latents`` is (B, T, H, W)."""
    unet = _on_meta(folder, "unet", precision)
    return None if unet is None else _run(unet, _unet_inputs(unet, latents), precision)


def _unet_inputs(unet: Any, latents: tuple[int, int, int, int]) -> list[dict[str, Any]]:
    """The shapes that UNets for video take, to be tried in turn: text once a clip, or once a frame."""
    import inspect

    batch, frames, height, width = latents
    channels, text = unet.config.in_channels, unet.config.cross_attention_dim
    text = text[0] if isinstance(text, list | tuple) else text
    if "added_time_ids" in inspect.signature(unet.forward).parameters:
        sample = (batch, frames, channels, height, width)
        given = {"sample": sample, "encoder_hidden_states": (batch, 1, text), "added_time_ids": (batch, 3)}
        return [{"timestep": (), **given}]
    given = {"timestep": (), "sample": (batch, channels, frames, height, width)}
    return [{**given, "encoder_hidden_states": (n, _TEXT_TOKENS, text)} for n in (batch * frames, batch)]
