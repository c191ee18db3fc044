"""Optical flow by RAFT (Teed and Deng 2020) as VBench 0.1.5 asks for it: the network is torchvision's ``raft_large``.

Its weights ``raft_large_C_T_V1`` are the authors' ``raft-things``, ported by torchvision. As in VBench, frames are
RGB at their own size, padded to multiples of 8 by repeating the border, half on each side; 20 updates; the fastest
vectors are picked from the padded flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError, MissingDependencyError
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.flow import Flow, top_magnitude
from vid_diffusion_bench.features.motion import MOVING_SHARE, STATIC_SHARE, Series, passes_static_filter
from vid_diffusion_bench.features.networks.base import load_network, own, versions, weights_identity
from vid_diffusion_bench.features.networks.device import PRECISION, exact_arithmetic, network_device
from vid_diffusion_bench.video import Frames

if TYPE_CHECKING:
    import torch

WEIGHTS = "raft-large"
UPDATES = 20
MIN_SIDE = 121
"""Pixels; padded to 128, below which torchvision's correlation pyramid has no level left."""


@dataclass(frozen=True)
class RaftMotion:
    """Speeds by RAFT in pixels, named as in :class:`~vid_diffusion_bench.features.motion.Motion`."""

    top2: Series
    top5: Series
    ends: Series
    short_side: int

    def is_static(self) -> bool:
        """VBench's static filter."""
        return passes_static_filter(self.top2, self.ends, self.short_side)


def measure_motion(clip: Clip) -> RaftMotion:
    """The :class:`RaftMotion` of ``clip``; at least 2 frames of 121 x 121 pixels."""
    frames = _checked(clip, 2)
    flows = [between(first, second) for first, second in pairwise(frames)]
    top2, top5 = (np.array([top_magnitude(flow, share) for flow in flows]) for share in (STATIC_SHARE, MOVING_SHARE))
    ends = [top_magnitude(between(frames[a], frames[b]), STATIC_SHARE) for a, b in ((0, -1), (-1, 0))]
    return RaftMotion(top2, top5, np.array(ends), min(frames.shape[1:3]))


def measure_motion_8fps(clip: Clip) -> Series:
    """``top5`` over the pairs of the clip sub-sampled to about 8 frames a second, every round(fps / 8)-th frame."""
    interval = max(1, round(clip.video.fps / 8))
    frames = _checked(clip, interval + 1)[::interval]
    return np.array([top_magnitude(between(a, b), MOVING_SHARE) for a, b in pairwise(frames)])


def between(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Flow:
    """Padded flow (H', W', 2) from ``first`` to ``second``, RGB (H, W, 3)."""
    network = load_network(WEIGHTS, load)
    with exact_arithmetic():
        flow = network(_tensor(first), _tensor(second), num_flow_updates=UPDATES)[-1]
        return own(flow[0].permute(1, 2, 0))


def _tensor(frame: npt.NDArray[np.uint8]) -> torch.Tensor:
    """(1, 3, H', W') in -1..1, padded."""
    import torch
    from torch.nn import functional

    pixels = torch.from_numpy(np.ascontiguousarray(frame)).to(network_device()).permute(2, 0, 1)[None].float()
    down, right = (-frame.shape[0]) % 8, (-frame.shape[1]) % 8
    padding = [right // 2, right - right // 2, down // 2, down - down // 2]
    return functional.pad(2 * (pixels / 255) - 1, padding, mode="replicate")


def _checked(clip: Clip, least: int) -> Frames:
    video = clip.video
    if video.num_frames < least:
        raise MetricComputationError(f"motion by RAFT needs {least} frames or more")
    if min(video.height, video.width) < MIN_SIDE:
        raise MetricComputationError(f"RAFT needs frames of {MIN_SIDE} pixels a side or more")
    return video.frames


def load(path: Path) -> Any:
    """torchvision's ``raft_large``.

    Raises:
        MissingDependencyError: torchvision is absent, or made for another torch.
        RuntimeError: The file holds something else.
    """
    import torch

    network = constructor()(weights=None)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network


def constructor() -> Any:
    """The class, from torchvision."""
    try:
        from torchvision.models.optical_flow import raft_large
    # A torchvision made for another torch raises RuntimeError: its operators are not there.
    except (ImportError, RuntimeError) as error:
        raise missing(str(error)) from error
    return raft_large


def missing(why: str) -> MissingDependencyError:
    """The error that says how to get torchvision."""
    return MissingDependencyError(
        f"RAFT is torchvision's, which cannot be used here: {why}",
        remedy="pip install torchvision, of the release that belongs to the installed torch",
        details={"dependency": "torchvision"},
    )


def _identity(name: str, **sampling: str) -> dict[str, Any]:
    try:
        library = versions("torch", "torchvision")
    except PackageNotFoundError as error:
        raise missing("it is not installed") from error
    return {
        "name": name,
        **weights_identity(WEIGHTS),
        "flow": f"raft_large, {UPDATES} updates",
        "preprocessing": "RGB in -1..1 at full size, padded to multiples of 8, border repeated, half on each side",
        "precision": PRECISION,
        **library,
        **sampling,
    }


MOTION = FeatureExtractor("raft-motion", measure_motion, lambda: _identity("raft-motion"), RaftMotion)
MOTION_8FPS = FeatureExtractor(
    "raft-motion-8fps",
    measure_motion_8fps,
    lambda: _identity("raft-motion-8fps", sampling="every round(fps/8)-th frame"),
    np.ndarray,
)
