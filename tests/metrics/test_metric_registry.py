import subprocess
import sys
import warnings
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from vid_diffusion_bench.exceptions import MetricNotFoundError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, Measurement, MetricRegistry, PerClipMetric, State
from vid_diffusion_bench.metrics.built_in import BUILT_IN
from vid_diffusion_bench.metrics.registry import _Metrics, _unknown
from vid_diffusion_bench.registry import Registry
from vid_diffusion_bench.video import Video


@pytest.fixture
def registry():
    """A registry of its own with the built-ins, so that a test's metrics do not stay."""
    fresh = _Metrics("metric", error=_unknown, separator="_")
    for name, (home, aliases) in BUILT_IN.items():
        fresh.register(name, f"vid_diffusion_bench.metrics.{home}", aliases=aliases)
    return fresh


def clips(count=3):
    return [Clip(str(i), str(i), lambda i=i: Video(np.full((2, 4, 4, 3), i, np.uint8), 8.0)) for i in range(count)]


def computed(metric, generated, real=()):
    state = State()
    for clip in generated:
        metric.update(state, clip)
    for clip in real:
        metric.update(state, clip, reference=True)
    return metric.compute(state, Context("asked", reference="abc"))


def test_every_built_in_is_there_under_its_own_name():
    assert [MetricRegistry.get(name).name for name in BUILT_IN] == list(BUILT_IN)
    assert MetricRegistry.get("is").name == "inception_score"
    assert MetricRegistry.get("CLIP-Score").name == "clip_score"
    assert isinstance(MetricRegistry, Registry)


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(MetricNotFoundError) as caught:
        MetricRegistry.get("temporal_consistancy")
    assert "did you mean temporal_consistency" in caught.value.remedy
    assert caught.value.remedy.endswith("? `vid-bench metrics list` lists all")
    assert len(caught.value.remedy) < 160
    assert "fvd" in caught.value.details["available_metrics"]


def test_the_snippet_of_the_api_reference(registry):
    def custom_temporal_consistency(real_videos, generated_videos):
        return {"temporal_consistency": 0.85}

    with pytest.warns(UserWarning, match="replaces the built-in"):
        registry.register("temporal_consistency", custom_temporal_consistency)
    result = computed(registry.get("temporal_consistency"), clips())
    assert result.value == 0.85
    assert result.label.startswith("custom:")
    assert "custom_temporal_consistency" in result.label
    assert any("not the built-in" in line for line in result.warnings)
    built_in = MetricRegistry.get("temporal_consistency").compute(State(), Context("x"))
    assert result.protocol_fingerprint != built_in.protocol_fingerprint


def test_a_new_name_warns_of_nothing(registry):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.register("my_metric", lambda real, generated: {"my_metric": len(real) * 10 + len(generated)})
    result = computed(registry.get("my-metric"), clips(3), clips(2))
    assert (result.value, result.warnings) == (23.0, [])


def test_functions_see_the_videos_and_may_look_twice(registry):
    def brightness(real_videos, generated_videos):
        first = [video.frames.mean() for video in generated_videos]
        assert [video.frames.mean() for video in generated_videos[1:]] == first[1:]
        return {"brightness": np.mean(first), "n": len(first)}

    registry.register("brightness", brightness)
    result = computed(registry.get("brightness"), clips(4))
    assert result.value == 1.5
    assert result.metadata["returned"] == {"n": "4"}


def test_functions_of_other_source_are_other_metrics(registry):
    registry.register("one", lambda real, generated: {"one": 1.0})
    first = computed(registry.get("one"), clips())
    registry.register("one", lambda real, generated: {"one": 1.0 + 0})
    assert computed(registry.get("one"), clips()).protocol_fingerprint != first.protocol_fingerprint


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda real, generated: 1 / 0, "ZeroDivisionError"),
        (lambda real, generated: {"other": 1.0}, "returned no"),
        (lambda real, generated: 0.5, "returned no"),
        (lambda real, generated: {"bad": float("nan")}, "nan"),
        (lambda real, generated: {"bad": "high"}, "no number"),
    ],
)
def test_a_function_that_fails_has_no_value_and_a_reason(registry, function, said):
    registry.register("bad", function)
    result = computed(registry.get("bad"), clips())
    assert result.value is None
    assert said in result.reason


