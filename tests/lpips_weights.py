"""Files in the layout of torchvision's AlexNet and VGG-16 at random weights, and the published heads of LPIPS.

The heads come with torchmetrics; only the parts of the trunks that are compared are random, the classifiers are left
out but for one tensor that has to be passed over.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import torch

ALEXNET = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
VGG16 = {
    0: (64, 3, 3, 3), 2: (64, 64, 3, 3), 5: (128, 64, 3, 3), 7: (128, 128, 3, 3), 10: (256, 128, 3, 3),
    12: (256, 256, 3, 3), 14: (256, 256, 3, 3), 17: (512, 256, 3, 3), 19: (512, 512, 3, 3), 21: (512, 512, 3, 3),
    24: (512, 512, 3, 3), 26: (512, 512, 3, 3), 28: (512, 512, 3, 3),
}  # fmt: skip
"""Place in ``features`` and shape of the weight of each convolution."""
FILES = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}


def save_lpips(folder: Path) -> Path:
    """Write both trunks and both heads into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    # Found and not imported, which takes seconds.
    heads = Path(importlib.util.find_spec("torchmetrics").origin).parent / "functional" / "image" / "lpips_models"
    for name, shapes in (("alex", ALEXNET), ("vgg", VGG16)):
        torch.save(random_trunk(shapes), folder / FILES[name])
        shutil.copyfile(heads / f"{name}.pth", folder / f"{name}.pth")
    return folder


def random_trunk(shapes: dict[int, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """A state under torchvision's names; half precision, to be small."""
    generator = torch.Generator().manual_seed(0)
    state = {"classifier.1.weight": torch.zeros(2, 2)}
    for place, shape in shapes.items():
        scale = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        state[f"features.{place}.weight"] = (torch.randn(shape, generator=generator) * scale).half()
        state[f"features.{place}.bias"] = (torch.randn(shape[0], generator=generator) * 0.05).half()
    return state
