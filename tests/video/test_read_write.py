"""Clips: lossless files give the same pixels, broken files are named, frames are sampled and resized as stated."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.video import (
    Video,
    find_videos,
    read_video,
    resize,
    sample_frames,
    write_lossless,
    write_preview,
)


def noise(frames=5, height=32, width=48, fps=8.0, seed=0) -> Video:
    rng = np.random.default_rng(seed)
    return Video(rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8), fps)


@pytest.mark.parametrize(("height", "width", "fps"), [(32, 48, 8), (33, 47, 23.976), (1, 1, 30), (2, 129, 0.5)])
def test_the_lossless_store_gives_back_every_bit(tmp_path, height, width, fps):
    video = noise(4, height, width, fps)
    write_lossless(tmp_path / "clip.mkv", video)
    again = read_video(tmp_path / "clip.mkv")
    np.testing.assert_array_equal(again.frames, video.frames)
    assert again.fps == pytest.approx(fps, rel=1e-4)
    assert again.sha256() == video.sha256()


def test_the_same_pixels_give_the_same_file(tmp_path):
    for name in ("a.mkv", "b.mkv"):
        write_lossless(tmp_path / name, noise())
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_the_hash_sees_pixels_and_shape_only():
    video = noise()
    assert video.sha256() == Video(video.frames.copy(), 30).sha256()
    assert video.sha256() != Video(video.frames.reshape(5, 48, 32, 3), 8).sha256()
    changed = video.frames.copy()
    changed[2, 3, 4, 1] ^= 1
    assert video.sha256() != Video(changed, 8).sha256()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 47), (1, 1), (300, 301)])
def test_a_preview_is_a_watchable_likeness(tmp_path, height, width):
    gray = Video(np.full((6, height, width, 3), 130, np.uint8), 8)
    write_preview(tmp_path / "clip.mp4", gray)
    preview = read_video(tmp_path / "clip.mp4")
    assert preview.num_frames == 6
    assert np.abs(preview.frames.astype(int) - 130).max() <= 3


def test_a_folder_of_stills_is_a_clip(tmp_path):
    video = noise(3)
    for number, frame in enumerate(video.frames):
        Image.fromarray(frame).save(tmp_path / f"{number:03}.png")
    np.testing.assert_array_equal(read_video(tmp_path).frames, video.frames)
    assert find_videos(tmp_path) == [tmp_path]


def broken_files(folder):
    write_preview(folder / "whole.mp4", noise(20))
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("this is not a video")
    (folder / "cut.mp4").write_bytes(whole[:40])
    (folder / "picture.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    return ["empty.mp4", "text.mp4", "cut.mp4", "picture.mp4", "missing.mp4"]


def test_broken_files_are_named(tmp_path):
    for name in broken_files(tmp_path):
        with pytest.raises(InvalidVideoError, match=name):
            read_video(tmp_path / name)


def test_find_videos_lists_the_broken_too_and_refuses_nothing(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "b.xyz").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    assert [p.name for p in find_videos(tmp_path)] == ["a.mp4", "b.xyz"]
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none", tmp_path / "a.mp4"):
        with pytest.raises(InvalidVideoError):
            find_videos(folder)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((2, 4, 4, 3), np.float32),
        np.zeros((2, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 4), np.uint8),
        np.zeros((0, 4, 4, 3), np.uint8),
    ],
)
def test_what_is_not_a_clip_is_refused(frames):
    with pytest.raises(InvalidVideoError):
        Video(frames, 8)
    with pytest.raises(InvalidVideoError):
        Video(np.zeros((1, 1, 1, 3), np.uint8), 0)


@pytest.mark.parametrize("size", [(24, 24), (64, 40), (32, 48)])
def test_resize_is_torchs_bilinear_grid(size):
    frames = noise().frames
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(frames).permute(0, 3, 1, 2).double(), size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(resize(frames, *size), wanted.permute(0, 2, 3, 1).numpy(), atol=5e-3)


@settings(max_examples=50)
@given(st.integers(1, 200), st.integers(1, 64))
def test_sampled_frames_span_the_clip_in_order(num_frames, count):
    indices = sample_frames(num_frames, count)
    assert len(indices) == count
    assert indices[0] == 0
    assert count == 1 or indices[-1] == num_frames - 1
    assert (np.diff(indices) >= 0).all()
