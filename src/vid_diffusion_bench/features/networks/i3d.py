"""I3D, the inflated Inception-v1 of Carreira and Zisserman (2017, "Quo Vadis, Action Recognition?", RGB stream).

Names in the state dict are those of piergiaj's PyTorch port, which VideoGPT, cd-fvd and common_metrics share: any of
their weight files loads. Padding is TensorFlow's SAME: as much as the output size needs, the odd one at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

Triple = tuple[int, int, int]

LEAST_FRAMES = 9
"""Fewer leave less than the two time steps that the last pooling needs."""
SIZE = 224
"""Pixels a side: the last pooling takes 7x7 of a map a thirty-second of it."""

_MIXED: dict[str, tuple[int, ...]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of the convolutions b0, b1a, b1b, b2a, b2b, b3b; the block's output is b0, b1b, b2b and b3b side by side."""
_POOLED: dict[str, tuple[Triple, Triple]] = {
    "Conv3d_1a_7x7": ((1, 3, 3), (1, 2, 2)),
    "Conv3d_2c_3x3": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3c": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4f": ((2, 2, 2), (2, 2, 2)),
}
"""Kernel and stride of the maximum pooling that follows a layer."""
POOL_IN_MIXED: tuple[Triple, Triple] = ((3, 3, 3), (1, 1, 1))
LAST_POOL = (2, 7, 7)


def same_padding(size: Triple, kernel: Triple, stride: Triple) -> tuple[Triple, Triple]:
    """TensorFlow's SAME padding of (T, H, W): before, after."""
    total = [max(k - (s if n % s == 0 else n % s), 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    before = (total[0] // 2, total[1] // 2, total[2] // 2)
    return before, (total[0] - before[0], total[1] - before[1], total[2] - before[2])


def max_pool(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Maximum of (B, C, T, H, W), none of it negative, with SAME padding.

    What is padded never wins, and rounding the output size up is SAME's odd one at the end.
    """
    before, _ = same_padding((x.shape[2], x.shape[3], x.shape[4]), kernel, stride)
    return functional.max_pool3d(x, kernel, stride, before, ceil_mode=True)


class Unit(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: Triple, stride: Triple, eps: float) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, channels, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(channels, eps=eps)
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        before, after = same_padding((x.shape[2], x.shape[3], x.shape[4]), self.kernel, self.stride)
        padding = [side for pair in zip(reversed(before), reversed(after), strict=True) for side in pair]
        out: Tensor = self.bn(self.conv3d(functional.pad(x, padding)))
        return functional.relu(out)


class Mixed(nn.Module):
    """An Inception block of four branches."""

    def __init__(self, channels_in: int, channels: tuple[int, ...], eps: float) -> None:
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3b = channels
        one, three = (1, 1, 1), (3, 3, 3)
        self.b0 = Unit(channels_in, b0, one, one, eps)
        self.b1a, self.b1b = Unit(channels_in, b1a, one, one, eps), Unit(b1a, b1b, three, one, eps)
        self.b2a, self.b2b = Unit(channels_in, b2a, one, one, eps), Unit(b2a, b2b, three, one, eps)
        self.b3b = Unit(channels_in, b3b, one, one, eps)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.b3b(max_pool(x, *POOL_IN_MIXED))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), pooled], dim=1)


class _Logits(nn.Module):
    """The classifier of the last map (B, C, T, 7, 7): pooling, a 1x1x1 convolution with a bias, mean over time."""

    def __init__(self, channels_in: int, num_classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.conv3d(functional.avg_pool3d(x, LAST_POOL, stride=1))
        return pooled.flatten(3).squeeze(3).mean(dim=2)


class I3D(nn.Module):
    """(B, 3, T, 224, 224) in -1..1 to logits before the softmax (B, num_classes), the mean over time; T >= 9.

    Args:
        num_classes: 400 in the published files.
        narrower: Divides every number of channels; 1 in the published files.
        eps: Of the batch norms.
    """

    def __init__(self, num_classes: int = 400, *, narrower: int = 1, eps: float = 1e-5) -> None:
        super().__init__()
        channels = 64 // narrower
        self.Conv3d_1a_7x7 = Unit(3, channels, (7, 7, 7), (2, 2, 2), eps)
        self.Conv3d_2b_1x1 = Unit(channels, channels, (1, 1, 1), (1, 1, 1), eps)
        self.Conv3d_2c_3x3 = Unit(channels, 3 * channels, (3, 3, 3), (1, 1, 1), eps)
        channels *= 3
        for name, published in _MIXED.items():
            sizes = tuple(max(1, size // narrower) for size in published)
            self.add_module(name, Mixed(channels, sizes, eps))
            channels = sizes[0] + sizes[2] + sizes[4] + sizes[5]
        self.logits = _Logits(channels, num_classes)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], *, eps: float = 1e-5) -> Self:
        """The network that a state dict was saved from, in evaluation mode.

        Raises:
            RuntimeError: Names or shapes are not those of an I3D.
            KeyError: The same.
        """
        narrower = 64 // max(1, len(state["Conv3d_1a_7x7.conv3d.weight"]))
        with torch.device("meta"):
            network = cls(len(state["logits.conv3d.bias"]), narrower=max(1, narrower), eps=eps)
        network.load_state_dict(state, assign=True)
        return network.eval().requires_grad_(requires_grad=False)

    def steps(self) -> Iterator[tuple[nn.Module, tuple[Triple, Triple] | None]]:
        """Layers in order, each with the kernel and stride of the pooling after it."""
        for name, layer in self.named_children():
            if name != "logits":
                yield layer, _POOLED.get(name)

    def forward(self, clips: Tensor) -> Tensor:
        x = clips
        for layer, pool in self.steps():
            x = layer(x)
            x = max_pool(x, *pool) if pool else x
        logits: Tensor = self.logits(x)
        return logits
