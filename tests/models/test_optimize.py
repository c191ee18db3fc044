"""Each switch of a profile, seen in real pipelines of tiny size, or refused with the reason."""

import numpy as np
import pytest
import torch

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.models import GenerationRequest, get_model
from vid_diffusion_bench.optimization import OptimizationProfile

DEEP = ("ltx", "wan", "cogvideox")


@pytest.fixture(scope="module")
def deep(tiny, tmp_path_factory):
    """Family to a pipeline with three blocks: caches skip blocks, and one block leaves nothing to skip."""
    import diffusers

    root, made = tmp_path_factory.mktemp("deep"), {}

    def folder(family):
        if family not in made:
            pipeline = diffusers.DiffusionPipeline.from_pretrained(str(tiny(family)))
            torch.manual_seed(0)
            kind = type(pipeline.transformer)
            pipeline.transformer = kind.from_config({**pipeline.transformer.config, "num_layers": 3})
            pipeline.save_pretrained(root / family)
            made[family] = root / family
        return made[family]

    return folder


def loaded(folder, computed="fp32", **switches):
    model = get_model(str(folder))
    model.use_profile(OptimizationProfile(**switches), "cpu")
    model.load("cpu", computed)
    return model


def clip(model, steps=6, seed=3):
    asked = GenerationParameters(num_frames=9, height=32, width=32, num_inference_steps=steps).over(model.defaults)
    (video,) = model.generate([GenerationRequest("a red circle", seed, asked)], lambda *_: None)
    return video.frames.astype(int)


def denoiser(model):
    return model.stages()["denoiser"][0]


def applied(model):
    return model.provenance()["optimization"]["applied"]


def hook_names(model):
    registries = (getattr(module, "_diffusers_hook", None) for module in denoiser(model).modules())
    return {name for registry in registries if registry for name in registry.hooks}


def test_baseline_changes_nothing_and_is_not_mentioned(tiny):
    model = loaded(tiny("ltx"))
    assert "optimization" not in model.provenance()
    assert hook_names(model) == set()
    assert not any(module._compiled_call_impl for module in denoiser(model).modules())


@pytest.mark.parametrize("family", DEEP)
def test_fp8_stores_the_layers_in_8_bits_and_still_makes_a_clip(deep, family):
    model = loaded(deep(family), "bf16", precision="fp8")
    kept = {weight.dtype for name, weight in denoiser(model).named_parameters() if "ff" in name and weight.ndim == 2}
    assert kept == {torch.float8_e4m3fn}
    assert applied(model)["precision"]
    assert clip(model, steps=2).std() > 1


@pytest.mark.parametrize("family", ["ltx", "wan", "cogvideox", "animatediff"])
def test_slicing_and_tiling_are_on_in_the_decoder(tiny, family):
    model = loaded(tiny(family), memory_efficient=True)
    assert (model._pipeline.vae.use_slicing, model._pipeline.vae.use_tiling) == (True, True)
    assert applied(model)["memory_efficient"] == {"slicing": True, "tiling": True}


def test_one_saving_is_one_saving(tiny):
    vae = loaded(tiny("wan"), memory_efficient=("tiling",))._pipeline.vae
    assert (vae.use_slicing, vae.use_tiling) == (False, True)


@pytest.mark.parametrize("asked", [True, ("tiling",)])
def test_a_decoder_without_them_is_refused_and_the_model_unloaded(tiny, asked):
    model = get_model(str(tiny("svd")))
    model.use_profile(OptimizationProfile(memory_efficient=asked), "cpu")
    with pytest.raises(ValidationError, match="AutoencoderKLTemporalDecoder, has no"):
        model.load("cpu", "fp32")
    assert model._pipeline is None


def test_offload_is_refused_where_there_is_nothing_to_offload_from(tiny):
    with pytest.raises(ValidationError, match="a CPU is the host"):
        loaded(tiny("ltx"), memory_efficient=("offload",))


@pytest.mark.parametrize("family", ["ltx", "wan"])
@pytest.mark.parametrize("backend", ["native", "_native_math"])
def test_every_attention_uses_the_backend_and_the_default_of_the_process_stays(deep, family, backend):
    from diffusers.models.attention_dispatch import _AttentionBackendRegistry as Registry

    before = Registry.get_active_backend()[0]
    model = loaded(deep(family), attention_backend=backend)
    processors = [m.processor for m in denoiser(model).modules() if callable(getattr(m, "processor", None))]
    assert len(processors) == 6
    assert {processor._attention_backend.value for processor in processors} == {backend}
    assert Registry.get_active_backend()[0] == before
    assert clip(model, steps=1).std() > 1


