"""Clips made again with the model at hand: a real tiny diffusers pipeline, and the built-in models."""

import json

import pytest
from disclosure_answers import outcomes, told

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.disclosure import bundle, verify
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.exceptions import ValidationError


@pytest.fixture(scope="module")
def pipeline(tiny, tmp_path_factory):
    """(bundle of a run of a tiny pipeline in batches of two, the pipeline's folder)"""
    folder = tmp_path_factory.mktemp("pipeline")
    run(BenchmarkConfig.create(
        models=[str(tiny("animatediff"))], prompts=["a cat", "a dog", "a cat on a mat"], metrics=["sharpness"],
        height=32, width=32, num_frames=8, num_inference_steps=2, batch_size=2, warmup=0, device="cpu",
        negative_prompt="blurry", output_dir=str(folder / "run"),
    ))  # fmt: skip
    bundle(folder / "run", folder / "b.zip")
    return folder / "b.zip", tiny("animatediff")


def _regenerated(found):
    return [check for check in found.checks if check.part == "regenerated"]


def test_a_real_pipeline_verifies_and_makes_the_same_pixels_again(pipeline, tmp_path):
    path, folder = pipeline
    moved = tmp_path / "moved"
    moved.symlink_to(folder)
    found = verify(path, regenerate=3, models={str(folder): str(moved)})
    assert found.verdict == "verified", told(found)
    (check,) = _regenerated(found)
    assert (check.outcome, check.n) == ("bit for bit", 3)
    assert outcomes(found, "records")["keys are of prompt, seed, parameters and weights"] == "bit for bit"


def test_prompts_are_told_with_what_was_not_to_be_seen(pipeline, forge):
    prompts = json.loads(forge(pipeline[0]).members["prompts.json"])
    assert [entry["prompt"] for entry in prompts] == ["a cat", "a dog", "a cat on a mat"]
    assert all(entry["negative_prompts"] == ["blurry"] for entry in prompts)


def test_another_model_under_the_name_is_told_and_accuses_nobody(pipeline, tiny):
    path, folder = pipeline
    (check,) = _regenerated(verify(path, regenerate=1, models={str(folder): str(tiny("text_to_video_sd"))}))
    assert check.outcome == "cannot be checked here"


def test_a_model_that_is_not_here_is_told(pipeline, tmp_path):
    path, folder = pipeline
    (check,) = _regenerated(verify(path, regenerate=1, models={str(folder): str(tmp_path / "nothing")}))
    assert check.outcome == "cannot be checked here"
    assert "there is no folder" in check.detail


def test_a_better_clip_is_found_by_making_it_again(forgery):
    """The one forgery that scoring cannot see: another clip, with the scores that belong to it."""
    better, worse = (forgery.result.models[index] for index in (0, 1))
    for record in worse.records:
        del forgery.members[record.clip.path]

    def change(data):
        own = data["models"][1]
        for record, other in zip(own["records"], data["models"][0]["records"], strict=True):
            record.update(clip=other["clip"], scores=other["scores"])
        own["metric_results"] = data["models"][0]["metric_results"]

    forgery.edit_result(change)
    path = forgery.write()
    assert verify(path).verdict == "verified", "nothing in the bundle speaks against it"
    found = verify(path, regenerate=1)
    assert any(line.startswith("clip of shapes-small") and "made again" in line for line in told(found))
    assert not any("shapes-oracle" in line for line in told(found))
    assert better.records


def test_rounding_of_another_processor_is_within_tolerance(forgery, tmp_path):
    """A clip a grey level off here and there, its hash and its scores made to fit."""
    import numpy as np

    from vid_diffusion_bench.disclosure.regenerate import CLOSE_PSNR
    from vid_diffusion_bench.video import Video, read_video, write_lossless

    record = forgery.result.models[0].records[0]
    (tmp_path / "c.mkv").write_bytes(forgery.members.pop(record.clip.path))
    video = read_video(tmp_path / "c.mkv")
    frames = video.frames ^ (np.random.default_rng(0).random(video.frames.shape) < 0.01).astype(np.uint8)
    changed = Video(frames, video.fps)
    write_lossless(tmp_path / "d.mkv", changed)
    forgery.members[f"clips/{changed.sha256()}.mkv"] = (tmp_path / "d.mkv").read_bytes()
    clip = {"sha256": changed.sha256(), "path": f"clips/{changed.sha256()}.mkv"}
    forgery.edit_result(lambda data: data["models"][0]["records"][0]["clip"].update(clip))
    (check, _) = _regenerated(verify(forgery.write(), regenerate=9))
    assert check.outcome == "within tolerance"
    assert "1 close" in check.detail
    assert CLOSE_PSNR == 30


def test_what_starts_from_a_file_cannot_be_made_again(forgery):
    forgery.edit_result(lambda data: data["config"].update(image="/home/somebody/picture.png"))
    checks = _regenerated(verify(forgery.write(), regenerate=1))
    assert {check.outcome for check in checks} == {"cannot be checked here"}
    assert all("image" in check.detail for check in checks)


def test_no_negative_number_of_clips(bundled):
    with pytest.raises(ValidationError, match="regenerate is -1"):
        verify(bundled, regenerate=-1)
