import numpy as np
import pytest

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.builtin import TextMatch
from vid_diffusion_bench.metrics import Context, MetricRegistry, State
from vid_diffusion_bench.metrics.totals.overall_score import PARTS, overall
from vid_diffusion_bench.video import Video


def clip(key, cosine, prompt="a red circle", unknown=0.0, frames=None):
    frames = np.zeros((3, 16, 16, 3), np.uint8) if frames is None else frames
    made = Clip(key, key, lambda: Video(frames, 8.0), prompt=prompt)
    made._features["shapes-v1-text"] = TextMatch(cosine, unknown)
    return made


def result(name, clips):
    metric, state = MetricRegistry.get(name), State()
    for one in clips:
        metric.update(state, one)
    return metric.compute(state, Context(name))


@pytest.mark.usefixtures("tiny_extractors")
def test_the_score_clamps_each_clip_and_not_the_mean():
    clips = [clip("a", 0.8), clip("b", -0.4)]
    assert result("clip_similarity", clips).value == pytest.approx(0.2)
    assert result("clip_score", clips).value == pytest.approx(40.0)


@pytest.mark.usefixtures("tiny_extractors")
@pytest.mark.parametrize("name", ["clip_similarity", "clip_score", "overall_score"])
def test_unknown_words_are_counted_and_warned_about(name):
    seen = result(name, [clip("a", 0.5, unknown=0.9), clip("b", 0.5, unknown=0.5)])
    assert seen.metadata["unknown_word_share"] == pytest.approx(0.7)
    assert any("70%" in line and "unknown" in line for line in seen.warnings)
    quiet = result(name, [clip("a", 0.5, unknown=0.1)])
    assert not any("unknown" in line for line in quiet.warnings)


@pytest.mark.parametrize("name", ["clip_similarity", "clip_score"])
def test_a_clip_of_unknown_prompt_has_no_similarity(name):
    with pytest.raises(MetricComputationError, match="prompt"):
        MetricRegistry.get(name).measure(clip("a", 0.5, prompt=None))


def test_the_overall_formula_is_the_documented_one():
    parts = {"clip_similarity": 0.64, "temporal_consistency": 0.81, "motion_smoothness": 0.96}
    assert overall(parts) == pytest.approx(100 * 0.64**0.5 * 0.81**0.25 * 0.96**0.25)
    assert overall({**parts, "clip_similarity": -0.3}) == 0.0
    assert overall(dict.fromkeys(parts, 1.0)) == 100.0
    assert sum(weight for _, weight in PARTS.values()) == 1.0


@pytest.mark.usefixtures("tiny_extractors")
def test_the_overall_score_of_a_clip_is_the_formula_of_its_parts():
    rng = np.random.default_rng(0)
    frames = np.clip(100 + rng.normal(0, 9, (5, 32, 32, 3)), 0, 255).astype(np.uint8)
    one = clip("a", 0.5, frames=frames)
    parts = {name: MetricRegistry.get(name).measure(one).value for name in PARTS}
    assert MetricRegistry.get("overall_score").measure(one).value == pytest.approx(overall(parts))
    assert min(parts.values()) < 0.99


@pytest.mark.usefixtures("tiny_extractors")
def test_missing_parts_are_named():
    seen = result("overall_score", [clip("a", 0.5, prompt=None, frames=np.zeros((1, 16, 16, 3), np.uint8))])
    assert seen.value is None
    for part in PARTS:
        assert part in seen.reason
