"""Metrics of the embeddings of frames, against their formulas written out."""

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import InvalidVideoError, MetricComputationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.metrics.learned.consistency import likeness
from vid_diffusion_bench.metrics.learned.i2v_subject import conformity
from vid_diffusion_bench.statistics import cluster_bootstrap
from vid_diffusion_bench.video import Video

BACKBONES = {
    "subject_consistency": "dino-vit-b-16",
    "subject_consistency:vbench-0.1.5": "dino-vit-b-16",
    "background_consistency": "clip-vit-b-32",
    "background_consistency:vbench-0.1.5": "clip-vit-b-32-vbench",
}
NEIGHBOURS = {"clip_temporal_consistency": "clip-vit-b-32", **BACKBONES}


def cosine(a, b):
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


def written_out(features):
    """VBench's loop over the frames: the sum over pairs, and their number."""
    total, first, former = 0.0, features[0], features[0]
    for frame in features[1:]:
        total += (max(0.0, cosine(former, frame)) + max(0.0, cosine(first, frame))) / 2
        former = frame
    return total, len(features) - 1


def walk(seed, count, size=6):
    """Embeddings that wander, so that some cosines are below 0."""
    return np.random.default_rng(seed).normal(size=(count, size)).cumsum(axis=0) - 1.0


@pytest.mark.parametrize("name", list(BACKBONES))
def test_consistency_is_vbenchs_loop(given, name):
    features = {"a": walk(0, 3), "b": walk(1, 9), "c": walk(2, 5)}
    for key, value in features.items():
        given.add(BACKBONES[name], key, value.astype(np.float32))
    sums = [written_out(value.astype(np.float32).astype(float)) for value in features.values()]
    seen = given.result(name, [given.clip(key, len(value)) for key, value in features.items()])
    macro = np.mean([total / pairs for total, pairs in sums])
    micro = sum(total for total, _ in sums) / sum(pairs for _, pairs in sums)
    assert abs(macro - micro) > 0.01
    compat = name.endswith("vbench-0.1.5")
    assert seen.value == pytest.approx(micro if compat else macro, abs=1e-12)
    assert seen.label == f"{name.partition(':')[0]}[{'vbench-0.1.5' if compat else BACKBONES[name]}]"
    assert ("all frame pairs" in seen.protocol["aggregation"]) == compat


def test_the_interval_of_the_mean_over_pairs_weighs_as_the_mean_does(given):
    features = {key: walk(index, count) for index, (key, count) in enumerate({"a": 3, "b": 9, "c": 5, "d": 2}.items())}
    for key, value in features.items():
        given.add("dino-vit-b-16", key, value)
    clips = [given.clip(key, len(value), cluster=key if key < "c" else "c") for key, value in features.items()]
    seen = given.result("subject_consistency:vbench-0.1.5", clips)
    means = [total / pairs for total, pairs in map(written_out, features.values())]
    repeated = [
        (value, cluster) for value, cluster, n in zip(means, "abcc", (2, 8, 4, 1), strict=True) for _ in range(n)
    ]
    expected = cluster_bootstrap(*zip(*repeated, strict=True))
    assert seen.confidence_interval == pytest.approx(expected, abs=1e-12)
    assert seen.confidence_interval[0] <= seen.value <= seen.confidence_interval[1]


@for_all(st.integers(0, 10**6), st.integers(2, 12), st.floats(0.01, 100))
def test_likeness_stays_in_its_range_and_ignores_length(seed, count, scale):
    features = walk(seed, count)
    pairs = likeness(features)
    assert ((pairs >= 0) & (pairs <= 1)).all()
    assert pairs == pytest.approx(likeness(features * scale), abs=1e-9)
    assert likeness(np.repeat(features[:1], count, axis=0)) == pytest.approx(np.ones(count - 1))


def test_clip_temporal_consistency_is_the_mean_cosine_of_neighbours(given):
    for model in ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14"):
        features = walk(3, 6)
        given.add(model, "a", features)
        expected = np.mean([cosine(features[i], features[i + 1]) for i in range(5)])
        seen = given.result(f"clip_temporal_consistency:{model}", [given.clip("a", 6)])
        assert seen.value == pytest.approx(expected, abs=1e-12)
        assert seen.label == f"clip_temporal_consistency[{model}]"
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    given.add("clip-vit-b-32", "b", opposite)
    assert given.result("clip_temporal_consistency", [given.clip("b", 2)]).value == -1.0