@pytest.mark.parametrize(
    ("backend", "kind", "message"),
    [
        ("speedy", ValidationError, "no attention backend 'speedy'"),
        ("_native_cudnn", ValidationError, "does not run on cpu"),
        ("flash_hub", ValidationError, "downloads code"),
    ],
)
def test_a_backend_that_cannot_be_is_refused_with_those_that_can(tiny, backend, kind, message):
    with pytest.raises(kind, match=message) as caught:
        loaded(tiny("ltx"), attention_backend=backend)
    assert "native" in caught.value.remedy


def test_an_attention_outside_the_dispatch_is_refused_not_passed_over(tiny):
    with pytest.raises(ValidationError, match="CogVideoXTransformer3DModel does not go through"):
        loaded(tiny("cogvideox"), attention_backend="native")


def test_a_backend_whose_library_is_missing_names_it(tiny):
    with pytest.raises(MissingDependencyError, match="sageattention"):
        get_model(str(tiny("ltx"))).use_profile(OptimizationProfile(attention_backend="sage"), "cuda")


CACHES = [
    ("first_block_cache", {"threshold": 10.0}, "fbc_leader_block_hook"),
    ("pyramid_attention_broadcast", {}, "pyramid_attention_broadcast"),
    ("mag_cache", {"mag_ratios": [1.0] * 6, "num_inference_steps": 6}, "mag_cache_leader_block_hook"),
    (
        "taylorseer_cache",
        {"cache_identifiers": [r"transformer_blocks\.\d+\.(attn1|ff)"], "cache_interval": 2,
         "disable_cache_before_step": 1, "taylor_factors_dtype": "fp32"},
        "taylorseer_cache",
    ),
]  # fmt: skip


@pytest.mark.parametrize("family", ["ltx", "cogvideox"])
@pytest.mark.parametrize(("name", "options", "hook"), CACHES)
def test_a_cache_is_hooked_in_changes_the_clip_and_forgets_between_clips(deep, family, name, options, hook):
    plain = clip(loaded(deep(family)))
    model = loaded(deep(family), feature_caching=name, feature_caching_options=options)
    assert hook in hook_names(model)
    first = clip(model)
    assert not np.array_equal(first, plain)
    clip(model, seed=4)
    assert np.array_equal(clip(model), first)


def test_a_call_that_was_broken_off_leaves_nothing_in_the_cache(deep):
    model = loaded(deep("ltx"), feature_caching="first_block_cache", feature_caching_options={"threshold": 10.0})
    first = clip(model)
    asked = GenerationParameters(num_frames=9, height=32, width=32, num_inference_steps=6).over(model.defaults)

    def stop(step, total):
        if step == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        model.generate([GenerationRequest("a blue square", 9, asked)], stop)
    assert np.array_equal(clip(model), first)


@pytest.mark.parametrize(
    ("family", "name", "options", "message"),
    [
        ("ltx", "first_block_cache", {}, "too few blocks"),
        ("animatediff", "first_block_cache", {}, "no caching for it"),
        ("ltx", "taylorseer_cache", {}, "found nothing in it to hook"),
        ("ltx", "first_block_cache", {"limit": 1}, "no option limit"),
        ("ltx", "mag_cache", {}, "mag_ratios"),
        ("ltx", "taylorseer_cache", {"taylor_factors_dtype": "float33"}, "taylor_factors_dtype is no float33"),
    ],
)
def test_a_cache_that_cannot_be_is_refused_with_the_reason(tiny, family, name, options, message):
    with pytest.raises(ValidationError, match=message):
        loaded(tiny(family), feature_caching=name, feature_caching_options=options)


SHARED = {"spatial_attention_block_skip_range": 2, "spatial_attention_timestep_skip_range": [0, 1001]}


def guided(model, scale, steps=6):
    asked = GenerationParameters(
        num_frames=9, height=32, width=32, num_inference_steps=steps, guidance_scale=scale
    ).over(model.defaults)
    (video,) = model.generate([GenerationRequest("a red circle", 3, asked)], lambda *_: None)
    return video.frames


def test_a_cache_that_would_give_the_unconditional_call_the_attention_of_the_other_is_refused(deep):
    """Wan calls its denoiser twice a step; without guidance it does not, and a second clip begins anew."""
    model = loaded(deep("wan"), feature_caching="pyramid_attention_broadcast", feature_caching_options=SHARED)
    with pytest.raises(ValidationError, match="WanPipeline calls it twice a step"):
        guided(model, 5.0)
    assert np.array_equal(guided(model, 1.0), guided(model, 1.0))
    assert np.array_equal(guided(model, 1.0, steps=1), guided(model, 1.0, steps=1))


