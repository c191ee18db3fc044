"""The published inception scores: the formula written out with its shuffle, StyleGAN-V's on C3D, torch-fidelity's."""

import numpy as np
import pytest

from vid_diffusion_bench.metrics import Context, Row, State
from vid_diffusion_bench.metrics.distribution.inception_published import ClipScoreC3d, FrameScore
from vid_diffusion_bench.metrics.distribution.inception_splits import split_score


def draw_p(seed, n, classes, scale=2.0):
    logits = np.random.default_rng(seed).normal(scale=scale, size=(n, classes))
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


def by_definition(p, seed, splits=10):
    """Mean and standard deviation of the scores of the parts, as both publications write them."""
    shuffled = p.copy()
    np.random.RandomState(seed).shuffle(shuffled)
    scores = []
    for i in range(splits):
        part = shuffled[i * len(p) // splits : (i + 1) * len(p) // splits]
        divergence = part * (np.log(part) - np.log(part.mean(axis=0, keepdims=True)))
        scores.append(np.exp(divergence.sum(axis=1).mean()))
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("seed", [42, 2020])
@pytest.mark.parametrize(("n", "classes", "batch"), [(10, 5, 1), (97, 30, 1), (203, 7, 16), (64, 101, 64)])
def test_it_is_the_published_formula(n, classes, batch, seed):
    p = draw_p(n, n, classes)
    found = split_score([p[i : i + batch] for i in range(0, n, batch)], n, 10, seed)
    assert (found.mean, found.std) == pytest.approx(by_definition(p, seed), rel=1e-10)


def test_a_class_without_probability_adds_nothing_where_the_published_code_has_nan():
    p = np.tile(np.eye(4), (10, 1))
    found = split_score([p], 40, 10, 42)
    assert np.isfinite(found.mean)
    with np.errstate(all="ignore"):
        assert np.isnan(by_definition(p, 42)[0])
    sure = np.repeat(np.eye(4), 250, axis=0)
    assert split_score([sure], 1000, 1, 42).mean == pytest.approx(4, rel=1e-12)


def test_a_count_that_is_wrong_is_an_error():
    with pytest.raises(ValueError, match="11 samples were announced and 10 came"):
        split_score([draw_p(0, 10, 3)], 11, 10, 42)


def computed(metric, clips, **context):
    state = State()
    for clip in clips:
        metric.update(state, clip)
    return metric.compute(state, Context(metric.name, **context))


def softmax(logits):
    p = np.exp(logits.astype(np.float64))
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.usefixtures("pixel_extractors")
def test_clips_are_samples_of_c3d(small_clip):
    clips = [small_clip(i) for i in range(23)]
    result = computed(ClipScoreC3d(), clips[::-1], total=24)
    by_key = sorted(clips, key=lambda clip: clip.key)
    mean, std = by_definition(np.stack([clip.feature("c3d-ucf101").astype(float) for clip in by_key]), 42)
    assert (result.value, result.metadata["split_std"]) == pytest.approx((mean, std), rel=1e-10)
    assert (result.n, result.total, result.protocol["n"], result.protocol["clips"]) == (23, 24, 23, 23)
    assert any("23 clips are below the 2048" in line for line in result.warnings)
    assert any("2 clips a split cannot show all 12 classes" in line for line in result.warnings)
    assert result.label == "is_c3d_ucf101[c3d-ucf101]"
    assert result.confidence_interval is None
    assert result.interval_reason


@pytest.mark.usefixtures("pixel_extractors")
def test_frames_are_samples_of_inception(small_clip):
    clips = [small_clip(i, num_frames=3 + i % 3) for i in range(12)]
    result = computed(FrameScore(), clips[::-1])
    by_key = sorted(clips, key=lambda clip: clip.key)
    logits = np.concatenate([clip.feature("inception-v3-torchscript").logits for clip in by_key])
    mean, std = by_definition(softmax(logits), 2020)
    assert (result.value, result.metadata["split_std"]) == pytest.approx((mean, std), rel=1e-8)
    assert (result.protocol["n"], result.protocol["frames"]) == (12, 48)
    assert result.label == "is_inception_frame[inception-v3-torchscript]"


@pytest.mark.usefixtures("pixel_extractors")
@pytest.mark.parametrize("metric", [ClipScoreC3d(), FrameScore()])
def test_shards_and_order_change_not_a_bit(metric, small_clip):
    whole = computed(metric, [small_clip(i) for i in range(15)])
    shards = [State() for _ in range(3)]
    for i in range(15):
        metric.update(shards[i % 3], small_clip(i))
    merged = shards[2].merge(shards[0]).merge(shards[1])
    assert metric.compute(merged, Context(metric.name)) == whole


@pytest.mark.usefixtures("pixel_extractors")
def test_fewer_samples_than_splits_have_no_score(small_clip):
    result = computed(ClipScoreC3d(), [small_clip(i) for i in range(9)])
    assert result.value is None
    assert "10 clips or more, there are 9" in result.reason
    assert computed(FrameScore(), [small_clip(0, num_frames=9)]).value is None
    assert computed(FrameScore(), [small_clip(0, num_frames=10)]).value >= 1
    assert computed(FrameScore(), []).reason == "no clip to score"


@pytest.mark.usefixtures("pixel_extractors")
def test_more_clips_than_the_protocol_has_are_cut_the_same_way_every_time(monkeypatch):
    monkeypatch.setattr(ClipScoreC3d, "protocol_clips", 20)
    rows = {str(i): Row(str(i), p) for i, p in enumerate(draw_p(0, 33, 8))}
    results = [
        ClipScoreC3d().compute(State(dict(order)), Context("is_c3d_ucf101"))
        for order in (rows.items(), reversed(rows.items()))
    ]
    assert results[0] == results[1]
    assert results[0].metadata["n_scored"] == 20
    assert any("of 33 clips, 20 were scored" in line for line in results[0].warnings)