@pytest.mark.parametrize("name", list(NEIGHBOURS))
def test_one_frame_has_no_consistency(given, name):
    given.add(NEIGHBOURS[name], "a", np.ones((1, 4)))
    seen = given.result(name, [given.clip("a", 1)])
    assert seen.value is None
    assert "two frames" in seen.reason


@pytest.mark.parametrize("name", [*NEIGHBOURS, "i2v_subject"])
def test_a_frozen_clip_is_warned_of_and_a_tiny_one_lacks_the_fact(given, name):
    extractor = NEIGHBOURS.get(name, "dino-vit-b-16")
    for key in ("frozen", "tiny", "frozen:image", "tiny:image"):
        given.add(extractor, key, np.ones((4, 3)))
        given.frames[key] = np.zeros((4, 16, 16, 3) if "frozen" in key else (4, 8, 8, 3), np.uint8)
    image = {"paired": lambda: Video(np.zeros((1, 4, 4, 3), np.uint8), 8.0)}
    frozen = given.result(name, [given.clip("frozen", **image), given.clip("tiny", **image)])
    assert frozen.value == pytest.approx(1.0)
    assert frozen.metadata["static_share"] == 1.0
    assert any("hardly move" in line for line in frozen.warnings)
    tiny = given.result(name, [given.clip("tiny", **image)])
    assert tiny.value == pytest.approx(1.0)
    assert "static_share" not in tiny.metadata


def test_aesthetic_quality_is_a_tenth_of_the_rating_by_clips_not_by_frames(given):
    given.add("laion-aesthetic-l-14", "a", np.array([4.0, 6.0, 8.0], np.float32))
    given.add("laion-aesthetic-l-14", "b", np.array([-1.0], np.float32))
    for name in ("aesthetic_quality", "aesthetic_quality:vbench-0.1.5"):
        seen = given.result(name, [given.clip("a", 3), given.clip("b", 1)])
        assert seen.value == pytest.approx((0.6 - 0.1) / 2)
        assert seen.label == "aesthetic_quality[vbench-0.1.5]"


def test_i2v_subject_is_vbenchs_formula_on_the_first_frame_of_the_real_clip(given):
    image, features = walk(5, 1), walk(6, 5)
    given.add("dino-vit-b-16", "a", features)
    given.add("dino-vit-b-16", "a:image", image)
    adjacent = [max(0.0, cosine(features[i], features[i + 1])) for i in range(4)]
    conform = [max(0.0, cosine(image[0], frame)) for frame in features]
    expected = 0.4 * max(conform) + 0.3 * np.mean(adjacent) + 0.3 * min(adjacent)
    real = Video(np.arange(2 * 6 * 7 * 3, dtype=np.uint8).reshape(2, 6, 7, 3), 8.0)
    clip = given.clip("a", 5, paired=lambda: real)
    assert given.result("i2v_subject", [clip]).value == pytest.approx(expected, abs=1e-12)
    assert conformity(-features[0], np.repeat(features[:1], 3, axis=0)) == pytest.approx(0.6)


def test_the_image_is_the_first_frame_and_nothing_else(monkeypatch):
    from vid_diffusion_bench.features import FeatureExtractor, FeatureRegistry

    monkeypatch.setattr(FeatureRegistry, "_entries", dict(FeatureRegistry._entries))

    def level(clip):
        return clip.video.frames.reshape(len(clip.video.frames), -1)[:, :2].astype(float)

    FeatureRegistry.register("dino-vit-b-16", FeatureExtractor("dino-vit-b-16", level, dict))
    from vid_diffusion_bench.features import Clip

    frames = np.zeros((3, 4, 4, 3), np.uint8)
    frames[..., 0] = 9
    real = np.zeros((2, 4, 4, 3), np.uint8)
    real[0, ..., 1], real[1, ..., 0] = 9, 9
    clip = Clip("a", "a", lambda: Video(frames, 8.0), paired=lambda: Video(real, 8.0))
    assert MetricRegistry.get("i2v_subject").measure(clip).value == pytest.approx(0.6)


def test_without_an_image_there_is_a_reason(given):
    given.add("dino-vit-b-16", "a", walk(0, 4))
    assert "no real clip" in given.result("i2v_subject", [given.clip("a")]).reason

    def broken():
        raise InvalidVideoError("a.mp4 is empty")

    with pytest.raises(MetricComputationError, match=r"real clip of this name is broken: a\.mp4"):
        MetricRegistry.get("i2v_subject").measure(given.clip("a", paired=broken))
