"""I3D logits of a clip, float32 (400,), as the published FVD protocols compute them.

| extractor | protocol | weights |
| --- | --- | --- |
| ``i3d-styleganv``, ``i3d-styleganv-offset`` | StyleGAN-V, ``src/metrics/frechet_video_distance.py``, ``fvd2048_16f`` | ``i3d-torchscript`` |
| ``i3d-tf-hub-2019`` | google-research, ``frechet_video_distance/frechet_video_distance.py`` | ``i3d-torchscript``, converted from the tf.hub module used there |
| ``i3d-cdfvd`` | cd-fvd 0.1.1, ``cdfvd/fvd.py`` with the loader ``cdfvd/utils/data_utils.py`` | ``i3d-kinetics-400`` |
"""  # noqa: E501 - a row of a table is a line

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.i3d_pixels import (
    CDFVD,
    STRETCH,
    STRETCH_TF1,
    cdfvd_pixels,
    stretch_tf1,
)
from vid_diffusion_bench.features.networks.base import load_network, own, versions, weights_identity
from vid_diffusion_bench.features.networks.device import PRECISION, exact_arithmetic
from vid_diffusion_bench.video import Frames, Video

if TYPE_CHECKING:
    import torch

Features = npt.NDArray[np.float32]

SCRIPT, STATE = "i3d-torchscript", "i3d-kinetics-400"
"""Weights."""
NUM_FRAMES = 16
LEAST_FRAMES = 9
"""Fewer leave less than the two time steps that I3D's last pooling needs."""
FIRST = "16 frames from frame 0; shorter clips are refused"
OFFSET = "16 frames from an offset drawn evenly by the SHA-256 of the clip's pixels; shorter clips are refused"


@dataclass(frozen=True)
class I3DProtocol:
    """One published way from a clip to I3D logits.

    Args:
        name: The extractor's.
        weights: Their name in the catalogue.
        frames: The frames that are read.
        sampling: The same, in words.
        preprocessing: What is done to them, in words.
        logits: Of frames (T, H, W, 3), float (1, 400).
    """

    name: str
    weights: str
    frames: Callable[[Video], Frames]
    sampling: str
    preprocessing: str
    logits: Callable[[Frames], torch.Tensor]

    def extractor(self) -> FeatureExtractor:
        return FeatureExtractor(self.name, self.compute, self.identity, np.ndarray)

    def compute(self, clip: Clip) -> Features:
        """(400,) of ``clip``.

        Raises:
            MetricComputationError: It is too short.
        """
        frames = self.frames(clip.video)
        with exact_arithmetic():
            logits = own(self.logits(frames))
        return logits.reshape(-1)

    def identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **weights_identity(self.weights),
            "sampling": self.sampling,
            "preprocessing": self.preprocessing,
            "output": "logits before the softmax, mean over time",
            "precision": PRECISION,
            **versions("torch"),
        }


def first_frames(video: Video) -> Frames:
    """The first 16 frames.

    Raises:
        MetricComputationError: There are fewer.
    """
    if video.num_frames < NUM_FRAMES:
        raise MetricComputationError(f"this FVD reads {NUM_FRAMES} frames, the clip has {video.num_frames}")
    return video.frames[:NUM_FRAMES]


def offset_frames(video: Video) -> Frames:
    """16 frames in a row from an offset that the pixels decide: StyleGAN-V's random draw, made repeatable."""
    first = first_frames(video)
    room = video.num_frames - NUM_FRAMES
    if not room:
        return first
    offset = int(video.sha256(), 16) % (room + 1)
    return video.frames[offset : offset + NUM_FRAMES]


def all_frames(video: Video) -> Frames:
    """Every frame: the reference cuts no clips.

    Raises:
        MetricComputationError: There are too few for I3D's last pooling.
    """
    if video.num_frames < LEAST_FRAMES:
        raise MetricComputationError(f"I3D needs {LEAST_FRAMES} frames, the clip has {video.num_frames}")
    return video.frames


def _styleganv(frames: Frames) -> torch.Tensor:
    from vid_diffusion_bench.features.networks.i3d_files import load_script

    logits: torch.Tensor = load_network(SCRIPT, load_script).styleganv(frames)
    return logits


def _tf_hub(frames: Frames) -> torch.Tensor:
    from vid_diffusion_bench.features.networks.i3d_files import load_script, tensor

    logits: torch.Tensor = load_network(SCRIPT, load_script)(tensor(stretch_tf1(frames)))
    return logits


def _cdfvd(frames: Frames) -> torch.Tensor:
    from vid_diffusion_bench.features.networks.i3d_files import load_state, tensor

    logits: torch.Tensor = load_network(STATE, load_state)(tensor(cdfvd_pixels(frames)))
    return logits


STYLEGANV = I3DProtocol("i3d-styleganv", SCRIPT, first_frames, FIRST, STRETCH, _styleganv).extractor()
STYLEGANV_OFFSET = I3DProtocol("i3d-styleganv-offset", SCRIPT, offset_frames, OFFSET, STRETCH, _styleganv).extractor()
TF_HUB = I3DProtocol("i3d-tf-hub-2019", SCRIPT, all_frames, "every frame; at least 9", STRETCH_TF1, _tf_hub).extractor()
CDFVD_I3D = I3DProtocol("i3d-cdfvd", STATE, first_frames, FIRST, CDFVD, _cdfvd).extractor()
