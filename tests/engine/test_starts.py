"""What clips start from: the user's image, an image of the prompt's own, or a first frame that a model makes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vid_diffusion_bench import events
from vid_diffusion_bench.config import derive_seed
from vid_diffusion_bench.engine import make_plan, profile, run
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models import get_first_frame_model, get_model
from vid_diffusion_bench.models.conditioning import file_hash
from vid_diffusion_bench.report.profile import setting
from vid_diffusion_bench.storage import load_result

SMALL = {"height": 32, "width": 32, "num_frames": 4, "num_inference_steps": 1, "metrics": ["dynamic_degree"]}


def _picture(path, seed=0):
    Image.fromarray((np.random.default_rng(seed).random((32, 32, 3)) * 255).astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def svd(tiny, configure):
    """A configuration of a model that starts from an image."""
    return lambda *prompts, **changes: configure(*prompts, models=[str(tiny("svd"))], **{**SMALL, **changes})


def _records(result):
    return [record for model in result.models for record in model.records]


def test_a_model_that_starts_from_an_image_asks_for_one(svd):
    with pytest.raises(ValidationError, match="starts from an image") as caught:
        make_plan(svd())
    assert "--image FILE" in caught.value.remedy
    assert "--first-frame-model" in caught.value.remedy


def test_a_model_that_starts_from_a_clip_asks_for_one(tiny, configure):
    with pytest.raises(ValidationError, match="starts from a video") as caught:
        make_plan(configure(models=[str(tiny("wan_v2v"))]))
    assert "--video FILE" in caught.value.remedy


def test_the_image_is_known_by_its_content(svd, tmp_path):
    first, copy, other = (_picture(tmp_path / f"{name}.png", name == "c") for name in "abc")
    keys = [make_plan(svd(image=path)).samples[0].key for path in (first, copy, other)]
    assert keys[0] == keys[1] != keys[2]
    (record,) = _records(run(svd(image=first)))
    assert record.status == "completed"
    assert record.inputs == {"image": file_hash(first)}
    assert record.parameters.image == first


def test_each_prompt_may_start_from_its_own(svd, tmp_path):
    common, own = _picture(tmp_path / "common.png"), _picture(tmp_path / "own.png", 1)
    alone = {s.request.prompt: s.key for s in make_plan(svd("one", "two", image=common)).samples}
    mixed = {s.request.prompt: s.key for s in make_plan(svd("one", "two", image=common, images={"two": own})).samples}
    assert mixed["one"] == alone["one"]
    assert mixed["two"] != alone["two"]
    records = _records(run(svd("one", "two", batch_size=2, image=common, images={"two": own})))
    assert [record.inputs["image"] for record in records] == [file_hash(common), file_hash(own)]
    assert all(record.status == "completed" for record in records)


def test_a_first_frame_is_made_recorded_and_made_once(svd, tiny, tmp_path, monkeypatch):
    from vid_diffusion_bench.models.diffusers import DiffusersModel

    config = svd("a red circle", "a blue square", first_frame_model=str(tiny("stable_diffusion")))
    loaded, most = set(), []
    for name, change in (("load", set.add), ("unload", set.discard)):
        original = getattr(DiffusersModel, name)

        def watched(self, *given, original=original, change=change):
            change(loaded, self.folder.name)
            most.append(len(loaded))
            return original(self, *given)

        monkeypatch.setattr(DiffusersModel, name, watched)
    records = _records(run(config))
    assert max(most) == 1
    maker = get_model_of_images(tiny)
    for record in records:
        made = record.inputs["image"]
        assert record.status == "completed"
        assert made["first_frame"]["weights_sha256"] == maker.provenance()["weights_sha256"]
        assert made["seed"] == record.seed == derive_seed(0, record.prompt, 0)
        assert file_hash(str(tmp_path / "run" / made["path"])) == made["sha256"]
    assert _records(load_result(config.output_dir)) == records
    seen = []
    run(config.model_copy(update={"samples_per_prompt": 2}), listener=seen.append)
    assert sum(isinstance(event, events.SampleCompleted) for event in seen) == 2
    pictures = sorted((tmp_path / "run" / "first_frames").iterdir())
    assert len(pictures) == 4
    assert len({path.read_bytes() for path in pictures}) == 4


def get_model_of_images(tiny):
    return get_first_frame_model(str(tiny("stable_diffusion")))


def test_the_first_frame_is_what_the_bare_pipeline_makes(svd, tiny, tmp_path):
    import torch
    from diffusers import DiffusionPipeline

    (record,) = _records(run(svd("a red circle", first_frame_model=str(tiny("stable_diffusion")))))
    bare = DiffusionPipeline.from_pretrained(tiny("stable_diffusion"))
    generator = torch.Generator().manual_seed(record.seed)
    wanted = bare("a red circle", height=32, width=32, generator=generator).images[0]
    assert np.array_equal(Image.open(tmp_path / "run" / record.inputs["image"]["path"]), wanted)


def test_the_first_frame_model_decides_the_key(svd, tiny, tmp_path):
    made = make_plan(svd(first_frame_model=str(tiny("stable_diffusion")))).samples[0]
    given = make_plan(svd(image=_picture(tmp_path / "a.png"))).samples[0]
    assert made.key != given.key
    assert made.inputs["image"]["first_frame"] == get_model_of_images(tiny).identity()


def test_a_first_frame_that_cannot_be_made_is_the_models_failure(svd, tiny):
    """The autoencoder of the images is 2x in space: an odd side is none of its sizes."""
    result = run(svd(first_frame_model=str(tiny("stable_diffusion")), height=36, width=36))
    (model,) = result.models
    assert (result.status, model.error.stage) == ("failed", "first_frame")


def test_what_makes_videos_makes_no_first_frame(tiny, svd):
    for folder in (tiny("ltx"), tiny("svd")):
        with pytest.raises(ModelLoadingError, match="not a text-to-image pipeline"):
            get_first_frame_model(str(folder))
    with pytest.raises(ValidationError, match="not a folder"):
        make_plan(svd(first_frame_model="somewhere"))


def test_a_lora_is_part_of_the_key_and_refused_where_it_cannot_be(tiny, configure, tmp_path):
    pytest.importorskip("peft")
    lora = tmp_path / "x.safetensors"
    lora.write_bytes(b"weights")
    model = str(tiny("ltx"))
    asked = {"models": [model], "num_frames": 9, "height": 32, "width": 32}
    plain, adapted = (make_plan(configure(**asked, **more)).samples[0].key for more in ({}, {"lora": [str(lora)]}))
    assert plain != adapted
    with pytest.raises(ValidationError, match="painter: painter takes no LoRA"):
        make_plan(configure(lora=[str(lora)]))


def test_models_of_a_run_are_never_loaded_together(tiny, configure, monkeypatch):
    from vid_diffusion_bench.models.diffusers import DiffusersModel

    alive, most = [], []
    load, unload = DiffusersModel.load, DiffusersModel.unload
    monkeypatch.setattr(
        DiffusersModel, "load", lambda self, *a: (alive.append(self), most.append(len(alive)), load(self, *a))
    )
    monkeypatch.setattr(DiffusersModel, "unload", lambda self: (alive.remove(self), unload(self)))
    names = [str(tiny(family)) for family in ("ltx", "wan")]
    run(configure(models=names, **{**SMALL, "num_frames": 9}))
    assert (most, alive) == ([1, 1], [])
    assert get_model(names[0])._pipeline is None


@pytest.mark.parametrize(("family", "name"), [("svd", "image"), ("wan_v2v", "video")])
def test_a_profile_without_a_start_uses_the_built_in_world_and_says_so(tiny, configure, family, name):
    small = {"height": 32, "width": 32, "num_frames": 4 if name == "image" else 9, "num_inference_steps": 2}
    report = profile(configure(models=[str(tiny(family))], metrics=[], **small))
    assert report.inputs[name].startswith("the built-in world: 'a red circle")
    assert name not in report.parameters
    assert [call.kind for call in report.levels[0].calls] == ["load", "first", "steady"]
    assert report.levels[0].performance["success_rate"].value == 1
    assert f"starting from {'an image' if name == 'image' else 'a video'} of the built-in world" in setting(report)


def test_a_profile_starts_from_what_is_given(svd, tmp_path):
    path = _picture(tmp_path / "start.png")
    report = profile(svd(image=path))
    assert report.inputs == {"image": file_hash(path)}
    assert "starting from the image given" in setting(report)


def test_a_profile_has_its_first_frames_made_before_the_model_is_loaded(svd, tiny):
    seen = []
    report = profile(svd(first_frame_model=str(tiny("stable_diffusion"))), listener=seen.append)
    assert report.inputs["image"]["first_frame"] == get_model_of_images(tiny).identity()
    loading = [event.model for event in seen if isinstance(event, events.ModelLoading)]
    assert [name.rpartition("/")[2] for name in loading] == ["stable_diffusion", "svd"]
    assert report.levels[0].performance["success_rate"].value == 1
    assert "an image that another model made" in setting(report)
