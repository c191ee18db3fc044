"""A TorchScript file as a module that every method of modules works on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn


class Scripted(nn.Module):
    """The network of the TorchScript file at ``path``, called as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        load: Any = torch.jit.load
        self.script = load(path, map_location="cpu").eval()

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.script(*inputs, **options)
