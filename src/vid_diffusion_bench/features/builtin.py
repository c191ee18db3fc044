"""The built-in networks of ``shapes-v1`` as extractors: one clip at a time, weights from the package.

One clip a pass makes a clip's features independent of the others; networks are loaded once a process, on first use.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import WeightsNotFoundError
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.video import Video, sample_frames

if TYPE_CHECKING:
    import torch

    from vid_diffusion_bench.features.shapes import ShapesDualEncoder, ShapesVideoNet

WEIGHTS = Path(__file__).parent / "weights"
VIDEO_NET, DUAL_ENCODER = "video-net", "dual-encoder"
NUM_FRAMES = 17
FILES = ("config.json", "model.safetensors")
PREPROCESSING = "17 frames evenly spaced, first and last included; 64x64 bilinear antialias, aspect not kept; 0..1"

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VideoFeatures:
    """Of one clip: ``features`` (D,) and the ``logits`` (K,) of the world's joint classes, float64."""

    features: Vector
    logits: Vector


@dataclass(frozen=True)
class TextMatch:
    """``cosine`` of a clip and its prompt, -1..1, and the share of the prompt's words the encoder has not learned."""

    cosine: float
    unknown_word_share: float


def video_features(clip: Clip) -> VideoFeatures:
    """What the video network makes of ``clip``."""
    import torch

    with torch.inference_mode():
        output = _video_net(WEIGHTS / VIDEO_NET)(_tensor(clip.video))
    return VideoFeatures(_own(output.features), _own(output.logits))


def _own(batch_of_one: torch.Tensor) -> Vector:
    """The only row of (1, D) as float64 in memory of NumPy's.

    A small tensor that is kept pins the large block it was cut from; a hundred kilobytes a clip were lost so.
    """
    return np.array(batch_of_one[0].numpy(), np.float64)


def text_match(clip: Clip) -> TextMatch:
    """How near the dual encoder puts ``clip`` and its prompt, which must be known."""
    import torch

    encoder = _dual_encoder(WEIGHTS / DUAL_ENCODER)
    prompt = clip.prompt or ""
    with torch.inference_mode():
        pair = _clip_embedding(encoder, clip), encoder.encode_text([prompt])
    first, second = map(_own, pair)
    cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
    return TextMatch(float(np.clip(cosine, -1, 1)), _unknown_share(prompt, encoder.word_ids, encoder.max_words))


def _clip_embedding(encoder: ShapesDualEncoder, clip: Clip) -> torch.Tensor:
    """The unit vector (1, E) of ``clip``; through the video network's features where both have the same trunk."""
    import torch

    if not _one_trunk(WEIGHTS / VIDEO_NET, WEIGHTS / DUAL_ENCODER):
        return encoder.encode_clips(_tensor(clip.video))
    features = clip.feature("shapes-v1-video").features
    return encoder.project(torch.from_numpy(features).float()[None])


def _unknown_share(prompt: str, known: dict[str, int], max_words: int) -> float:
    """Share of the words of ``prompt`` that are not ``known`` or come after the last word that is read."""
    words = re.findall(r"\w+", prompt.lower())
    read = sum(word in known for word in words[:max_words])
    return 1 - read / len(words) if words else 1.0


def _tensor(video: Video) -> torch.Tensor:
    """(1, 17, 3, H, W) in 0..1; frames are picked before they become floats, so that long clips stay small."""
    import torch

    frames = video.frames[sample_frames(video.num_frames, NUM_FRAMES)]
    return torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float().div(255.0)


@cache
def _video_net(folder: Path) -> ShapesVideoNet:
    from vid_diffusion_bench.features.shapes import ShapesVideoNet

    return ShapesVideoNet.from_pretrained(folder)


@cache
def _dual_encoder(folder: Path) -> ShapesDualEncoder:
    from vid_diffusion_bench.features.shapes import ShapesDualEncoder

    return ShapesDualEncoder.from_pretrained(folder)


@cache
def _one_trunk(video: Path, dual: Path) -> bool:
    """Whether both networks see a clip through the very same weights, so that one pass serves both."""
    import torch

    first, second = _video_net(video).trunk.state_dict(), _dual_encoder(dual).trunk.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _identity(name: str, folder: Path) -> dict[str, Any]:
    return {
        "name": name,
        "weights_sha256": _sha256(folder / FILES[1]),
        "config_sha256": _sha256(folder / FILES[0]),
        "preprocessing": PREPROCESSING,
        "precision": "float32, weights stored as float16",
        "torch": _torch_version(),
    }


@cache
def _torch_version() -> str:
    return version("torch")


@cache
def _sha256(path: Path) -> str:
    """SHA-256 of a file of the package.

    Raises:
        WeightsNotFoundError: It is not there.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsNotFoundError(
            f"the built-in extractor weights {path.parent.name}/{path.name} are missing from the installed package",
            remedy="install vid-diffusion-bench again",
        ) from error


VIDEO = FeatureExtractor(
    "shapes-v1-video", video_features, lambda: _identity("shapes-v1-video", WEIGHTS / VIDEO_NET), VideoFeatures
)
TEXT = FeatureExtractor(
    "shapes-v1-text",
    text_match,
    lambda: _identity("shapes-v1-text", WEIGHTS / DUAL_ENCODER),
    TextMatch,
    reads_prompt=True,
)
