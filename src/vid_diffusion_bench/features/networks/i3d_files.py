"""The published weight files of I3D, each as a network on the device of the settings, in its fastest form.

StyleGAN-V's TorchScript resizes and scales by itself and is defined by what it gives. Where its weights fit our I3D and
a probe clip comes out the same, our I3D stands in for it; otherwise the script runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from vid_diffusion_bench.features.i3d_pixels import Pixels, stretch
from vid_diffusion_bench.features.networks.device import network_device
from vid_diffusion_bench.features.networks.i3d import I3D
from vid_diffusion_bench.features.networks.prepacked import PrepackedI3D, fastest
from vid_diffusion_bench.video import Frames

if TYPE_CHECKING:
    from collections.abc import Mapping

SAME = 1e-5
"""Relative L2 difference of logits up to which two networks are the same one."""
_EPSILONS = (1e-3, 1e-5)
"""Of the batch norms: TensorFlow's and PyTorch's defaults; a state dict does not say."""


def load_state(path: Path) -> I3D | PrepackedI3D:
    """The I3D of a state dict saved by ``torch.save``."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    return fastest(I3D.from_state(state).to(network_device()))


def load_script(path: Path) -> ScriptedI3D:
    """The I3D of StyleGAN-V's TorchScript file."""
    load: Any = torch.jit.load
    return ScriptedI3D(load(path, map_location=network_device()).eval())


class ScriptedI3D(nn.Module):
    """StyleGAN-V's file: (B, 3, T, 224, 224) in -1..1 to logits (B, 400), or from frames by its own preprocessing.

    ``form`` is the class that computes.
    """

    def __init__(self, script: Any) -> None:
        super().__init__()
        self.stand_in = _stand_in(script)
        self.script = script if self.stand_in is None else None
        self.form = type(self.stand_in or script).__name__

    def forward(self, clips: Tensor) -> Tensor:
        if self.stand_in is not None:
            out: Tensor = self.stand_in(clips)
            return out
        return _run(self.script, clips, preprocess=False)

    def styleganv(self, frames: Frames) -> Tensor:
        """Logits (1, 400) of frames (T, H, W, 3), resized and scaled as the file does."""
        if self.stand_in is not None:
            return self.forward(tensor(stretch(frames)))
        return _run(self.script, _raw(frames), preprocess=True)


def tensor(pixels: Pixels) -> Tensor:
    """(1, 3, T, H, W) of (T, H, W, 3), on a CPU in the same memory: that is what channels-last means."""
    return torch.from_numpy(pixels).permute(3, 0, 1, 2)[None].to(network_device())


def _raw(frames: Frames) -> Tensor:
    """uint8 (1, 3, T, H, W), as StyleGAN-V hands it to the file."""
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)))[None].to(network_device())


def _run(script: Any, clips: Tensor, *, preprocess: bool) -> Tensor:
    out: Tensor = script(clips, rescale=preprocess, resize=preprocess, return_features=True)
    return out


def _stand_in(script: Any) -> I3D | PrepackedI3D | None:
    """Our I3D in its fastest form, if it is what ``script`` computes."""
    frames = np.random.default_rng(0).integers(0, 256, (16, 72, 96, 3)).astype(np.uint8)
    with torch.inference_mode():
        expected = _run(script, _raw(frames), preprocess=True)
        clips = tensor(stretch(frames))
        for network in _candidates(script.state_dict()):
            form = fastest(network.to(clips.device))
            given = form(clips)
            if given.shape == expected.shape and (given - expected).norm() <= SAME * expected.norm():
                return form
    return None


def _candidates(state: Mapping[str, Tensor]) -> Iterator[I3D]:
    """The I3Ds that ``state`` can be of: by its names, or by the order of its shapes."""
    values = [value for name, value in state.items() if not name.endswith("num_batches_tracked")]
    for eps in _EPSILONS:
        network = _sized(values, eps)
        own = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
        found = state if own.keys() <= state.keys() else dict(zip(own, values, strict=False))
        if len(values) == len(own) and all(found[name].shape == value.shape for name, value in own.items()):
            network.load_state_dict(dict(found), strict=False)
            yield network.eval().requires_grad_(requires_grad=False)


def _sized(values: list[Tensor], eps: float) -> I3D:
    """An untrained I3D as wide as the first of ``values``, with as many classes as the last has numbers."""
    channels = len(values[0]) if values and values[0].dim() else 64
    return I3D(len(values[-1]) if values and values[-1].dim() else 400, narrower=max(1, 64 // channels), eps=eps)
