"""Networks published as TorchScript and defined by their file: Inception-v3 and C3D, as StyleGAN-V and -3 run them.

Both files resize and scale by themselves: they are given 8-bit frames of any size. Sources:
``metrics/metric_utils.py`` and ``metrics/inception_score.py`` of stylegan3, ``src/metrics/video_inception_score.py`` of
StyleGAN-V.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.networks.base import BATCH, load_network, own, versions, weights_identity
from vid_diffusion_bench.features.networks.device import PRECISION, exact_arithmetic, network_device
from vid_diffusion_bench.video import Frames

if TYPE_CHECKING:
    import torch

    from vid_diffusion_bench.features.networks.scripted import Scripted

INCEPTION, C3D = "inception-v3-torchscript", "c3d-ucf101"
C3D_FRAMES = 16
OUTPUT_LAYER = "script.output.weight"
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class InceptionFeatures:
    """Of the T frames of a clip: pool features (T, 2048), and logits (T, 1008) without the output layer's bias.

    The bias is left out as in the published Inception Score.
    """

    features: Matrix
    logits: Matrix


def load_script(path: Path) -> Scripted:
    """The network of a TorchScript file."""
    from vid_diffusion_bench.features.networks.scripted import Scripted

    return Scripted(path)


def load_inception(path: Path) -> Scripted:
    """The same, with the output layer that logits are computed by.

    Raises:
        ValueError: It has no such layer.
    """
    network = load_script(path)
    if OUTPUT_LAYER not in network.state_dict():
        raise ValueError("it has no output layer")
    return network


def inception_features(clip: Clip) -> InceptionFeatures:
    """What Inception-v3 makes of every frame of ``clip``."""
    network = load_network(INCEPTION, load_inception)
    frames = clip.video.frames
    with exact_arithmetic():
        passes = [_inception(network, frames[start : start + BATCH]) for start in range(0, len(frames), BATCH)]
    features, logits = (np.concatenate(parts) for parts in zip(*passes, strict=True))
    return InceptionFeatures(features, logits)


def _inception(network: Any, frames: Frames) -> tuple[Matrix, Matrix]:
    from torch.nn import functional

    features = network(_planes(frames), return_features=True)
    return own(features), own(functional.linear(features, network.state_dict()[OUTPUT_LAYER]))


def _planes(frames: Frames) -> torch.Tensor:
    """uint8 (N, 3, H, W) of (N, H, W, 3)."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).to(network_device())


def c3d_probabilities(clip: Clip) -> Matrix:
    """(101,) probabilities of the actions of UCF-101, from the first 16 frames.

    Raises:
        MetricComputationError: There are fewer frames.
    """
    video = clip.video
    if video.num_frames < C3D_FRAMES:
        raise MetricComputationError(f"C3D reads {C3D_FRAMES} frames, the clip has {video.num_frames}")
    network = load_network(C3D, load_script)
    with exact_arithmetic():
        probabilities = own(network(_planes(video.frames[:C3D_FRAMES]).transpose(0, 1)[None].contiguous()))
    return probabilities.reshape(-1)


def _identity(name: str, sampling: str, output: str) -> dict[str, Any]:
    return {
        "name": name,
        **weights_identity(name),
        "sampling": sampling,
        "preprocessing": "the file's own, of 8-bit frames",
        "output": output,
        "precision": PRECISION,
        **versions("torch"),
    }


INCEPTION_V3 = FeatureExtractor(
    INCEPTION,
    inception_features,
    lambda: _identity(INCEPTION, "every frame", "pool features; logits without the output bias"),
    InceptionFeatures,
)
C3D_UCF101 = FeatureExtractor(
    C3D,
    c3d_probabilities,
    lambda: _identity(C3D, "16 frames from frame 0; shorter clips are refused", "probabilities"),
    np.ndarray,
)
