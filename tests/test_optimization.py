"""Profiles and levels as values, and where they go: configuration, keys, manifests, settings."""

import pydantic
import pytest

from vid_diffusion_bench import BenchmarkSuite
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import profile as take_apart
from vid_diffusion_bench.engine.plan import make_plan
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.optimization import LEVELS, OptimizationProfile
from vid_diffusion_bench.profiling import read_manifest
from vid_diffusion_bench.results import Manifest
from vid_diffusion_bench.settings import save_setting


def planned(folder, **fields):
    config = BenchmarkConfig.create(models=[str(folder)], prompts=["a"], metrics=[], device="cpu", **fields)
    return make_plan(config).models[0]


def test_the_reference_s_profile_constructs_and_is_frozen():
    profile = OptimizationProfile(
        precision="fp16", compile_model=True, memory_efficient=True, tensorrt_optimization=True
    )
    with pytest.raises(pydantic.ValidationError):
        profile.precision = "fp32"


def test_every_level_is_a_profile_on_every_device_it_names():
    for level, devices in LEVELS.items():
        for device, fields in devices.items():
            assert OptimizationProfile.of(level, device) == OptimizationProfile(**fields)
    with pytest.raises(ValidationError, match="not defined on mps"):
        OptimizationProfile.of("performance", "mps")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"precision": "int3"}, "fp8"),
        ({"memory_efficient": ["folding"]}, "tiling"),
        ({"feature_caching": "magic"}, "first_block_cache"),
        ({"quantization": "int1"}, "torchao-int8"),
        ({"turbo": True}, "compile_model"),
        ({"precision": "fp8", "quantization": "torchao-int8"}, "give one"),
        ({"feature_caching_options": {"threshold": 1}}, "goes with"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(fields, named):
    with pytest.raises(ValidationError) as caught:
        OptimizationProfile.create(**fields)
    assert named in f"{caught.value} {caught.value.remedy}"
    with pytest.raises(ValidationError, match=named):
        BenchmarkConfig.create(models=["m"], prompts=["a"], optimization=fields)


def test_a_level_that_does_not_exist_names_those_that_do():
    with pytest.raises(ValidationError, match="baseline, balanced, performance"):
        BenchmarkConfig.create(models=["m"], prompts=["a"], optimization="turbo")
    with pytest.raises(ValidationError, match="turbo"):
        BenchmarkSuite(optimization_profile="turbo")


def test_yaml_takes_a_level_or_a_mapping(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("models: [m]\nprompts: [a]\noptimization: {memory_efficient: [tiling, slicing]}\n")
    config = BenchmarkConfig.from_yaml(path)
    assert config.optimization == OptimizationProfile(memory_efficient=("slicing", "tiling"))
    stated = config.model_dump(mode="json", exclude_unset=True)
    assert BenchmarkConfig.create(**stated) == config
    path.write_text("models: [m]\nprompts: [a]\noptimization: balanced\n")
    assert BenchmarkConfig.from_yaml(path).profile_on("cuda:1").precision == "bf16"


def test_baseline_keeps_the_keys_and_every_switch_changes_them(tiny):
    folder = tiny("ltx")
    key = planned(folder).samples[0].key
    assert planned(folder, optimization="baseline").samples[0].key == key
    assert planned(folder, optimization={}).samples[0].key == key
    profiles = [{"compile_model": True}, {"memory_efficient": True}, {"attention_backend": "native"},
                {"precision": "fp8"}, {"precision": "bf16"}]  # fmt: skip
    keys = {planned(folder, optimization=profile).samples[0].key for profile in profiles}
    assert len(keys | {key}) == len(profiles) + 1


def test_a_level_that_only_sets_the_precision_is_that_precision(tiny):
    folder = tiny("ltx")
    level, plain = planned(folder, optimization="balanced"), planned(folder, precision="bf16")
    assert (level.precision, level.samples[0].key) == ("bf16", plain.samples[0].key)
    assert planned(folder, optimization="performance", precision="fp32").precision == "fp32"
    with pytest.raises(ValidationError, match="given twice"):
        planned(folder, optimization={"precision": "fp16"}, precision="fp32")


def test_manifests_of_profiles_differ_and_that_of_none_is_as_before():
    plain = read_manifest("cpu", "fp32")
    other = read_manifest("cpu", "fp32", {"compile_model": True})
    assert "optimization" not in plain.model_dump(mode="json")
    assert other.id != plain.id
    assert Manifest.model_validate(other.model_dump(mode="json")) == other


def test_a_model_that_is_no_pipeline_takes_a_precision_and_no_switch():
    assert planned("shapes-oracle", optimization="balanced").precision == "bf16"
    with pytest.raises(ValidationError, match="compile_model cannot be switched on"):
        planned("shapes-oracle", optimization="performance")


def test_a_run_says_what_was_switched_on_even_when_all_of_it_was_made_before(tiny, tmp_path):
    suite = BenchmarkSuite(
        device="cpu", output_dir=tmp_path, optimization_profile=OptimizationProfile(memory_efficient=("tiling",))
    )
    fields = {"num_frames": 9, "height": 32, "width": 32, "num_inference_steps": 1, "warmup": 0, "metrics": []}
    config = BenchmarkConfig.create(models=[str(tiny("ltx"))], prompts=["a red circle"], **fields)
    first, again = suite.run(config).models[0], suite.run(config).models[0]
    assert first.provenance["optimization"]["applied"] == {"memory_efficient": {"tiling": True}}
    assert again.provenance == first.provenance
    protocol = first.performance_results["avg_latency_ms"].protocol
    assert protocol["manifest"]["optimization"] == {"memory_efficient": ["tiling"]}
    plain = BenchmarkSuite(device="cpu", output_dir=tmp_path).run(config).models[0]
    assert plain.records[0].key != first.records[0].key
    assert (
        plain.performance_results["avg_latency_ms"].protocol_fingerprint
        != first.performance_results["avg_latency_ms"].protocol_fingerprint
    )


def test_the_setting_is_read(tiny):
    save_setting("optimization_level", "balanced")
    suite = BenchmarkSuite(device="cpu")
    config = BenchmarkConfig.create(models=[str(tiny("ltx"))], prompts=["a"])
    assert suite._filled(config).optimization == "balanced"
    stated = BenchmarkConfig.create(models=["m"], prompts=["a"], optimization="baseline")
    assert suite._filled(stated).optimization == "baseline"


def test_a_profile_measures_each_level_at_its_own_precision(tiny):
    fields = {"num_frames": 9, "height": 32, "width": 32, "num_inference_steps": 1, "metrics": [], "device": "cpu"}
    config = BenchmarkConfig.create(models=[str(tiny("ltx"))], prompts=["a red circle"], **fields)
    plain, half = take_apart(config, levels=["baseline", "balanced"]).levels
    assert [level.manifest.precision for level in (plain, half)] == ["fp32", "bf16"]
    assert [level.peak.precision for level in (plain, half)] == ["fp32", "bf16"]
    own = config.model_copy(update={"optimization": OptimizationProfile(memory_efficient=True)})
    (saving,) = take_apart(own).levels
    assert (saving.level, saving.optimization) == ("custom", {"memory_efficient": {"slicing": True, "tiling": True}})
    assert saving.manifest.id != plain.manifest.id
