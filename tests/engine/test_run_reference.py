import numpy as np
import pytest

from vid_diffusion_bench.config import GenerationParameters, prompt_id
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.models import GenerationRequest
from vid_diffusion_bench.models.oracle import OracleModel
from vid_diffusion_bench.results import ClipInfo, SampleRecord
from vid_diffusion_bench.scoring.reference import find_reference
from vid_diffusion_bench.video import write_lossless
from vid_diffusion_bench.world.analysis import analyse

PROMPTS = ["a red circle moving left quickly on a white background", "a blue square growing on a black background"]


def _record(prompt, seed, size=64):
    clip = ClipInfo(sha256="0" * 64, path="x", preview=None, num_frames=17, height=size, width=size, fps=8.0)
    return SampleRecord(
        key=f"{prompt_id(prompt)}{seed}",
        model="m",
        prompt=prompt,
        prompt_id=prompt_id(prompt),
        index=0,
        seed=seed,
        parameters=GenerationParameters(),
        status="completed",
        clip=clip,
    )


def _oracle(prompt, seed):
    parameters = GenerationParameters(num_frames=17, height=64, width=64, fps=8)
    return OracleModel().generate([GenerationRequest(prompt, seed, parameters)], lambda *_: None)[0]


RECORDS = [_record(prompt, seed) for prompt in PROMPTS for seed in (1, 2, 3)]


def test_prompts_of_the_built_in_world_get_two_real_clips_each_one_of_them_spare():
    reference, pairs = find_reference(None, RECORDS)
    assert [clip.prompt for clip in reference.clips] == [record.prompt for record in RECORDS for _ in range(2)]
    for spare in (False, True):
        half = [clip for clip in reference.clips if (clip.key in reference.spare) is spare]
        assert [clip.prompt for clip in half] == [record.prompt for record in RECORDS]
    assert len({clip.load().sha256() for clip in reference.clips}) == len(reference.clips)
    assert pairs == {}
    for clip in reference.clips:
        video = clip.load()
        assert video.frames.shape == (17, 64, 64, 3)
        found = analyse(video.frames).attributes
        assert (found.color, found.shape) == (("red", "circle") if "red" in clip.prompt else ("blue", "square"))


def test_no_real_clip_is_the_oracles_clip():
    reference, _ = find_reference(None, RECORDS)
    for record in RECORDS:
        own = _oracle(record.prompt, record.seed).frames
        assert not any(np.array_equal(clip.load().frames, own) for clip in reference.clips)


def test_the_fingerprint_follows_the_pixels():
    first, again = find_reference(None, RECORDS)[0], find_reference(None, [*RECORDS, RECORDS[0]])[0]
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != find_reference(None, RECORDS[1:])[0].fingerprint
    smaller = find_reference(None, [_record(r.prompt, r.seed, size=32) for r in RECORDS])[0]
    assert smaller.fingerprint != first.fingerprint
    assert smaller.clips[0].load().height == 32


@pytest.mark.parametrize("foreign", ["a cat playing piano", "something red", "a circle"])
def test_one_prompt_of_another_world_means_no_reference(foreign):
    assert find_reference(None, [*RECORDS, _record(foreign, 1)]) == (None, {})


def test_a_folder_of_real_clips_pairs_by_prompt(configure, tmp_path):
    folder = tmp_path / "real"
    folder.mkdir()
    for number, prompt in enumerate(PROMPTS):
        write_lossless(folder / f"{number}.mkv", _oracle(prompt, 10 + number))
        (folder / f"{number}.txt").write_text(prompt)
    config = configure(
        PROMPTS[0], "an unpaired red circle", models=["shapes-oracle"], metrics=["psnr", "ssim"], reference=str(folder)
    )
    model = run(config).models[0]
    paired, alone = model.records
    assert paired.scores["psnr"].value is not None
    assert alone.scores["psnr"].value is None
    assert alone.scores["psnr"].reason
    without = run(config.model_copy(update={"reference": None})).models[0]
    assert without.metrics["psnr"] is None
    assert without.metric_results["psnr"].reason
