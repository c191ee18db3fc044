"""The whole way, through the command: four small clips of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broken_metrics import Brightness, Rolling
from vid_diffusion_bench.certification import Certificate, folder_specimens, world_specimens
from vid_diffusion_bench.certification.specimens import cut
from vid_diffusion_bench.exceptions import InvalidVideoError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.video import write_lossless

METRICS = ["psnr", "temporal_consistency", "clip_score"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, specimens):
    """Four clips, two of them with a prompt, and a file that is none."""
    folder = tmp_path_factory.mktemp("clips")
    for clip in specimens[:4]:
        write_lossless(folder / f"{clip.key}.mkv", clip.video)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "prompts.json").write_text(json.dumps({clip.key: clip.prompt for clip in specimens[:2]}))
    return folder


@pytest.fixture(scope="module")
def specimens():
    return [cut(clip, 8, 32) for clip in world_specimens(6).clips]


@pytest.fixture
def registered():
    for metric in (Brightness(), Rolling()):
        MetricRegistry.register(metric.name, metric)
    yield
    for name in ("brightness", "rolling"):
        MetricRegistry.unregister(name)


def certificate(path="certificate"):
    return Certificate.model_validate_json((Path(path) / "certificate.json").read_text())


def test_the_command_writes_both_files_and_prints_the_verdicts(vid_bench, folder):
    code, out, err = vid_bench("metrics", "certify", "--videos", folder, "--metrics", *METRICS)
    assert code == 0
    found = certificate()
    assert found.passes
    verdicts = {metric.name: metric.verdict for metric in found.metrics}
    assert verdicts == dict.fromkeys(METRICS, "passes")
    assert [clip.key for clip in found.clips] == [f"world-{index:03}.mkv" for index in range(4)]
    assert any("broken.mp4" in note for note in found.notes)
    assert "skipped broken.mp4" in out
    assert "psnr" in out
    assert "ladder: " in err
    assert Path("certificate/certificate.html").stat().st_size > 4_000_000
    assert sorted(path.name for path in Path("certificate").iterdir()) == ["certificate.html", "certificate.json"]
    named = next(metric for metric in found.metrics if metric.name == "clip_score")
    assert named.n == 2
    assert all(response.rungs[0].n == 2 for response in named.responses)


def test_with_json_the_certificate_is_on_stdout(vid_bench, folder):
    code, out, _ = vid_bench("metrics", "certify", "--videos", folder, "--metrics", "psnr", "--json", "--clips", "2")
    assert code == 0
    assert Certificate.model_validate_json(out) == certificate()
    assert len(certificate().clips) == 2
    assert "by the smallest SHA-256" in " ".join(certificate().notes)


@pytest.mark.usefixtures("registered")
def test_a_broken_law_is_named_and_is_exit_code_1(vid_bench, folder):
    code, out, _ = vid_bench("metrics", "certify", "--videos", folder, "--metrics", "rolling", "brightness")
    assert code == 1
    assert "rolling breaks order" in out
    verdicts = {metric.name: metric.verdict for metric in certificate().metrics}
    assert verdicts == {"rolling": "fails: repeat, order, alone, shards, batch, threads", "brightness": "passes"}
    assert "1 metric fails: rolling" in Path("certificate/certificate.html").read_text()


def test_what_cannot_run_says_what_it_lacks(vid_bench, folder, tmp_path, monkeypatch):
    from vid_diffusion_bench.features import builtin

    monkeypatch.setattr(builtin, "WEIGHTS", tmp_path / "none")
    builtin._sha256.cache_clear()
    code, out, _ = vid_bench("metrics", "certify", "--videos", folder, "--metrics", "psnr", "fvd")
    assert code == 0
    assert "1 of 2 metrics ran" in out
    absent = certificate().metrics[1]
    assert absent.verdict.startswith("not run: the built-in extractor weights video-net/")
    assert absent.laws == absent.responses == []


def test_the_last_line_and_the_page_count_the_same_metrics_as_run(vid_bench, folder):
    """One that can run here and had nothing to say of these clips, which are too small for it, did not."""
    _, out, _ = vid_bench("metrics", "certify", "--videos", folder, "--metrics", "psnr", "ms_ssim")
    absent = certificate().metrics[1]
    assert absent.laws
    assert absent.reason
    assert "1 of 2 metrics ran" in out
    page = Path("certificate/certificate.html").read_text()
    assert "1 of 2" in page[page.index("Metrics that ran") :][:100]


def test_an_interrupt_leaves_nothing_behind(vid_bench, folder, monkeypatch):
    from vid_diffusion_bench.certification import ladder

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ladder, "_rung_outcomes", interrupted)
    code, _, err = vid_bench("metrics", "certify", "--videos", folder, "--metrics", "psnr")
    assert (code, err.splitlines()[-1]) == (130, "interrupted")
    assert not Path("certificate").exists()


@pytest.mark.parametrize("option", [["--clips", "1"], ["--num-frames", "0"], ["--metrics", "nothing"]])
def test_senseless_options_are_wrong_usage(option, vid_bench, folder):
    assert vid_bench("metrics", "certify", "--videos", folder, *option)[0] == 2


def test_clips_are_cut_and_the_certificate_says_how(folder):
    found = folder_specimens(folder, 12, 5, 16)
    assert {clip.video.frames.shape for clip in found.clips} == {(5, 16, 16, 3)}
    assert {clip.note for clip in found.clips} == {"first 5 of 8 frames; 32 x 32 to 16 x 16 pixels"}


def test_a_folder_without_two_clips_is_refused(tmp_path):
    with pytest.raises(InvalidVideoError):
        folder_specimens(tmp_path, 12, 8, 64)
    (tmp_path / "a.mp4").write_bytes(b"none")
    with pytest.raises(ValidationError, match="0 clips"):
        folder_specimens(tmp_path, 12, 8, 64)


def test_the_world_has_clips_that_stand_still(specimens):
    still = [clip.key for clip in specimens if (clip.video.frames == clip.video.frames[0]).all()]
    assert len(still) == 2
