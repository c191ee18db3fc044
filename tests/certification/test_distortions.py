"""Every distortion is what it says, at every strength, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from vid_diffusion_bench.certification.distortions import LADDER, LUMA, distortion
from vid_diffusion_bench.video import Video

EACH = pytest.mark.parametrize("entry", LADDER, ids=lambda entry: entry.name)


def spoilt(name, video, strength, key="clip"):
    return distortion(name).apply(video, strength, key).frames


@EACH
def test_a_stronger_rung_changes_more(entry, moving):
    reach = [np.abs(entry.apply(moving, s, "a").frames.astype(int) - moving.frames).mean() for s in entry.strengths]
    assert reach[0] > 0
    assert reach == sorted(reach)
    assert len(set(reach)) == len(reach)
    assert list(entry.strengths) == sorted(entry.strengths)


@EACH
def test_it_is_pure_and_keeps_shape_and_rate(entry, moving):
    before = moving.sha256()
    first, again = (entry.apply(moving, entry.strengths[-1], "a") for _ in range(2))
    assert first.sha256() == again.sha256() != before
    assert moving.sha256() == before
    assert (first.frames.shape, first.fps) == (moving.frames.shape, moving.fps)


@pytest.mark.parametrize("name", ["noise", "shuffle", "drop", "jitter", "flicker"])
def test_what_is_drawn_depends_on_the_key(name, moving):
    strength = distortion(name).strengths[1]
    assert not np.array_equal(spoilt(name, moving, strength, "a"), spoilt(name, moving, strength, "b"))


@EACH
@pytest.mark.parametrize("shape", [(1, 16, 16, 3), (2, 17, 31, 3), (3, 1, 1, 3)], ids=str)
def test_odd_and_tiny_clips_pass_through_every_rung(entry, shape):
    video = Video(np.random.default_rng(1).integers(0, 256, shape, np.uint8), 29.97)
    for strength in entry.strengths:
        assert entry.apply(video, strength, "a").frames.shape == shape


def test_blur_keeps_what_is_flat_and_weakens_what_is_not(moving):
    flat = Video(np.full((2, 32, 32, 3), 77, np.uint8), 8.0)
    assert np.array_equal(spoilt("blur", flat, 6.0), flat.frames)
    edges = [np.abs(np.diff(spoilt("blur", moving, s).astype(int), axis=2)).mean() for s in (0.75, 1.5, 3.0, 6.0)]
    assert edges == sorted(edges, reverse=True)


def test_noise_has_the_standard_deviation_it_says():
    grey = Video(np.full((4, 64, 64, 3), 128, np.uint8), 8.0)
    error = spoilt("noise", grey, 8).astype(float) - 128
    assert error.std() == pytest.approx((64 + 1 / 12) ** 0.5, rel=0.02)  # rounding adds 1/12
    assert abs(error.mean()) < 0.1


def test_h264_is_the_codec_of_a_file(moving, tmp_path):
    """The witness is FFmpeg writing and reading an MP4 file at the same rate factor."""
    import av

    options = {"crf": "38", "preset": "medium", "x264-params": "no-mbtree=1"}
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=8, options=options)
        stream.height, stream.width, stream.pix_fmt = 40, 48, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in moving.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        read = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert np.array_equal(spoilt("h264", moving, 38), read)


def test_h264_gives_the_same_frames_every_time():
    """With x264's macroblock tree, about half of twenty runs differed."""
    steps = np.random.default_rng(3).integers(0, 16, (8, 128, 160, 3))
    video = Video(np.cumsum(steps, axis=0).astype(np.uint8), 8.0)
    assert len({spoilt("h264", video, 18).tobytes() for _ in range(20)}) == 1


@pytest.mark.parametrize("share", [25, 50, 75, 100])
def test_shuffling_moves_that_share_and_loses_no_frame(share, moving):
    frames = spoilt("shuffle", moving, share)
    moved = [not np.array_equal(a, b) for a, b in zip(frames, moving.frames, strict=True)]
    assert sum(moved) == share * 16 / 100
    assert sorted(f.tobytes() for f in frames) == sorted(f.tobytes() for f in moving.frames)


@pytest.mark.parametrize("share", [12.5, 25, 50])
def test_dropping_repeats_the_frame_before(share, moving):
    frames = spoilt("drop", moving, share)
    index = [next(t for t, frame in enumerate(moving.frames) if np.array_equal(frame, seen)) for seen in frames]
    lost = [t for t in range(16) if index[t] != t]
    assert len(lost) == round(share * 15 / 100)
    assert all(index[t] == index[t - 1] for t in lost)


def test_freezing_repeats_one_frame_to_the_end(moving):
    half = spoilt("freeze", moving, 50)
    assert np.array_equal(half[:9], moving.frames[:9])
    assert all(np.array_equal(frame, half[8]) for frame in half[8:])
    assert all(np.array_equal(frame, moving.frames[0]) for frame in spoilt("freeze", moving, 100))


def test_shaking_shifts_each_frame_by_no_more_than_its_reach(moving):
    reach = round(8 / 100 * 40)
    for shaken, frame in zip(spoilt("jitter", moving, 8), moving.frames, strict=True):
        inner = shaken[reach:-reach, reach:-reach]
        shifts = [(y, x) for y in range(2 * reach + 1) for x in range(2 * reach + 1)]
        assert any(np.array_equal(inner, frame[y : y + 34, x : x + 42]) for y, x in shifts)


def test_flickering_adds_one_level_to_a_frame():
    grey = Video(np.full((8, 4, 4, 3), 128, np.uint8), 8.0)
    steps = spoilt("flicker", grey, 45).astype(int) - 128
    assert all(len(np.unique(step)) == 1 for step in steps)
    assert 10 < np.abs(steps).max() <= 45


def test_turning_the_hue_keeps_the_luma_and_a_whole_turn_is_nothing():
    soft = Video(np.random.default_rng(2).integers(96, 160, (2, 8, 8, 3), np.uint8), 8.0)
    turned = spoilt("hue", soft, 90)
    assert np.abs(turned @ LUMA - soft.frames @ LUMA).max() < 1
    assert np.array_equal(spoilt("hue", soft, 360), soft.frames)


def test_drained_colours_are_grey_of_the_same_luma(moving):
    grey = spoilt("desaturate", moving, 100)
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert np.abs(grey[..., 0] - moving.frames @ LUMA).max() <= 0.5


def test_reversing_twice_is_nothing(moving):
    once = Video(spoilt("reverse", moving, 1), 8.0)
    assert np.array_equal(once.frames[0], moving.frames[-1])
    assert np.array_equal(spoilt("reverse", once, 1), moving.frames)
