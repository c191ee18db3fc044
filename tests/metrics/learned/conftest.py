"""Extractors that give what a test says, in place of networks."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from vid_diffusion_bench.features import Clip, FeatureExtractor, FeatureRegistry
from vid_diffusion_bench.metrics import Context, MetricRegistry, State
from vid_diffusion_bench.video import Video


@dataclass
class Given:
    """``features`` by extractor and clip key; :meth:`result` is a metric's on the clips that have them."""

    features: dict = field(default_factory=dict)
    frames: dict = field(default_factory=dict)

    def add(self, extractor, key, feature):
        self.features.setdefault(extractor, {})[key] = feature

    def clip(self, key, num_frames=4, prompt="a cat", cluster=None, paired=None, size=16):
        frames = self.frames.get(key)
        if frames is None:
            frames = np.random.default_rng(num_frames).integers(0, 255, (num_frames, size, size, 3), np.uint8)
        return Clip(key, cluster or key, lambda: Video(frames, 8.0), prompt=prompt, paired=paired)

    def result(self, name, clips):
        metric, state = MetricRegistry.get(name), State()
        for clip in clips:
            metric.update(state, clip)
        return metric.compute(state, Context(name))


@pytest.fixture
def given(monkeypatch):
    made = Given()
    monkeypatch.setattr(FeatureRegistry, "_entries", dict(FeatureRegistry._entries))

    def register(name):
        FeatureRegistry.register(
            name, FeatureExtractor(name, lambda clip: made.features[name][clip.key], lambda: {"name": name})
        )

    for model in ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14"):
        register(model)
        register(f"{model}-text")
    for name in ("clip-vit-b-32-vbench", "dino-vit-b-16", "x-clip-base-32", "laion-aesthetic-l-14"):
        register(name)
    return made
