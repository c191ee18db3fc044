"""The layers of LPIPS 0.1: AlexNet and VGG-16 trunks under torchvision's names, and the learned linear heads."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of RGB in -1..1, before the trunk."""
EPSILON = 1e-10
"""Added to the length of a feature vector."""
TAPS = 5
"""Layers of a trunk that are compared."""


class Lpips(nn.Module):
    """The distance: features of both images to unit length over channels, squared differences weighted and averaged."""

    def __init__(self, taps: tuple[int, ...], features: nn.Sequential, heads: nn.ParameterList) -> None:
        super().__init__()
        self.taps, self.features, self.heads = taps, features, heads

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (N,), >= 0, of images (N, 3, H, W) in -1..1."""
        total = torch.zeros(len(first), device=first.device)
        for head, x, y in zip(self.heads, self._tapped(first), self._tapped(second), strict=True):
            difference = (_unit(x) - _unit(y)).square()
            total = total + (difference * head[:, None, None]).sum(dim=1).mean(dim=(1, 2))
        return total

    def _tapped(self, images: Tensor) -> list[Tensor]:
        shift, scale = (images.new_tensor(three)[:, None, None] for three in (SHIFT, SCALE))
        x, found = (images - shift) / scale, []
        edges = (0, *(tap + 1 for tap in self.taps))
        for start, stop in pairwise(edges):
            x = self.features[start:stop](x)
            found.append(x)
        return found


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)


def alexnet_features() -> nn.Sequential:
    """``features`` of torchvision's ``alexnet`` up to the last layer compared (Krizhevsky 2014)."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


def vgg16_features() -> nn.Sequential:
    """``features`` of torchvision's ``vgg16`` up to the last layer compared (Simonyan and Zisserman 2015, D)."""
    layers: list[nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        layers += [nn.MaxPool2d(2, 2)] if layers else []
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers)


def load_alexnet(path: Path) -> nn.Sequential:
    """The layers compared, of torchvision's state dict.

    Raises:
        KeyError, RuntimeError: The file holds something else.
    """
    return _loaded(alexnet_features(), path)


def load_vgg16(path: Path) -> nn.Sequential:
    """As :func:`load_alexnet`."""
    return _loaded(vgg16_features(), path)


def load_heads(path: Path) -> nn.ParameterList:
    """A weight (C,) for each layer, of the state dict of the authors' package.

    Raises:
        KeyError: The file holds something else.
    """
    state = _state(path)
    return nn.ParameterList(state[f"lin{i}.model.1.weight"].flatten() for i in range(TAPS))


def _loaded(features: nn.Sequential, path: Path) -> nn.Sequential:
    state = _state(path)
    features.load_state_dict({name: state[f"features.{name}"] for name in features.state_dict()})
    return features


def _state(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
