import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters, derive_seed
from vid_diffusion_bench.engine import make_plan, sample_key
from vid_diffusion_bench.engine.plan import Decides
from vid_diffusion_bench.exceptions import (
    InvalidVideoError,
    MetricNotFoundError,
    ModelLoadingError,
    ModelNotFoundError,
    ValidationError,
    WeightsNotFoundError,
)
from vid_diffusion_bench.models import GenerationRequest
from vid_diffusion_bench.optimization import OptimizationProfile

REQUESTS = st.builds(
    GenerationRequest,
    prompt=st.text(min_size=1, max_size=8),
    seed=st.integers(0, 2**32 - 1),
    parameters=st.just(GenerationParameters(num_frames=5)),
)


def _keys(config):
    return [sample.key for sample in make_plan(config).samples]


def test_a_plan_is_model_by_prompt_by_repeat_with_derived_seeds(configure):
    plan = make_plan(configure("a", "b", models=["painter", "shapes-oracle"], samples_per_prompt=2, seed=5))
    assert [(s.model, s.request.prompt, s.index, s.request.seed) for s in plan.samples] == [
        (model, prompt, index, derive_seed(5, prompt, index))
        for model in ("painter", "shapes-oracle")
        for prompt in ("a", "b")
        for index in (0, 1)
    ]
    assert plan.samples[0].request.parameters.num_frames == 5
    assert plan.samples[-1].request.parameters.num_frames == 17


def test_a_prompt_written_twice_gets_another_sample(configure):
    twice = make_plan(configure("a", "b", "a")).samples
    assert [(s.request.prompt, s.index) for s in twice] == [("a", 0), ("b", 0), ("a", 1)]
    assert len({s.key for s in twice}) == 3
    assert {s.key for s in twice} == set(_keys(configure("a", samples_per_prompt=2)) + _keys(configure("b")))


@pytest.mark.parametrize(
    "change",
    [
        {"num_frames": 6},
        {"num_inference_steps": 4},
        {"guidance_scale": 3.0},
        {"negative_prompt": "grey"},
        {"seed": 1},
        {"precision": "bf16"},
        {"models": ["shapes-oracle"]},
        {"extra": {"strength": 0.5}},
    ],
)
def test_what_decides_the_pixels_changes_the_key(configure, change):
    if change == {"models": ["shapes-oracle"]}:
        change = {**change, "num_frames": 5, "height": 24, "width": 32, "num_inference_steps": 3}
    assert set(_keys(configure("a"))).isdisjoint(_keys(configure("a", **change)))


@pytest.mark.parametrize("change", [{"metrics": ["ssim"]}, {"timeout_seconds": 9.0}, {"name": "n"}, {"warmup": 3}])
def test_what_does_not_decide_the_pixels_leaves_the_key(configure, change):
    assert _keys(configure("a")) == _keys(configure("a", **change))


def test_keys_do_not_depend_on_what_else_is_in_the_run_until_clips_share_a_batch(configure):
    assert set(_keys(configure("a"))) < set(_keys(configure("a", "b")))
    assert set(_keys(configure("a"))).isdisjoint(_keys(configure("a", "b", batch_size=2)))


@given(st.lists(REQUESTS, min_size=1, max_size=4, unique_by=lambda r: (r.prompt, r.seed)))
def test_keys_of_a_batch_are_distinct_repeatable_and_safe_as_file_names(batch):
    keys = [sample_key(Decides({"model": "m"}), request, batch) for request in batch]
    assert keys == [sample_key(Decides({"model": "m"}), request, batch) for request in batch]
    assert len(set(keys)) == len(batch)
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)


@given(REQUESTS, REQUESTS)
def test_two_requests_share_a_key_only_when_they_are_the_same(one, other):
    same = sample_key(Decides({}), one, [one]) == sample_key(Decides({}), other, [other])
    assert same == (one == other)


def test_an_unknown_model_or_metric_stops_everything_before_it_starts(configure, tmp_path):
    with pytest.raises(ModelNotFoundError):
        make_plan(configure(models=["painter", "no-such-model"]))
    with pytest.raises(MetricNotFoundError):
        make_plan(configure(metrics=["fvd", "no-such-metric"]))
    with pytest.raises(InvalidVideoError):
        make_plan(configure(reference=str(tmp_path / "nowhere")))
    with pytest.raises(ValidationError, match="precision"):
        make_plan(configure(precision="fp3"))


def test_several_mistakes_are_all_named(configure, tiny):
    config = configure(models=["painter", "no-such-model", "neither-this", str(tiny("ltx"))], num_frames=10)
    with pytest.raises(ValidationError) as caught:
        make_plan(config)
    for word in ("no-such-model", "neither-this", "k*4+1"):
        assert word in caught.value.message
    assert "num_frames=9 or 13" in caught.value.remedy


def test_a_mistake_that_is_the_same_for_all_models_is_told_once(configure, tiny):
    folders = [str(tiny("ltx")), str(tiny("wan"))]
    with pytest.raises(ValidationError) as caught:
        make_plan(configure(models=folders, optimization=OptimizationProfile(tensorrt_optimization=True)))
    assert caught.value.message.count("torch_tensorrt") == 1


def test_one_model_that_cannot_be_opened_does_not_stop_the_others(configure):
    plan = make_plan(configure(models=["painter", "reluctant"]))
    assert isinstance(plan.models[1].error, ModelLoadingError)
    assert len(plan.samples) == 2
    with pytest.raises(ModelLoadingError):
        make_plan(configure(models=["reluctant"]))
    with pytest.raises(WeightsNotFoundError):
        make_plan(BenchmarkConfig(models=["mochi-1"], prompts=["a"]))


def test_what_cannot_be_written_down_is_refused(configure):
    with pytest.raises(ValidationError, match="written down"):
        make_plan(configure("a", extra={"mask": object()}))


def test_a_mistyped_name_is_answered_without_torch():
    code = (
        "import sys; from vid_diffusion_bench.config import BenchmarkConfig; "
        "from vid_diffusion_bench.engine import run\n"
        "try: run(BenchmarkConfig(models=['svd-xd'], prompts=['a']))\n"
        "except Exception as error: print(type(error).__name__, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ModelNotFoundError", "False"]
