from dataclasses import dataclass

import numpy as np
import pytest

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.metrics import MetricRegistry

MODELS = ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14")
RNG = np.random.default_rng(0)


@dataclass
class Text:
    embedding: np.ndarray
    truncated_share: float = 0.0


@dataclass
class Pair:
    video: np.ndarray
    text: np.ndarray
    truncated_share: float = 0.0


def cosine(a, b):
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


@pytest.mark.parametrize("model", MODELS)
def test_every_frame_is_compared_with_the_prompt(given, model):
    features = {key: RNG.normal(size=(count, 8)).astype(np.float32) for key, count in (("a", 3), ("b", 5))}
    text = {key: RNG.normal(size=8).astype(np.float32) for key in features}
    for key, value in features.items():
        given.add(model, key, value)
        given.add(f"{model}-text", key, Text(text[key]))
    expected = {
        key: np.mean([cosine(frame.astype(float), text[key].astype(float)) for frame in features[key]])
        for key in features
    }
    clips = [given.clip(key, len(features[key])) for key in features]
    similarity = given.result(f"clip_similarity:{model}", clips)
    assert similarity.label == f"clip_similarity[{model}]"
    assert similarity.value == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
    score = given.result(f"clip_score[{model}]", clips)
    assert score.value == pytest.approx(np.mean([100 * max(value, 0) for value in expected.values()]), abs=1e-10)
    assert set(score.protocol["features"]) == {model, f"{model}-text"}


def test_the_score_is_cut_at_zero_for_each_clip_and_not_for_each_frame(given):
    prompt = np.array([1.0, 0.0])
    given.add("clip-vit-b-32", "a", np.array([[1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]))
    given.add("clip-vit-b-32", "b", np.array([[1.0, 0.0], [-0.0, 2.0]]))
    for key in "ab":
        given.add("clip-vit-b-32-text", key, Text(prompt))
    clips = [given.clip("a", 3), given.clip("b", 2)]
    metric = MetricRegistry.get("clip_score:clip-vit-b-32")
    assert [metric.measure(clip).value for clip in clips] == [0.0, 50.0]
    assert given.result("clip_score:clip-vit-b-32", clips).value == 25.0
    assert given.result("clip_similarity:clip-vit-b-32", clips).value == pytest.approx((-1 / 3 + 0.5) / 2)


@pytest.mark.parametrize("name", ["clip_similarity:clip-vit-b-32", "clip_score:clip-vit-b-32", "video_text_similarity"])
def test_a_prompt_that_was_cut_is_warned_of(given, name):
    for key, share in (("a", 0.5), ("b", 0.0)):
        given.add("clip-vit-b-32", key, np.ones((4, 2)))
        given.add("clip-vit-b-32-text", key, Text(np.ones(2), share))
        given.add("x-clip-base-32", key, Pair(np.ones(2), np.ones(2), share))
    cut = given.result(name, [given.clip("a"), given.clip("b")])
    assert cut.metadata["truncated_share"] == 0.25
    assert any("25.0%" in line and "cut" in line for line in cut.warnings)
    assert given.result(name, [given.clip("b")]).warnings == []


def test_x_clip_compares_one_embedding_of_each(given):
    video, text = RNG.normal(size=(2, 8)).astype(np.float32)
    given.add("x-clip-base-32", "a", Pair(video, text))
    seen = given.result("video_text_similarity", [given.clip("a")])
    assert seen.value == pytest.approx(cosine(video.astype(float), text.astype(float)), abs=1e-12)


@pytest.mark.parametrize("name", ["clip_similarity:clip-vit-l-14", "clip_score:clip-vit-b-16", "video_text_similarity"])
def test_a_clip_of_unknown_prompt_has_no_value(given, name):
    with pytest.raises(MetricComputationError, match="prompt of this clip is not known"):
        MetricRegistry.get(name).measure(given.clip("a", prompt=None))