def test_entry_points_add_metrics(monkeypatch):
    point = EntryPoint("plugged_in", "vid_diffusion_bench.metrics.paired.psnr:Psnr", "vid_diffusion_bench.metrics")
    monkeypatch.setattr("vid_diffusion_bench.registry.entry_points", lambda group: [point])
    fresh = _Metrics("metric", group="vid_diffusion_bench.metrics", error=_unknown, separator="_")
    assert fresh.get("plugged-in").unit == "dB"


def test_a_built_in_stays_where_a_plugin_has_its_name_and_one_warning_names_both(monkeypatch):
    points = [EntryPoint("fvd", "stranger.metrics:Fvd", "vid_diffusion_bench.metrics")]
    monkeypatch.setattr("vid_diffusion_bench.registry.entry_points", lambda group: points)
    fresh = _Metrics("metric", group="vid_diffusion_bench.metrics", error=_unknown, separator="_")
    fresh.register("fvd", "vid_diffusion_bench.metrics.distribution.fvd:SHAPES")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert [fresh.get("fvd").label, fresh.get("fvd").label, *fresh.names()] == ["fvd[shapes-v1]"] * 2 + ["fvd"]
    assert len(seen) == 1
    assert (
        "(stranger.metrics:Fvd) is not used: vid_diffusion_bench.metrics.distribution.fvd:SHAPES has that name"
        in str(seen[0].message)
    )


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("musiq", []),
        ("flicker", ["temporal_flickering", "temporal_flickering:vbench-0.1.5"]),
        ("fvd:styleganv", ["fvd:styleganv-2048x16"]),
        ("fdv", ["fvd"]),
        ("temporal_consistancy", ["temporal_consistency"]),
    ],
)
def test_what_is_suggested_is_a_part_or_looks_like_it(written, nearest):
    found = MetricRegistry.nearest(written)
    assert found[: len(nearest)] == nearest
    assert len(found) <= 3
    assert bool(found) == bool(nearest)


def test_looking_metrics_up_imports_no_torch():
    code = (
        "import sys; from vid_diffusion_bench.metrics import MetricRegistry as m; "
        "[m.get(n) for n in m.names()]; "
        "import vid_diffusion_bench.scoring; print('torch' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_listing_metrics_imports_no_torch():
    """Whether each can run is asked too, by the weights' files and the libraries' versions."""
    code = (
        "import sys; from vid_diffusion_bench.cli.app import run; code = run(['metrics', 'list', '--json']); "
        "print(); print(code, *{'torch', 'transformers', 'scipy', 'multiprocessing'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["0"]


def test_a_variant_keeps_the_dots_of_its_version_and_may_be_spelled_as_its_label():
    name = "subject_consistency:vbench-0.1.5"
    assert MetricRegistry.resolve("Subject-Consistency[VBench_0.1.5]") == name
    assert MetricRegistry.get(MetricRegistry.get(name).label).name == name


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_every_label_that_is_printed_is_a_spelling_of_its_metric(name):
    assert MetricRegistry.resolve(MetricRegistry.get(name).label) == name


def test_another_label_is_no_spelling():
    with pytest.raises(MetricNotFoundError):
        MetricRegistry.resolve("fvd[shapes-v2]")


class Given(PerClipMetric):
    name = "given"
    unit = "x"

    def __init__(self, value):
        self.value = value

    def measure(self, clip):
        return Measurement(self.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "no value"), (float("nan"), "not finite"), (np.float32("inf"), "not finite"), (np.full(3, np.nan), "not")],
)
def test_what_is_no_finite_number_is_a_reason_of_its_clip(value, said):
    result = computed(Given(value), clips())
    assert result.value is None
    assert said in result.reason
    assert result.reason.endswith("(3 clips)")
    assert computed(Given(value), clips(1)).reason.endswith("(1 clip)")


def test_a_number_of_another_type_is_the_number_of_its_clip():
    state, metric = State(), Given(np.float32(1.5))
    metric.update(state, clips(1)[0])
    assert state.generated["0"].score().value == 1.5
