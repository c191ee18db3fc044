"""Inference on a CPU by oneDNN at the speed of its matrix products: batch norm folded, weights packed once, ReLU fused.

Eager PyTorch packs the weights of a convolution again at each call and visits memory again for batch norm and ReLU.
The operators that avoid it are private to PyTorch; :func:`usable` runs one and looks at what it gives before anything
relies on them, and where they are absent or different, the network runs eagerly to the same features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from vid_diffusion_bench.features.networks.i3d import (
    I3D,
    POOL_IN_MIXED,
    SIZE,
    Mixed,
    Triple,
    Unit,
    max_pool,
    same_padding,
)
from vid_diffusion_bench.features.networks.winograd import WinogradConvolution

Network = Callable[[Tensor], Tensor]
LARGE, WINOGRAD_CHANNELS = 28, 32
"""Pixels a side and channels from which Winograd's algorithm is worth its weights, which are four times as large."""


class Convolution:
    """Convolution, folded batch norm and ReLU of (B, C, T, H, W) in channels-last memory, SAME padding.

    Weights are packed for the first input's shape; others give the same values.
    """

    def __init__(self, weight: Tensor, bias: Tensor, stride: Triple) -> None:
        self.bias = bias
        self.stride = stride
        self.kernel: Triple = (weight.shape[2], weight.shape[3], weight.shape[4])
        self._weight = weight.contiguous(memory_format=torch.channels_last_3d)
        self._packed = False

    def __call__(self, x: Tensor) -> Tensor:
        before, after = same_padding((x.shape[2], x.shape[3], x.shape[4]), self.kernel, self.stride)
        if before != after:
            x = functional.pad(x, [side for pair in zip(before[::-1], after[::-1], strict=True) for side in pair])
            before = (0, 0, 0)
        if not self._packed:
            pack = torch.ops.mkldnn._reorder_convolution_weight
            self._weight = pack(self._weight, before, self.stride, (1, 1, 1), 1, x.shape)
            self._packed = True
        convolve = torch.ops.mkldnn._convolution_pointwise
        out: Tensor = convolve(x, self._weight, self.bias, before, self.stride, (1, 1, 1), 1, "relu", [], "")
        return out


def folded(unit: Unit) -> tuple[Tensor, Tensor]:
    """Weight and bias of ``unit`` with its batch norm in them, folded in float64."""
    norm = unit.bn
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = unit.conv3d.weight.double() * scale.view(-1, 1, 1, 1, 1)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return weight.float(), bias.float()


def packed(unit: Unit, *, large: bool) -> Convolution | WinogradConvolution:
    """``unit`` in the form that is fastest on a ``large`` map, of 28x28 or more, or on a smaller one."""
    if large and unit.kernel == (3, 3, 3) and unit.conv3d.in_channels >= WINOGRAD_CHANNELS:
        return WinogradConvolution(*folded(unit))
    return Convolution(*folded(unit), unit.stride)


class PrepackedI3D(nn.Module):
    """What ``network`` computes, on a CPU: float32 (B, 3, T, 224, 224) to logits (B, num_classes)."""

    def __init__(self, network: I3D) -> None:
        super().__init__()
        self._logits = network.logits
        self._steps: list[tuple[Network, tuple[Triple, Triple] | None]] = [
            (_Mixed(layer, large=large) if isinstance(layer, Mixed) else packed(layer, large=large), pool)
            for layer, pool, large in _sized(network)
        ]

    def forward(self, clips: Tensor) -> Tensor:
        x = clips.contiguous(memory_format=torch.channels_last_3d)
        for layer, pool in self._steps:
            x = layer(x)
            x = max_pool(x, *pool) if pool else x
        logits: Tensor = self._logits(x)
        return logits


class _Mixed:
    def __init__(self, block: Mixed, *, large: bool) -> None:
        self._b0, self._b3b = packed(block.b0, large=large), packed(block.b3b, large=large)
        self._b1a, self._b1b = packed(block.b1a, large=large), packed(block.b1b, large=large)
        self._b2a, self._b2b = packed(block.b2a, large=large), packed(block.b2b, large=large)

    def __call__(self, x: Tensor) -> Tensor:
        pooled = self._b3b(max_pool(x, *POOL_IN_MIXED))
        return torch.cat([self._b0(x), self._b1b(self._b1a(x)), self._b2b(self._b2a(x)), pooled], dim=1)


def _sized(network: I3D) -> Iterator[tuple[Mixed | Unit, tuple[Triple, Triple] | None, bool]]:
    """Layers, the pooling after each, and whether the layer's maps are of 28x28 or more."""
    side = SIZE // 2
    for layer, pool in network.steps():
        assert isinstance(layer, Mixed | Unit)
        yield layer, pool, side >= LARGE
        side //= pool[1][1] if pool else 1


def fastest(network: I3D) -> I3D | PrepackedI3D:
    """``network`` in the form that is fastest where it lies; every form gives the same features to 1e-6."""
    on_cpu = next(network.parameters()).device.type == "cpu"
    return PrepackedI3D(network) if on_cpu and usable() else network


@cache
def usable() -> bool:
    """Whether PyTorch's private oneDNN operators are here and do what they did."""
    available: Callable[[], bool] = torch.backends.mkldnn.is_available
    if not available():
        return False
    generator = torch.Generator().manual_seed(0)
    weight, x = (torch.randn(shape, generator=generator) for shape in ((8, 3, 3, 3, 3), (1, 3, 4, 6, 6)))
    bias = torch.randn(8, generator=generator)
    expected = functional.relu(functional.conv3d(x, weight, bias, padding=1))
    try:
        with torch.inference_mode():
            given = Convolution(weight, bias, (1, 1, 1))(x.contiguous(memory_format=torch.channels_last_3d))
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
    return given.shape == expected.shape and bool(torch.allclose(given, expected, rtol=1e-4, atol=1e-5))
