"""Five pipeline families, saved to disk and opened through the public door, with no code of their own."""

import json
import shutil

import numpy as np
import pytest

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import (
    InvalidOutputError,
    ModelLoadingError,
    ValidationError,
    WeightsNotFoundError,
)
from vid_diffusion_bench.models import GenerationRequest, get_model
from vid_diffusion_bench.models.diffusers import to_uint8

FRAMES = {
    "cogvideox_v2v": 9,
    "latte": 16,
    "allegro": 20,
    "animatediff": 4,
    "svd": 4,
    "cogvideox": 9,
    "ltx": 9,
    "wan": 9,
}

FAMILIES = ["animatediff", "cogvideox", "ltx", "svd", "wan"]


def _parameters(family, picture, **changes):
    image = str(picture) if family == "svd" else None
    fields = {"num_frames": FRAMES.get(family, 9), "height": 32, "width": 32, "num_inference_steps": 2, "image": image}
    return GenerationParameters(**{**fields, **changes})


def _opened(tiny, family, picture, **changes):
    model = get_model(str(tiny(family)))
    parameters = _parameters(family, picture, **changes).over(model.defaults)
    model.check(parameters, 1)
    model.load("cpu", "fp32")
    model.check(parameters, 1)
    return model, parameters


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_makes_the_clip_that_was_asked_for(tiny, family, picture):
    model, parameters = _opened(tiny, family, picture)
    steps = []
    (video,) = model.generate([GenerationRequest("a red circle", 7, parameters)], lambda *step: steps.append(step))
    assert video.frames.shape == (FRAMES.get(family, 9), 32, 32, 3)
    assert steps == [(1, 2), (2, 2)]
    assert video.frames.std() > 1
    assert {stage: len(modules) for stage, modules in model.stages().items()} == {
        "text_encoder": 1,
        "denoiser": 1,
        "decoder": 1,
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_decides_the_pixels_also_after_loading_again(tiny, family, picture):
    model, parameters = _opened(tiny, family, picture)
    request, other = (GenerationRequest("a red circle", seed, parameters) for seed in (7, 8))
    first = model.generate([request], lambda *_: None)[0]
    different = model.generate([other], lambda *_: None)[0]
    model.unload()
    model.load("cpu", "fp32")
    again = model.generate([request], lambda *_: None)[0]
    assert np.array_equal(first.frames, again.frames)
    assert not np.array_equal(first.frames, different.frames)


@pytest.mark.parametrize("family", ["ltx", "wan"])
def test_noise_that_a_scheduler_draws_is_the_seeds_own(tiny, family, picture):
    """The pipelines hand the scheduler no generator: it would draw from the state of the process."""
    model, parameters = _opened(tiny, family, picture, scheduler="lcm")
    first, other = (GenerationRequest("a red circle", seed, parameters) for seed in (7, 8))
    (alone,) = model.generate([first], lambda *_: None)
    (again,) = model.generate([first], lambda *_: None)
    assert np.array_equal(alone.frames, again.frames)
    together = model.generate([other, first], lambda *_: None)
    assert np.abs(together[1].frames.astype(int) - alone.frames.astype(int)).max() <= 2
    assert not np.array_equal(together[0].frames, alone.frames)
    assert "step" not in vars(model._pipeline.scheduler)


@pytest.mark.parametrize("family", ["ltx", "svd"])
def test_a_batch_gives_each_request_its_own_seed(tiny, family, picture):
    model, parameters = _opened(tiny, family, picture)
    requests = [GenerationRequest("a red circle", seed, parameters) for seed in (1, 2)]
    together = model.generate(requests, lambda *_: None)
    alone = [model.generate([request], lambda *_: None)[0] for request in requests]
    for one, other in zip(together, alone, strict=True):
        # Batched arithmetic rounds differently: a level or two of 255 at most.
        assert np.abs(one.frames.astype(int) - other.frames.astype(int)).max() <= 2
    assert not np.array_equal(together[0].frames, together[1].frames)


def test_the_adapter_gives_the_pixels_of_the_bare_pipeline(tiny, picture):
    import diffusers
    import torch

    model, parameters = _opened(tiny, "wan", picture)
    ours = model.generate([GenerationRequest("a blue square", 3, parameters)], lambda *_: None)[0]
    bare = diffusers.DiffusionPipeline.from_pretrained(tiny("wan"))
    bare.set_progress_bar_config(disable=True)
    frames = bare(
        prompt="a blue square",
        num_frames=9,
        height=32,
        width=32,
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(3),
        output_type="np",
    ).frames[0]
    assert np.array_equal(ours.frames, np.round(frames * 255).astype(np.uint8))


def test_prompt_steps_and_guidance_reach_the_pipeline(tiny, picture):
    model, parameters = _opened(tiny, "ltx", picture)

    def pixels(prompt="a red circle", **changes):
        request = GenerationRequest(prompt, 7, parameters.model_copy(update=changes))
        return model.generate([request], lambda *_: None)[0].frames

    plain = pixels()
    assert not np.array_equal(plain, pixels("a blue square"))
    assert not np.array_equal(plain, pixels(num_inference_steps=3))
    assert not np.array_equal(plain, pixels(guidance_scale=9.0))
    assert not np.array_equal(plain, pixels(negative_prompt="green"))


def test_a_scheduler_by_name_is_really_used(tiny, picture):
    model, parameters = _opened(tiny, "animatediff", picture)
    request = GenerationRequest("a red circle", 7, parameters)
    other = GenerationRequest(
        "a red circle", 7, parameters.model_copy(update={"scheduler": "EulerAncestralDiscreteScheduler"})
    )
    plain, changed = (model.generate([r], lambda *_: None)[0].frames for r in (request, other))
    back = model.generate([request], lambda *_: None)[0].frames
    assert not np.array_equal(plain, changed)
    assert np.array_equal(plain, back)


def test_raising_in_the_step_callback_ends_the_call(tiny, picture):
    model, parameters = _opened(tiny, "ltx", picture)
    seen = []

    def stop(step, total):
        seen.append(step)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        model.generate([GenerationRequest("a red circle", 7, parameters)], stop)
    assert seen == [1]


@pytest.mark.parametrize(
    ("family", "changes", "remedy"),
    [
        ("ltx", {"num_frames": 10}, "num_frames=9 or 13"),
        ("wan", {"num_frames": 3}, "num_frames=1 or 5"),
        ("cogvideox", {"height": 40}, "height=32 or 48"),
        ("wan", {"width": 8}, "width=16"),
        ("ltx", {"extra": {"guidance_rescal": 0.5}}, "guidance_rescale"),
        ("ltx", {"extra": {"generator": 1}}, "leave it out"),
        ("ltx", {"scheduler": "NoScheduler"}, "DDIMScheduler"),
        ("ltx", {"image": "a.png"}, "leave --image out"),
        ("svd", {"video": "a.mp4"}, "leave --video out"),
        ("svd", {"extra": {"image": "a.png"}}, "use --image"),
        ("cogvideox_v2v", {"video": "/nowhere.mp4"}, "give a video file"),
        ("svd", {"negative_prompt": "blurry"}, "leave negative_prompt out"),
        ("svd", {"image": "/nowhere.png"}, "png"),
        ("latte", {"num_frames": 16}, "num_frames=4"),
        ("allegro", {"num_frames": 44}, "num_frames=40 or 56"),
        ("allegro", {"num_frames": 24}, "height=128 or 136"),
    ],
)
def test_the_impossible_is_refused_before_any_weight_is_loaded(tiny, picture, family, changes, remedy):
    model = get_model(str(tiny(family)))
    with pytest.raises(ValidationError) as caught:
        model.check(_parameters(family, picture, **changes).over(model.defaults), 1)
    assert remedy in (caught.value.remedy or "")


def test_a_loaded_pipeline_is_asked_itself(tiny, picture):
    """The autoencoder could make 40 pixels, the LTX pipeline takes only multiples of 32."""
    model = get_model(str(tiny("ltx")))
    parameters = _parameters("ltx", picture, height=40).over(model.defaults)
    model.check(parameters, 1)
    model.load("cpu", "fp32")
    with pytest.raises(ValidationError, match="32"):
        model.check(parameters, 1)


def test_a_text_file_is_not_a_conditioning_image(tiny, picture, tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("not an image")
    model = get_model(str(tiny("svd")))
    with pytest.raises(ValidationError, match="is not an image"):
        model.check(_parameters("svd", picture, image=str(text)).over(model.defaults), 1)


def test_the_conditioning_image_is_known_by_its_content(tiny, picture, tmp_path):
    model = get_model(str(tiny("svd")))
    copy = tmp_path / "copy.png"
    shutil.copy(picture, copy)
    first, second = (model.inputs(GenerationParameters(image=str(path))) for path in (picture, copy))
    assert first == second != model.inputs(GenerationParameters())


def _copy(tiny, family, tmp_path):
    return shutil.copytree(tiny(family), tmp_path / family)


def test_a_missing_component_is_named(tiny, tmp_path):
    folder = _copy(tiny, "ltx", tmp_path)
    shutil.rmtree(folder / "vae")
    with pytest.raises(WeightsNotFoundError, match="vae is missing"):
        get_model(str(folder))


def test_pickled_weights_are_never_loaded(tiny, tmp_path):
    folder = _copy(tiny, "ltx", tmp_path)
    for path in (folder / "transformer").glob("*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    with pytest.raises(WeightsNotFoundError, match="pickles"):
        get_model(str(folder))


def test_damaged_weights_say_so(tiny, tmp_path):
    folder = _copy(tiny, "ltx", tmp_path)
    for path in (folder / "transformer").glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:100])
    model = get_model(str(folder))
    with pytest.raises(ModelLoadingError, match="cannot be loaded"):
        model.load("cpu", "fp32")


def test_code_in_the_folder_is_refused_and_not_run(tiny, tmp_path):
    folder, trace = _copy(tiny, "ltx", tmp_path), tmp_path / "ran"
    (folder / "transformer" / "evil.py").write_text(f"open({str(trace)!r}, 'w')")
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["evil", "Evil"]
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelLoadingError, match="code of its own"):
        get_model(str(folder))
    assert not trace.exists()


