"""Witnesses: translations of a known texture, VBench's rules written out."""

import cv2
import numpy as np
import pytest

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.flow import FlowField, luma, top_magnitude
from vid_diffusion_bench.features.motion import Motion, _sum_of_squares
from vid_diffusion_bench.video import Video


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return 128 + 50 * smooth / smooth.std()


def panned(num_frames, dx, dy, height=96, width=128, fps=8.0):
    """A clip whose content moves by (dx, dy) pixels a frame, by sub-pixel sampling of one large texture."""
    big = texture(height + 80, width + 80)
    frames = []
    for t in range(num_frames):
        move = np.array([[1, 0, -40 + t * dx], [0, 1, -40 + t * dy]], np.float32)
        frames.append(cv2.warpAffine(big, move, (width, height), flags=cv2.INTER_CUBIC))
    grey = np.clip(np.rint(frames), 0, 255).astype(np.uint8)
    return Video(np.repeat(grey[..., None], 3, axis=3), fps)


@pytest.mark.parametrize(("dx", "dy"), [(1.0, 0.0), (0.0, -2.0), (2.6, 1.3), (-5.0, 3.0)])
def test_the_flow_of_a_translation_is_the_translation(dx, dy):
    video = panned(2, dx, dy)
    grey = luma(video.frames)
    flow = FlowField(video.height, video.width).between(*grey)[16:-16, 16:-16]
    error = np.hypot(flow[..., 0] - dx, flow[..., 1] - dy)
    assert np.median(error) < 0.15


def test_noise_on_a_still_picture_does_not_move():
    rng = np.random.default_rng(0)
    frames = np.clip(120 + rng.normal(0, 2, (2, 64, 64)), 0, 255).astype(np.uint8)
    assert top_magnitude(FlowField(64, 64).between(*frames), 0.02) < 0.1


def test_threads_do_not_change_the_flow():
    video = panned(2, 1.7, 0.4)
    threads, found = cv2.getNumThreads(), []
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            found.append(FlowField(video.height, video.width).between(*luma(video.frames)))
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(*found)


def test_what_leaves_the_frame_is_not_visible():
    field = FlowField(40, 60)
    forward = np.zeros((40, 60, 2), np.float32)
    forward[..., 0] = 10
    mask = field.visible(forward, -forward)
    assert mask[:, :50].all()
    assert not mask[:, 50:].any()
    assert not field.visible(forward, forward).any()


def test_warping_pulls_back_along_the_flow():
    field, image = FlowField(30, 30), texture(30, 30)
    flow = np.zeros((30, 30, 2), np.float32)
    flow[..., 0] = 3
    np.testing.assert_allclose(field.warp(image, flow)[:, :27], image[:, 3:], atol=1e-4)


def test_the_longest_vectors_are_averaged():
    flow = np.zeros((10, 10, 2), np.float32)
    flow[0, :5] = (3, 4)
    flow[0, 5] = (30, 40)
    assert top_magnitude(flow, 0.02) == pytest.approx((50 + 5) / 2)
    assert top_magnitude(flow, 0.001) == pytest.approx(50)


@pytest.mark.parametrize("side", [1, 4, 11])
def test_frames_too_small_for_a_flow_say_so(side):
    clip = Clip("k", "c", lambda: Video(np.zeros((3, side, 50, 3), np.uint8), 8.0))
    with pytest.raises(MetricComputationError, match="pixels a side"):
        clip.feature("motion")


def test_one_frame_has_no_motion():
    clip = Clip("k", "c", lambda: Video(np.zeros((1, 32, 32, 3), np.uint8), 8.0))
    for name in ("motion", "motion-8fps", "interpolation"):
        with pytest.raises(MetricComputationError, match="frames or more"):
            clip.feature(name)


