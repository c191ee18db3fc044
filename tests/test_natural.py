"""The flow of the natural clips is the true one: closed forms, and frames warped by it agree."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from natural import KINDS, PHOTOGRAPHS, inside, natural_clip, photograph


def warped(frame, flow):
    """What frame t must look like if ``flow`` leads from it to ``frame`` (t+1)."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(float)
    where = [y + flow[..., 1], x + flow[..., 0]]
    channels = [map_coordinates(frame[..., c].astype(float), where, order=3, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1)


def disagreement(video, flow, factor=1.0):
    """Mean absolute difference in grey levels between each frame and the next one warped back."""
    visible = inside(flow)
    errors = [
        np.abs(warped(video.frames[t + 1], factor * flow[t]) - video.frames[t])[visible[t]].mean()
        for t in range(video.num_frames - 1)
    ]
    return float(np.mean(errors))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_frame_warped_by_the_flow_is_the_frame_before(kind, seed):
    video, flow = natural_clip(kind, seed, 4, 60, 71)
    assert disagreement(video, flow) < 0.6
    for wrong in (0.0, 0.5, -1.0):
        assert disagreement(video, flow, wrong) > 1.5 * disagreement(video, flow)


def test_a_pan_moves_every_pixel_alike():
    _, flow = natural_clip("pan", 3, 5, 20, 30)
    np.testing.assert_allclose(flow, np.broadcast_to(flow[0, 0, 0], flow.shape), atol=1e-9)
    assert 0.5 <= np.hypot(*flow[0, 0, 0]) <= 3


@pytest.mark.parametrize("kind", ["zoom", "rotation"])
def test_zoom_and_rotation_turn_about_the_centre(kind):
    _, flow = natural_clip(kind, 5, 4, 21, 31)
    np.testing.assert_allclose(flow[:, 10, 15], 0, atol=1e-9)
    x = np.arange(31) - 15.0
    along, across = (0, 1) if kind == "zoom" else (1, 0)
    rate = flow[0, 10, 30, along] / 15
    np.testing.assert_allclose(flow[0, 10, :, along], rate * x, atol=1e-9)
    if kind == "zoom":
        np.testing.assert_allclose(flow[0, 10, :, across], 0, atol=1e-9)
        assert 0.009 < abs(rate) < 0.031
    else:
        assert np.sin(np.deg2rad(0.5)) < abs(rate) < np.sin(np.deg2rad(2.0))


def test_speed_scales_the_motion_and_zero_stops_it():
    slow, fast = (natural_clip("pan", 7, 3, 16, 16, speed=s)[1] for s in (1.0, 2.0))
    np.testing.assert_allclose(fast, 2 * slow, atol=1e-9)
    video, flow = natural_clip("zoom", 7, 3, 16, 16, speed=0)
    assert not flow.any()
    assert (video.frames == video.frames[0]).all()


def test_the_same_arguments_give_the_same_clip_and_a_path_larger_than_the_photograph_is_magnified():
    assert natural_clip("pan", 1)[0].sha256() == natural_clip("pan", 1)[0].sha256()
    assert natural_clip("pan", 1)[0].sha256() != natural_clip("pan", 2)[0].sha256()
    video, flow = natural_clip("pan", 1, 3, 20, 900)
    assert video.frames.shape == (3, 20, 900, 3)
    assert disagreement(video, flow) < 0.6


def test_a_single_frame_has_no_flow():
    assert natural_clip("pan", 0, 1, 8, 9)[1].shape == (0, 8, 9, 2)


def test_the_photographs_are_colour_arrays():
    for name in PHOTOGRAPHS:
        assert photograph(name).dtype == np.uint8
        assert photograph(name).shape[2] == 3
