"""Where published networks run, and in what arithmetic: float32 without TF32, on a CUDA device or the CPU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.settings import load_settings

if TYPE_CHECKING:
    import torch

PRECISION = "float32, TF32 off"


def network_device() -> torch.device:
    """The device that the setting ``device`` names; for ``auto`` the first CUDA device if there is one, else the CPU.

    Not every layer of these networks runs on ``mps``; the CPU stands in for it.

    Raises:
        ValidationError: The setting names a CUDA device that is not there.
    """
    import torch

    asked = load_settings().device
    if asked == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    cuda = re.fullmatch(r"cuda(?::(\d+))?", asked)
    if cuda is None:
        return torch.device("cpu")
    number = int(cuda[1] or 0)
    if number >= torch.cuda.device_count():
        remedy = "`vid-bench config set device auto`, or set VIDBENCH_DEVICE"
        raise ValidationError(f"the setting device is {asked!r}, and this machine has no such device", remedy=remedy)
    return torch.device("cuda", number)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """No gradients, no TF32, and the same kernels each time; what the caller had set comes back after."""
    import torch

    matmul = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    cudnn = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    try:
        with torch.inference_mode(), cudnn:
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = matmul
