"""Tiny networks in the form of the published files of I3D, Inception-v3 and C3D, with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from vid_diffusion_bench.features.networks.i3d import I3D


def random_i3d(seed: int = 0, *, narrower: int = 16, eps: float = 1e-5) -> I3D:
    """An I3D whose activations neither die nor explode and whose batch norms do something."""
    torch.manual_seed(seed)
    network = I3D(narrower=narrower, eps=eps)
    for part in network.modules():
        if isinstance(part, nn.Conv3d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        if isinstance(part, nn.BatchNorm3d):
            nn.init.normal_(part.running_mean, 0.0, 0.1)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            nn.init.uniform_(part.weight, 0.8, 1.6)
            nn.init.normal_(part.bias, 0.0, 0.1)
    return network.eval()


class StyleganvI3D(nn.Module):
    """The call of StyleGAN-V's file around a network of (B, 3, T, 224, 224) in -1..1."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        x = x.float()
        if resize:
            x = functional.interpolate(x, size=(x.size(2), 224, 224), mode="trilinear", align_corners=False)
        if rescale:
            x = 2 * x / 255 - 1
        logits = self.network(x)
        return logits if return_features else torch.softmax(logits, dim=1)


class OtherI3D(nn.Module):
    """A network that is no I3D: means of an 4x4 grid of the picture, and a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 2 * 16, 400)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(functional.adaptive_avg_pool3d(x, (2, 4, 4)).flatten(1))


class Inception(nn.Module):
    """The call of StyleGAN3's Inception-v3; features are means of a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Linear(3 * 16, 2048)
        self.output = nn.Linear(2048, 1008)

    def forward(
        self, img: Tensor, return_features: bool = False, use_fp16: bool = False, no_output_bias: bool = False
    ) -> Tensor:
        x = (img.float() - 128) / 128
        features = self.layers(functional.adaptive_avg_pool2d(x, (4, 4)).flatten(1))
        if return_features:
            return features
        bias = None if no_output_bias else self.output.bias
        return torch.softmax(functional.linear(features, self.output.weight, bias), dim=1)


class C3D(nn.Module):
    """The call of StyleGAN-V's C3D: 8-bit (B, 3, 16, H, W) to probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 4 * 4, 101)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.adaptive_avg_pool3d(x.float() / 255, (4, 2, 2)).flatten(1)
        return torch.softmax(self.layer(x), dim=1)


def save_i3d(folder: Path) -> Path:
    """All four files, under their published names."""
    folder.mkdir(parents=True, exist_ok=True)
    network = random_i3d()
    torch.save(network.state_dict(), folder / "i3d_pretrained_400.pt")
    save_script(StyleganvI3D(traced(network)), folder / "i3d_torchscript.pt")
    torch.manual_seed(1)
    save_script(Inception().eval(), folder / "inception-2015-12-05.pt")
    save_script(C3D().eval(), folder / "c3d_ucf101.pt")
    return folder


def traced(network: nn.Module, num_frames: int = 16) -> nn.Module:
    """``network`` as TorchScript, for clips of one length."""
    with torch.inference_mode():
        # Checking traces it again; whoever reads the file is compared with the network itself.
        return torch.jit.trace(network, torch.rand(1, 3, num_frames, 224, 224), check_trace=False)


def save_script(network: nn.Module, path: Path) -> None:
    torch.jit.save(torch.jit.script(network), str(path))
