import numpy as np
import pytest

from vid_diffusion_bench.exceptions import MetricComputationError, MetricNotFoundError
from vid_diffusion_bench.features import Clip, FeatureExtractor, FeatureRegistry, get_extractor
from vid_diffusion_bench.video import Video


def test_a_clip_is_decoded_once_and_each_feature_computed_once():
    decodes, computed = [], []

    def load():
        decodes.append(1)
        return Video(np.zeros((2, 4, 4, 3), np.uint8), 8.0)

    def compute(clip):
        computed.append(clip.key)
        return clip.video.num_frames

    FeatureRegistry.register("test-count", FeatureExtractor("test-count", compute, dict))
    try:
        clip = Clip("k", "c", load)
        assert [clip.feature("test-count") for _ in range(3)] == [2, 2, 2]
    finally:
        FeatureRegistry.unregister("test-count")
    assert decodes == [1]
    assert computed == ["k"]


def test_a_feature_that_a_clip_has_not_is_looked_for_once():
    asked = []

    def compute(clip):
        asked.append(clip.key)
        raise MetricComputationError("too short")

    FeatureRegistry.register("test-absent", FeatureExtractor("test-absent", compute, dict))
    try:
        clip = Clip("k", "c", lambda: Video(np.zeros((2, 4, 4, 3), np.uint8), 8.0))
        for _ in range(3):
            with pytest.raises(MetricComputationError, match="too short"):
                clip.feature("test-absent")
    finally:
        FeatureRegistry.unregister("test-absent")
    assert asked == ["k"]


def test_an_unknown_extractor_names_the_nearest():
    with pytest.raises(MetricNotFoundError, match="moton") as caught:
        get_extractor("moton")
    assert "motion" in caught.value.remedy
