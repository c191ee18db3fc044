"""VBench's totals: published rows, the arithmetic by hand, and nothing where a part is missing."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import MetricComputationError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, Measurement, MetricRegistry, PerClipMetric, ShareMetric, State
from vid_diffusion_bench.metrics.totals.vbench import (
    DIMENSIONS,
    QUALITY_DIMENSIONS,
    SEMANTIC_DIMENSIONS,
    quality_score,
    semantic_score,
    total_score,
    vbench_normalized,
)
from vid_diffusion_bench.video import Video

COLUMNS = (
    "subject_consistency", "background_consistency", "temporal_flickering", "motion_smoothness", "dynamic_degree",
    "aesthetic_quality", "imaging_quality", "object_class", "multiple_objects", "human_action", "color",
    "spatial_relationship", "scene", "appearance_style", "temporal_style", "overall_consistency",
)  # fmt: skip
# Table 1 of FlashVideo (arXiv 2502.05179), per cent: total, quality and semantic score, then the 16 dimensions.
PUBLISHED = {
    "Vchitect-2.0": "82.24 83.54 77.06 96.83 96.66 98.57 98.98 63.89 60.41 65.35 86.61 68.84 97.20 87.04 57.55 56.57 "
    "23.73 25.01 27.57",
    "CogVideoX-1.5": "82.17 82.78 79.76 96.87 97.35 98.88 98.31 50.93 62.79 65.02 87.47 69.65 97.20 87.55 80.25 52.91 "
    "24.89 25.19 27.30",
    "CogVideoX-5B": "81.61 82.75 77.04 96.23 96.52 98.66 96.92 70.97 61.98 62.90 85.23 62.11 99.40 82.81 66.35 53.20 "
    "24.91 25.38 27.59",
    "Mochi-1": "80.13 82.64 70.08 96.99 97.28 99.40 99.02 61.85 56.94 60.64 86.51 50.47 94.60 79.73 69.24 36.99 20.33 "
    "23.65 25.15",
}
SCORES = ("vbench_quality_score", "vbench_semantic_score", "vbench_total_score")


@pytest.mark.parametrize("model", list(PUBLISHED))
def test_published_totals_follow_from_the_published_dimensions(model):
    total, quality, semantic, *dimensions = (float(number) / 100 for number in PUBLISHED[model].split())
    values = dict(zip(COLUMNS, dimensions, strict=True))
    assert quality_score(values) == pytest.approx(quality, abs=1.5e-4)
    assert semantic_score(values) == pytest.approx(semantic, abs=1.5e-4)
    assert total_score(values) == pytest.approx(total, abs=1.5e-4)


def test_one_total_by_hand():
    values = dict.fromkeys(COLUMNS, 0.5)
    quality = (0.3538 / 0.8538 + 0.2385 / 0.7385 - 0.1293 / 0.3707 - 0.206 / 0.2915 + 0.5 + 0.5 + 0.5 * 0.5) / 6.5
    semantic = (5 * 0.5 + 0.5 / 0.8222 + 0.4991 / 0.2846 + 2 * 0.5 / 0.364) / 9
    assert quality_score(values) == pytest.approx(quality, abs=1e-12)
    assert semantic_score(values) == pytest.approx(semantic, abs=1e-12)
    assert total_score(values) == pytest.approx(0.8 * quality + 0.2 * semantic, abs=1e-12)


@given(st.sampled_from(COLUMNS), st.floats(-2, 2))
def test_normalised_values_are_affine_and_not_cut(dimension, value):
    scale = DIMENSIONS[dimension]
    assert vbench_normalized(dimension, scale.minimum) == 0
    assert vbench_normalized(dimension, scale.maximum) == 1
    back = scale.minimum + vbench_normalized(dimension, value) * (scale.maximum - scale.minimum)
    assert back == pytest.approx(value, abs=1e-12)


def test_what_vbench_has_not_is_refused():
    assert set(COLUMNS) == set(DIMENSIONS)
    assert (len(QUALITY_DIMENSIONS), len(SEMANTIC_DIMENSIONS)) == (7, 9)
    with pytest.raises(ValidationError, match="imaging"):
        vbench_normalized("imaging", 0.5)


def part_of(dimension, values, kind=PerClipMetric, label=None, absent=False):
    """A metric that gives ``values`` by clip key and leaves out the others."""

    class Part(kind):
        name = f"{dimension}:vbench-0.1.5"
        extractor = label or "vbench-0.1.5"
        unit = "score 0..1"

        def measure(self, clip):
            if clip.key not in values:
                raise MetricComputationError("not this clip")
            return Measurement(values[clip.key])

        def protocol(self):
            if absent:
                raise WeightsNotFoundError(f"the weights of {dimension} are not here")
            return super().protocol()

    return Part()


@pytest.fixture
def parts(monkeypatch):
    """All sixteen dimensions, each with values of its own; moving clips have no flicker."""
    rng = np.random.default_rng(0)
    for names in ("_entries", "_aliases"):
        monkeypatch.setattr(MetricRegistry, names, dict(getattr(MetricRegistry, names)))
    values = {name: {key: float(rng.random()) for key in "abc"} for name in DIMENSIONS}
    values["temporal_flickering"] = {"b": 0.75}
    values["dynamic_degree"] = {"a": 1.0, "b": 0.0, "c": 1.0}
    for name in DIMENSIONS:
        put(part_of(name, values[name], ShareMetric if name == "dynamic_degree" else PerClipMetric))
    return values


def put(metric):
    with warnings.catch_warnings(action="ignore"):
        MetricRegistry.register(metric.name, metric)


def clips():
    return [Clip(key, key, lambda: Video(np.zeros((3, 8, 8, 3), np.uint8), 8.0)) for key in "abcd"]


def result(name):
    metric, state = MetricRegistry.get(name), State()
    for clip in clips():
        one = State()
        metric.update(one, clip)
        state = state.merge(one).merge(one)
    return metric.compute(state, Context(name))


def test_the_total_is_the_formula_of_what_the_parts_say(parts):
    means = {name: sum(values.values()) / len(values) for name, values in parts.items()}
    expected = dict(zip(SCORES, (quality_score(means), semantic_score(means), total_score(means)), strict=True))
    for name in SCORES:
        seen = result(name)
        assert seen.value == pytest.approx(expected[name], abs=1e-12)
        assert seen.label == f"{name}[vbench-0.1.5]"
        assert (seen.n, seen.total) == (3, 4)
        assert seen.interval_reason
    assert seen.metadata["dimensions"] == pytest.approx(means)
    assert seen.metadata["n_by_dimension"]["temporal_flickering"] == 1
    assert seen.metadata["normalized"]["scene"] == pytest.approx(means["scene"] / 0.8222)
    assert seen.protocol["parts"]["color"]["metric"] == "color[vbench-0.1.5]"
    assert any("VBench's prompts" in line for line in seen.warnings)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("name", SCORES)
def test_a_part_that_is_missing_is_named_and_leaves_no_total(name):
    gone = "scene" if "semantic" in name else "imaging_quality"
    MetricRegistry.unregister(f"{gone}:vbench-0.1.5")
    seen = result(name)
    assert seen.value is None
    assert gone in seen.reason
    others = set(DIMENSIONS) - {gone}
    assert not any(f"{other} (" in seen.reason for other in others)
    assert "no metric" in seen.protocol["parts"][gone]


def test_a_part_of_another_protocol_is_not_taken(parts):
    put(part_of("color", parts["color"], label="grit"))
    assert "color[grit]" in result("vbench_semantic_score").reason
    MetricRegistry.unregister("scene:vbench-0.1.5")
    with pytest.warns(UserWarning, match="replaces"):
        MetricRegistry.register("subject_consistency:vbench-0.1.5", lambda _real, _made: {"subject_consistency": 1.0})
    assert "custom:" in result("vbench_quality_score").reason


def test_a_part_that_cannot_run_here_is_named(parts):
    put(part_of("scene", parts["scene"], absent=True))
    put(part_of("color", parts["color"], absent=True))
    seen = result("vbench_total_score")
    assert seen.value is None
    assert "the weights of scene are not here" in seen.reason
    assert "the weights of color are not here" in seen.reason


@pytest.mark.usefixtures("parts")
def test_a_part_that_measured_no_clip_is_named():
    put(part_of("temporal_flickering", {}))
    seen = result("vbench_quality_score")
    assert seen.value is None
    assert "temporal_flickering" in seen.reason
    assert "leaves the clip out" in seen.reason


def test_every_part_stands_in_the_registry_under_the_documented_name_or_is_named():
    seen = result("vbench_total_score")
    assert seen.value is None
    for name in DIMENSIONS:
        if f"{name}:vbench-0.1.5" not in MetricRegistry:
            assert name in seen.reason