def test_a_pipeline_that_makes_no_video_says_so(tiny, tmp_path):
    folder = _copy(tiny, "ltx", tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionPipeline"
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelLoadingError, match="not a video pipeline"):
        _ = get_model(str(folder)).defaults


def test_defaults_kept_beside_the_weights_win_over_the_signature(tiny, tmp_path):
    folder = _copy(tiny, "ltx", tmp_path)
    (folder / "generation_defaults.json").write_text('{"num_frames": 17, "fps": 8}')
    assert get_model(str(folder)).defaults.num_frames == 17
    assert get_model(str(tiny("ltx"))).defaults.num_frames == 161


def test_identity_follows_the_weights_and_not_the_place(tiny, tmp_path):
    folder = _copy(tiny, "ltx", tmp_path)
    here, there = get_model(str(tiny("ltx"))).identity(), get_model(str(folder)).identity()
    assert here == there
    config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({**config, "shift": 2.0}))
    assert get_model(str(folder)).identity() != here


def test_nan_in_a_clip_is_no_clip():
    clip = np.full((2, 4, 4, 3), 0.5)
    assert (to_uint8(clip) == 128).all()
    clip[1, 2, 3, 0] = np.nan
    with pytest.raises(InvalidOutputError, match="NaN"):
        to_uint8(clip)


