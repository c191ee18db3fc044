"""Witnesses: SciPy, and each formula written out over whole arrays of float64."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import laplace

from natural import natural_clip
from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine.checks import flags_of, problem_of
from vid_diffusion_bench.features import Clip, FeatureStore
from vid_diffusion_bench.features.image import clipped, colorfulness, edge_visibility, grey, laplacian_variance
from vid_diffusion_bench.features.pixels import BLACK_LEVEL, FROZEN_LEVEL, FrameChanges, is_black, is_frozen
from vid_diffusion_bench.video import Video

NOISE = np.random.default_rng(0).integers(0, 256, (5, 21, 34, 3), np.uint8)
PHOTOGRAPH = natural_clip("pan", 0, 2, 50, 61)[0].frames
IMAGES = pytest.mark.parametrize("frame", [NOISE[0], PHOTOGRAPH[0]], ids=["noise", "photograph"])

small = arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.just(3)))
level = st.integers(0, 8)


def feature(name, frames):
    return Clip("k", "c", lambda: Video(frames, 8.0)).feature(name)


@IMAGES
def test_the_laplacian_is_scipys(frame):
    luma = grey(frame)
    expected = laplace(luma.astype(np.float64), mode="mirror").var()
    assert laplacian_variance(luma) == pytest.approx(expected, rel=1e-12)


@IMAGES
def test_luma_is_rec_601(frame):
    expected = frame.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(grey(frame) - expected).max() < 0.51


@IMAGES
def test_colorfulness_is_hasler_and_suesstrunks(frame):
    red, green, blue = np.moveaxis(frame.astype(np.float64), 2, 0)
    rg, yb = red - green, 0.5 * (red + green) - blue
    expected = np.sqrt(rg.std() ** 2 + yb.std() ** 2) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
    assert colorfulness(frame) == pytest.approx(expected, rel=1e-12)


def test_colors_at_the_ends_of_the_range_do_not_overflow():
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[0], frame[1] = (255, 255, 0), (0, 0, 255)
    assert colorfulness(frame) == pytest.approx(255.0)


def test_clipped_pixels_are_counted_at_both_ends():
    luma = np.array([[0, 2, 3, 128], [252, 253, 255, 100]], np.uint8)
    assert clipped(luma) == (2 / 8, 2 / 8)


def visibility(luma):
    """Muijs and Kirenko's equations 1 to 3 with a floor, one step at a time."""
    step = np.abs(np.diff(luma.astype(float), axis=1))
    on, off = [], []
    for row in step:
        for j in range(3, len(row) - 3):
            around = [row[j + n] for n in (-3, -2, -1, 1, 2, 3)]
            (on if j % 8 == 7 else off).append(row[j] / max(1.0, np.mean(around)))
    return np.mean(on), np.mean(off)


@IMAGES
def test_the_visibility_of_edges_is_muijs_and_kirenkos(frame):
    luma = grey(frame)
    expected = np.mean([visibility(luma), visibility(luma.T)], axis=0)
    assert edge_visibility(luma) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "known"), [(12, 12, True), (11, 40, False), (40, 11, False), (1, 1, False)]
)
def test_frames_without_a_whole_neighbourhood_have_no_visibility(height, width, known):
    assert np.isfinite(edge_visibility(np.zeros((height, width), np.uint8))).all() == known


def test_statistics_are_those_of_each_frame():
    seen = feature("frame-statistics", NOISE)
    assert seen.sharpness == pytest.approx([laplacian_variance(grey(frame)) for frame in NOISE])
    assert seen.colorfulness == pytest.approx([colorfulness(frame) for frame in NOISE])
    assert seen.peak == pytest.approx(NOISE.max(axis=(1, 2, 3)))
    assert seen.brightness == pytest.approx([grey(frame).mean() for frame in NOISE])


@settings(max_examples=60, deadline=None)
@given(frames=small)
def test_changes_are_exact(frames):
    changes, repeats, wide = feature("frame-changes", frames), feature("frame-repeats", frames), frames.astype(int)
    step = np.abs(np.diff(wide, axis=0))
    assert changes.total.tolist() == step.sum(axis=(1, 2, 3)).tolist()
    assert changes.ends == np.abs(wide[0] - wide[-1]).sum()
    assert changes.values == frames[0].size
    assert repeats.from_previous.tolist() == step.max(axis=(1, 2, 3)).tolist()
    assert repeats.from_first.tolist() == np.abs(wide[1:] - wide[0]).max(axis=(1, 2, 3)).tolist()
    assert repeats.is_frozen() == is_frozen(frames)


@settings(max_examples=60, deadline=None)
@given(base=level, changes=arrays(np.uint8, (4, 2, 2, 3), elements=st.integers(0, 2)))
def test_a_model_and_a_metric_call_the_same_clips_black_and_frozen(base, changes):
    frames = (base + changes).astype(np.uint8)
    video = Video(frames, 8.0)
    assert is_black(frames) == (frames.max() <= BLACK_LEVEL)
    assert is_frozen(frames) == (np.abs(frames.astype(int) - frames[0]).max() <= FROZEN_LEVEL)
    assert (flags_of(video) == ["frozen"]) == is_frozen(frames)
    assert (problem_of(video, GenerationParameters()) is not None) == is_black(frames)


def test_changes_are_kept_on_disk_whole(tmp_path):
    store = FeatureStore(tmp_path)
    first = Clip("k", "c", lambda: Video(NOISE, 8.0), content="a", store=store).feature("frame-changes")
    again = Clip("k", "c", lambda: pytest.fail("decoded"), content="a", store=store).feature("frame-changes")
    assert isinstance(again, FrameChanges)
    assert (again.ends, again.values, again.total.tolist()) == (first.ends, first.values, first.total.tolist())


def test_threads_do_not_change_the_numbers():
    threads, found = cv2.getNumThreads(), []
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            found.append(feature("frame-statistics", PHOTOGRAPH))
    finally:
        cv2.setNumThreads(threads)
    for name in ("sharpness", "colorfulness", "on_edges", "off_edges"):
        assert np.array_equal(getattr(found[0], name), getattr(found[1], name))
