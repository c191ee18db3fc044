"""What the learned metrics ask of the embeddings of a clip's frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip

Vectors = npt.NDArray[np.float64]


def unit(vectors: npt.NDArray[Any]) -> Vectors:
    """``vectors`` (..., D) divided by their lengths, in float64; a zero vector stays zero."""
    values = np.asarray(vectors, np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))


def adjacent_cosines(features: npt.NDArray[Any]) -> Vectors:
    """Cosine (T-1,) of each frame's embedding with the one before, of ``features`` (T, D).

    Raises:
        MetricComputationError: Fewer than two frames.
    """
    if len(features) < 2:
        raise MetricComputationError("frames can be compared in clips of two frames or more")
    vectors = unit(features)
    return np.asarray(np.clip((vectors[1:] * vectors[:-1]).sum(axis=-1), -1.0, 1.0))


def cosines_to(vector: npt.NDArray[Any], features: npt.NDArray[Any]) -> Vectors:
    """Cosine (T,) of each row of ``features`` (T, D) with ``vector`` (D,)."""
    return np.asarray(np.clip(unit(features) @ unit(vector), -1.0, 1.0))


def static_share(clip: Clip) -> dict[str, float]:
    """The fact ``static_share`` of one clip: 1.0 if it hardly moves; nothing where it has no optical flow."""
    try:
        return {"static_share": float(clip.feature("motion").is_static())}
    except MetricComputationError:
        return {}
