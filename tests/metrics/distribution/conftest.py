from dataclasses import dataclass

import numpy as np
import pytest

from vid_diffusion_bench.features import Clip, FeatureExtractor, FeatureRegistry
from vid_diffusion_bench.video import Video

CLASSES, WIDTH = 12, 6


@dataclass(frozen=True)
class FrameFeatures:
    """What an Inception network gives of T frames."""

    features: np.ndarray
    logits: np.ndarray


def seen(clip):
    """(T, 48) in 0..1: the frames themselves."""
    return (clip.video.frames.reshape(clip.video.num_frames, -1) / 255).astype(np.float32)


def frame_features(clip):
    rng = np.random.default_rng(0)
    return FrameFeatures(*(seen(clip) @ rng.normal(size=(48, n)).astype(np.float32) for n in (WIDTH, CLASSES)))


def class_probabilities(clip):
    logits = 4 * frame_features(clip).logits.mean(axis=0)
    p = np.exp(logits - logits.max())
    return (p / p.sum()).astype(np.float32)


@pytest.fixture
def pixel_extractors(monkeypatch):
    """Projections of the pixels under the names of networks: what the metrics do with features is their own."""
    entries = {
        "inception-v3-torchscript": (frame_features, FrameFeatures),
        "c3d-ucf101": (class_probabilities, np.ndarray),
    }
    monkeypatch.setattr(FeatureRegistry, "_entries", dict(FeatureRegistry._entries))
    for name, (compute, output) in entries.items():
        FeatureRegistry.register(name, FeatureExtractor(name, compute, lambda name=name: {"name": name}, output))


@pytest.fixture
def small_clip():
    """Makes a clip of noise, (T, 4, 4, 3), by its number; brighter or darker by ``shift``."""

    def make(index, num_frames=5, shift=0, side="", store=None):
        def load():
            rng = np.random.default_rng([index, len(side)])
            levels = rng.integers(40, 200) + rng.integers(-40, 40, (num_frames, 4, 4, 3)) + shift
            return Video(np.clip(levels, 0, 255).astype(np.uint8), 8.0)

        key = f"{side}clip-{index}"
        return Clip(key, key, load, content=f"{key}-{num_frames}-{shift}", store=store)

    return make
