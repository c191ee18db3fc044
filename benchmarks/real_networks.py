"""Random networks of the published sizes, in the layout of a weights folder, for `extractors.py`.

Towers that an extractor does not run (the text towers of CLIP) have one layer. Inception-v3 (Szegedy et al. 2016) and
C3D (Tran et al. 2015) are written out, since their published files cannot be made from a configuration.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

import tiny_networks
from fvd import make_weights
from lpips_weights import save_lpips
from tiny_i3d import save_script


def save_i3d(folder: Path) -> None:
    make_weights(folder)


def save_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    text = CLIPTextConfig(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2)
    base = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    large = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    for name, patch, size, width in (("b-32", 32, base, 512), ("b-16", 16, base, 512), ("l-14", 14, large, 768)):
        pictures = CLIPVisionConfig(patch_size=patch, **size)
        clip = CLIPModel(CLIPConfig(text_config=text, vision_config=pictures, projection_dim=width))
        clip.save_pretrained(folder / f"clip-vit-{name}")
    torch.save({"weight": torch.randn(1, 768), "bias": torch.randn(1)}, folder / "sa_0_4_vit_l_14_linear.pth")


def save_dino(folder: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

    ViTModel(ViTConfig(patch_size=16), add_pooling_layer=False).save_pretrained(folder / "dino-vit-b-16")
    Dinov2Model(Dinov2Config(image_size=518, patch_size=14)).save_pretrained(folder / "dinov2-base")


def save_videomae(folder: Path) -> None:
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    classifier = VideoMAEForVideoClassification(VideoMAEConfig(use_mean_pooling=True))
    classifier.save_pretrained(folder / "videomae-base")


def save_videomae_v2(folder: Path) -> None:
    """ViT-g: width 1408, 40 blocks, 1.0 billion parameters."""
    giant = tiny_networks.videomae_v2_state(hidden=1408, patch=14, depth=40, mlp=6144, classes=174)
    scaled = {name: value.mul_(0.1) for name, value in giant.items()}
    torch.save({"module": scaled}, folder / "vit_g_hybrid_pt_1200e_ssv2_ft.pth")


def save_vjepa2(folder: Path) -> None:
    """ViT-L, the predictor at one layer: it is not run."""
    from transformers import VJEPA2Config, VJEPA2Model

    VJEPA2Model(VJEPA2Config(pred_num_hidden_layers=1)).save_pretrained(folder / "vjepa2-vit-l")


def save_x_clip(folder: Path) -> None:
    from transformers import XCLIPConfig, XCLIPModel

    XCLIPModel(XCLIPConfig()).save_pretrained(folder / "x-clip-base-32")
    tiny_networks.clip_tokenizer().save_pretrained(folder / "x-clip-base-32")


class Convolution(nn.Sequential):
    def __init__(
        self, inputs: int, outputs: int, size: int | tuple[int, int], stride: int = 1, same: bool = True
    ) -> None:
        high, wide = (size, size) if isinstance(size, int) else size
        padding = (high // 2, wide // 2) if same else (0, 0)
        convolution = nn.Conv2d(inputs, outputs, (high, wide), stride, padding, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs, eps=0.001), nn.ReLU())


class Branches(nn.Module):
    """Several ways through one block, joined over channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def _pooled(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1), Convolution(inputs, outputs, 1))


def _block_35(n: int, pooled: int) -> Branches:
    c = Convolution
    five, threes = nn.Sequential(c(n, 48, 1), c(48, 64, 5)), nn.Sequential(c(n, 64, 1), c(64, 96, 3), c(96, 96, 3))
    return Branches(c(n, 64, 1), five, threes, _pooled(n, pooled))