def test_faster_clips_are_taken_at_eight_frames_a_second():
    video = panned(13, 0.5, 0.0, fps=24.0)
    clip = Clip("k", "c", lambda: video)
    speeds = clip.feature("motion-8fps")
    assert len(speeds) == 4
    assert speeds == pytest.approx(np.full(4, 1.5), abs=0.5)
    assert clip.feature("motion").top5 == pytest.approx(np.full(12, 0.5), abs=0.5)


def vbench_is_static(scores, ends, short_side, num_frames):
    """``check_static`` of VBench's static_filter.py, written out."""
    threshold, count_num, count = 3.0 * (short_side / 256.0), round(2 * (num_frames / 16.0)), 0
    for value in scores:
        count += value > threshold
        if count > count_num:
            return False
    return all(value <= threshold * count_num * 2 for value in ends)


def test_the_static_filter_is_vbenchs():
    rng = np.random.default_rng(0)
    verdicts = set()
    for _ in range(300):
        pairs, side = int(rng.integers(1, 40)), int(rng.choice([64, 256, 480]))
        top2 = rng.exponential(0.6 * side / 256 * rng.choice([1, 4]), pairs)
        ends = rng.exponential(3 * side / 256, 2)
        motion = Motion(top2, top2, ends, top2, top2, top2, side)
        verdicts.add(motion.is_static())
        assert motion.is_static() == vbench_is_static(top2, ends, side, pairs + 1)
    assert verdicts == {True, False}


def squared(first, second):
    return np.square(first.astype(np.float64) - second.astype(np.float64)).mean(axis=(1, 2, 3))


@pytest.mark.parametrize(("dx", "dy"), [(2.6, 1.3), (-3.0, 0.5)])
def test_a_pan_is_followed_and_interpolated(dx, dy):
    video = panned(7, dx, dy)
    frames, clip = video.frames, Clip("k", "c", lambda: video)
    motion, made = clip.feature("motion"), clip.feature("interpolation")
    assert motion.visible.min() > 0.85
    assert (motion.error < 0.05 * motion.change).all()
    assert motion.change / motion.visible == pytest.approx(squared(frames[:-1], frames[1:]), rel=0.2)
    odd, neighbours = frames[1:6:2], (frames[0:5:2], frames[2:7:2])
    assert made.change == pytest.approx(0.5 * squared(odd, neighbours[0]) + 0.5 * squared(odd, neighbours[1]), rel=1e-5)
    blended = squared(odd, neighbours[0] * 0.5 + neighbours[1] * 0.5)
    assert (made.error < 0.2 * blended).all()


def test_only_visible_pixels_are_summed_up():
    rng = np.random.default_rng(0)
    difference, mask = rng.normal(0, 9, (8, 9, 3)).astype(np.float32), rng.random((8, 9)) < 0.4
    expected = np.square(difference[mask].astype(np.float64)).sum()
    assert _sum_of_squares(difference, mask) == pytest.approx(expected, rel=1e-6)
    assert _sum_of_squares(difference) == pytest.approx(np.square(difference.astype(np.float64)).sum(), rel=1e-6)


def test_both_ways_are_each_way():
    video = panned(2, 2.6, 1.3)
    first, second = luma(video.frames)
    field = FlowField(video.height, video.width)
    for way, expected in zip(
        field.both(first, second), (field.between(first, second), field.between(second, first)), strict=True
    ):
        assert np.array_equal(way, expected)


def test_the_error_of_what_nothing_explains_is_the_whole_change():
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (3, 1, 1, 3), np.uint8), 32, axis=1).repeat(32, axis=2)
    motion = Clip("k", "c", lambda: Video(frames, 8.0)).feature("motion")
    assert motion.visible == pytest.approx([1.0, 1.0])
    assert motion.error == pytest.approx(squared(frames[:-1], frames[1:]))
    assert motion.change == pytest.approx(motion.error)


def test_a_last_odd_frame_has_no_right_neighbour():
    video = panned(4, 1.0, 0.0)
    assert len(Clip("k", "c", lambda: video).feature("interpolation").error) == 1
