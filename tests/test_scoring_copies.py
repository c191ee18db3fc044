"""Clips that are there twice are told beside the numbers of whole sets, and nowhere else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import vid_diffusion_bench as vb
from tiny_extractors import save_extractors
from vid_diffusion_bench.features import builtin
from vid_diffusion_bench.scoring import score_folders
from vid_diffusion_bench.testing import noise_clip
from vid_diffusion_bench.video import content_hash, write_lossless

METRICS = ["fvd", "kvd", "inception_score", "dynamic_degree"]


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory):
    return save_extractors(tmp_path_factory.mktemp("extractors") / "weights", one_trunk=True)


@pytest.fixture
def folders(tmp_path, tiny_weights, monkeypatch):
    """Three real and three generated clips, all different."""
    monkeypatch.setattr(builtin, "WEIGHTS", tiny_weights)
    for start, name in ((0, "real"), (10, "generated")):
        (tmp_path / name).mkdir()
        for index in range(3):
            write_lossless(tmp_path / name / f"{name[0]}{index}.mkv", noise_clip(start + index, 5, 24, 24))
    return tmp_path / "real", tmp_path / "generated"


def told(scores, metric, *words):
    return [line for line in scores.results[metric].warnings if all(word in line for word in words)]


@pytest.mark.parametrize("keep", ["1", "0"])
def test_generated_clips_of_the_real_set_are_counted_and_named(folders, monkeypatch, keep):
    monkeypatch.setenv("VIDBENCH_KEEP_FEATURES", keep)
    real, generated = folders
    shutil.copy(real / "r1.mkv", generated / "another name.mkv")
    scores = score_folders(real, generated, METRICS, subsample=True)
    said = "1 of 4 generated clips is also in the real set: another name.mkv = r1.mkv"
    assert told(scores, "fvd", said)
    assert told(scores, "kvd", said)
    assert not told(scores, "dynamic_degree", "real set")


def test_copies_among_the_generated_are_counted_and_named(folders):
    real, generated = folders
    for index in range(5):
        shutil.copy(generated / "g0.mkv", generated / f"h{index}.mkv")
    scores = score_folders(real, generated, METRICS, subsample=True)
    said = "5 of 8 generated clips are a copy of another: h0.mkv = g0.mkv, h1.mkv = g0.mkv, h2.mkv = g0.mkv, ..."
    assert all(told(scores, name, said) for name in ("fvd", "kvd", "inception_score"))
    assert not told(scores, "dynamic_degree", "copy")


def test_clips_that_differ_are_told_of_nothing(folders):
    scores = score_folders(*folders, METRICS)
    assert not any(told(scores, name, "generated clips") for name in METRICS)


def test_broken_copies_are_no_copies(folders):
    real, generated = folders
    for folder in (real, generated):
        (folder / "broken.mp4").write_text("no video")
    scores = score_folders(real, generated, METRICS)
    assert not any(told(scores, name, "generated clips") for name in METRICS)


def test_processes_tell_the_same(folders):
    real, generated = folders
    shutil.copy(real / "r1.mkv", generated / "a.mkv")
    shutil.copy(real / "r1.mkv", generated / "b.mkv")
    names = ["fvd", "dynamic_degree"]
    alone = score_folders(real, generated, names, subsample=True)
    several = score_folders(real, generated, names, subsample=True, workers=2)
    assert several.results["fvd"].warnings[:2] == alone.results["fvd"].warnings[:2]
    assert told(alone, "fvd", "a.mkv = r1.mkv, b.mkv = r1.mkv")
    assert told(alone, "fvd", "b.mkv = a.mkv")


def test_a_run_against_a_folder_of_its_own_clips_is_told(tmp_path, folders, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prompts = ["a red circle moving left on a black background", "a blue star spinning on a white background"]
    ask = {"prompts": prompts, "num_frames": 5, "height": 24, "width": 24}
    first = vb.BenchmarkSuite(output_dir="one").evaluate_model("shapes-oracle", metrics=["dynamic_degree"], **ask)
    copied = tmp_path / "copied"
    copied.mkdir()
    for path in sorted((tmp_path / "one").rglob("*.mkv")):
        shutil.copy(path, copied / path.name)
    assert len(list(copied.iterdir())) == len(first.records) == 2
    again = vb.BenchmarkSuite(output_dir="two").evaluate_model(
        "shapes-oracle", metrics=["fvd"], reference=str(copied), **ask
    )
    assert any(
        "2 of 2 generated clips are also in the real set" in line for line in again.metric_results["fvd"].warnings
    )
    assert np.isfinite(again.metric_results["fvd"].value)


def test_a_file_and_its_copy_are_one_content_and_other_bytes_are_not(folders):
    real, _ = folders
    shutil.copy(real / "r0.mkv", real / "copy.mkv")
    assert content_hash(real / "r0.mkv") == content_hash(real / "copy.mkv") != content_hash(real / "r1.mkv")
    assert content_hash(real / "none.mkv") is None