def _block_17(n: int, width: int) -> Branches:
    c = Convolution
    once = nn.Sequential(c(n, width, 1), c(width, width, (1, 7)), c(width, 192, (7, 1)))
    sevens = [c(width, width, size) for size in ((7, 1), (1, 7), (7, 1))]
    twice = nn.Sequential(c(n, width, 1), *sevens, c(width, 192, (1, 7)))
    return Branches(c(n, 192, 1), once, twice, _pooled(n, 192))


def _block_8(n: int) -> Branches:
    c = Convolution
    split = nn.Sequential(c(n, 384, 1), Branches(c(384, 384, (1, 3)), c(384, 384, (3, 1))))
    deep = nn.Sequential(c(n, 448, 1), c(448, 384, 3), Branches(c(384, 384, (1, 3)), c(384, 384, (3, 1))))
    return Branches(c(n, 320, 1), split, deep, _pooled(n, 192))


def inception_v3() -> nn.Sequential:
    """(N, 3, 299, 299) to (N, 2048), without the auxiliary head."""
    c = Convolution
    stem = [c(3, 32, 3, 2, same=False), c(32, 32, 3, same=False), c(32, 64, 3), nn.MaxPool2d(3, 2)]
    stem += [c(64, 80, 1), c(80, 192, 3, same=False), nn.MaxPool2d(3, 2)]
    down = nn.Sequential(c(288, 64, 1), c(64, 96, 3), c(96, 96, 3, 2, same=False))
    to_17 = Branches(c(288, 384, 3, 2, same=False), down, nn.MaxPool2d(3, 2))
    sevens = nn.Sequential(c(768, 192, 1), c(192, 192, (1, 7)), c(192, 192, (7, 1)), c(192, 192, 3, 2, same=False))
    to_8 = Branches(nn.Sequential(c(768, 192, 1), c(192, 320, 3, 2, same=False)), sevens, nn.MaxPool2d(3, 2))
    blocks = [_block_35(192, 32), _block_35(256, 64), _block_35(288, 64), to_17]
    blocks += [_block_17(768, width) for width in (128, 160, 160, 192)]
    return nn.Sequential(*stem, *blocks, to_8, _block_8(1280), _block_8(2048), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def c3d() -> nn.Sequential:
    """(N, 3, 16, 112, 112) to (N, 101)."""
    layers: list[nn.Module] = []
    channels = 3
    for width, count, pool in ((64, 1, (1, 2, 2)), (128, 1, 2), (256, 2, 2), (512, 2, 2), (512, 2, 2)):
        for _ in range(count):
            layers += [nn.Conv3d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers += [nn.MaxPool3d(pool, pool, padding=(0, 1, 1) if width == 512 and len(layers) > 16 else 0)]
    dense = [nn.Flatten(), nn.Linear(8192, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 101)]
    return nn.Sequential(*layers, *dense)


class Inception(nn.Module):
    """The call of the published file: 8-bit frames (N, 3, H, W), resized within."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.jit.trace(inception_v3().eval(), torch.rand(2, 3, 299, 299))
        self.output = nn.Linear(2048, 1008)

    def forward(self, img: Tensor, return_features: bool = False) -> Tensor:
        x = functional.interpolate(img.float(), size=[299, 299], mode="bilinear", align_corners=False)
        features = self.layers((x - 128) / 128)
        return features if return_features else torch.softmax(self.output(features), dim=1)


class C3D(nn.Module):
    """The call of the published file: 8-bit clips (N, 3, 16, H, W), resized within."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.jit.trace(c3d().eval(), torch.rand(1, 3, 16, 112, 112))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.interpolate(x.float(), size=[16, 112, 112], mode="trilinear", align_corners=False)
        return torch.softmax(self.layers((x - 128) / 128), dim=1)


def save_inception(folder: Path) -> None:
    save_script(Inception().eval(), folder / "inception-2015-12-05.pt")


def save_c3d(folder: Path) -> None:
    save_script(C3D().eval(), folder / "c3d_ucf101.pt")


def save_trunks(folder: Path) -> None:
    save_lpips(folder)