def test_a_model_that_is_loaded_is_not_loaded_again(tiny, picture, monkeypatch):
    model, _ = _opened(tiny, "ltx", picture)
    before = model.stages()["denoiser"][0]
    model.load("cpu", "fp32")
    assert model.stages()["denoiser"][0] is before
    model.load("cpu", "bf16")
    assert model.stages()["denoiser"][0] is not before


@pytest.mark.parametrize("frames", [None, 5, 8, 12])
def test_a_clip_to_start_from_must_be_long_enough_and_on_the_grid(tiny, clip, frames):
    model = get_model(str(tiny("wan_v2v")))
    asked = GenerationParameters(video=str(clip), num_frames=frames, height=32, width=32, num_inference_steps=2)
    parameters = asked.over(model.defaults)
    if frames in (8, 12):
        with pytest.raises(ValidationError) as caught:
            model.check(parameters, 1)
        assert "num_frames=" in caught.value.remedy
        return
    model.check(parameters, 1)
    model.load("cpu", "fp32")
    video = model.generate([GenerationRequest("a red circle", 7, parameters)], lambda *_: None)[0]
    assert (video.num_frames, video.fps) == (frames or 9, 6)


def test_a_file_that_is_no_video_is_not_started_from(tiny, picture):
    model = get_model(str(tiny("wan_v2v")))
    with pytest.raises(ValidationError, match="is not a video"):
        model.check(GenerationParameters(video=__file__).over(model.defaults), 1)
    allegro = get_model(str(tiny("allegro")))
    with pytest.raises(ValidationError, match="one clip at a time"):
        allegro.check(GenerationParameters(num_frames=24, height=128, width=128).over(allegro.defaults), 2)


def test_an_image_that_is_missing_when_the_clip_is_made_is_an_error_and_no_crash(tiny):
    model = get_model(str(tiny("svd")))
    parameters = GenerationParameters(num_frames=4, height=32, width=32, num_inference_steps=1).over(model.defaults)
    model.load("cpu", "fp32")
    with pytest.raises(ValidationError, match="starts from an image"):
        model.generate([GenerationRequest("", 1, parameters)], lambda *_: None)