def test_a_cache_that_is_not_told_the_step_is_refused_instead_of_doing_nothing(deep):
    model = loaded(deep("ltx"), feature_caching="sea_cache")
    with pytest.raises(ValidationError, match="LTXPipeline does not tell the cache its step"):
        clip(model)


def test_a_cache_that_is_told_the_step_skips_blocks(deep):
    model = loaded(deep("wan"), feature_caching="sea_cache")
    calls = []
    denoiser(model).blocks[-1].ffn.net[2].register_forward_hook(lambda *_: calls.append(1))
    guided(model, 5.0, steps=20)
    assert 0 < len(calls) < 2 * 20


@pytest.mark.parametrize("name", ["torchao-int8", "bitsandbytes-nf4"])
def test_quantisation_names_the_library_that_is_missing(tiny, monkeypatch, name):
    monkeypatch.setattr("vid_diffusion_bench.models.optimize_weights.find_spec", lambda _: None)
    library = name.partition("-")[0]
    with pytest.raises(MissingDependencyError, match=library) as caught:
        loaded(tiny("ltx"), quantization=name)
    assert caught.value.remedy == f"pip install {library}"


def test_four_bits_of_torchao_need_a_second_library(tiny, monkeypatch):
    there = {"torchao": object()}
    monkeypatch.setattr("vid_diffusion_bench.models.optimize_weights.find_spec", there.get)
    with pytest.raises(MissingDependencyError, match="mslk"):
        loaded(tiny("ltx"), quantization="torchao-int4")


@pytest.mark.parametrize("name", ["torchao-int4", "bitsandbytes-int8", "bitsandbytes-nf4"])
def test_quantisation_that_needs_a_gpu_is_refused_on_a_cpu_before_anything_is_read(tiny, monkeypatch, name):
    monkeypatch.setattr("vid_diffusion_bench.models.optimize_weights.find_spec", lambda _: object())
    model = get_model(str(tiny("ltx")))
    with pytest.raises(ValidationError, match="needs a GPU"):
        model.use_profile(OptimizationProfile(quantization=name), "cpu")


def test_torchao_holds_the_weights(deep):
    pytest.importorskip("torchao")
    model = loaded(deep("ltx"), quantization="torchao-int8")
    linear = denoiser(model).transformer_blocks[0].ff.net[2]
    assert type(linear.weight).__name__ == "Int8Tensor"
    assert applied(model)["quantization"]
    assert clip(model, steps=2).std() > 1


def test_the_reference_s_profile_names_tensorrt_when_it_is_missing(tiny):
    asked = {"precision": "fp16", "compile_model": True, "memory_efficient": True, "tensorrt_optimization": True}
    with pytest.raises(MissingDependencyError, match="torch_tensorrt"):
        loaded(tiny("ltx"), **asked)


def test_compiling_compiles_every_block_and_makes_the_same_clip(deep):
    """The blocks are marked, the compiler ran, and the pixels are those of the model as it is."""
    from vid_diffusion_bench.profiling import compile_seconds

    plain, before = clip(loaded(deep("ltx")), steps=1), compile_seconds()
    model = loaded(deep("ltx"), compile_model=True)
    blocks = denoiser(model).transformer_blocks
    assert all(block._compiled_call_impl is not None for block in blocks)
    assert applied(model)["compile_model"] == {"transformer": "inductor: 3 repeated blocks"}
    assert abs(clip(model, steps=1) - plain).max() <= 1
    assert compile_seconds() > before


def test_a_denoiser_without_named_blocks_is_compiled_as_a_whole(tiny):
    model = loaded(tiny("cogvideox"), compile_model=True)
    assert hasattr(denoiser(model).forward, "_torchdynamo_orig_callable")
    assert applied(model)["compile_model"] == {"transformer": "inductor: the forward pass"}


@pytest.mark.slow
@pytest.mark.parametrize("family", ["cogvideox", "animatediff", "wan"])
def test_a_compiled_model_makes_the_clip_of_the_plain_one(tiny, family):
    plain = clip(loaded(tiny(family)), steps=2)
    assert abs(clip(loaded(tiny(family), compile_model=True), steps=2) - plain).max() <= 1


def test_another_profile_unloads_what_was_loaded(tiny):
    model = loaded(tiny("wan"), memory_efficient=True)
    model.use_profile(OptimizationProfile(), "cpu")
    assert model._pipeline is None
    model.load("cpu", "fp32")
    assert not model._pipeline.vae.use_tiling
