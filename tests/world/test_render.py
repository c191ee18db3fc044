"""The renderer: sizes, colours, motion in seconds, the same picture at any resolution."""

import numpy as np
import pytest

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.world.captions import VALID
from vid_diffusion_bench.world.render import render, render_batch
from vid_diffusion_bench.world.scene import BACKGROUNDS, COLORS, SPEEDS, Attributes, sample_scene


def _scene(seed: int = 0, **attributes: str):
    return sample_scene(np.random.default_rng(seed), Attributes(**attributes))


def _centroid(frames: np.ndarray) -> np.ndarray:
    mask = np.abs(frames.astype(int) - frames[0, 0, 0].astype(int)).sum(-1).astype(float)
    rows, columns = np.mgrid[: mask.shape[1], : mask.shape[2]]
    area = mask.sum((1, 2))
    return np.stack([(mask * columns).sum((1, 2)) / area, (mask * rows).sum((1, 2)) / area], axis=1)


def test_shape_type_and_colours() -> None:
    frames = render(_scene(shape="circle", color="red", background="black", motion="still"))
    assert frames.shape == (17, 64, 64, 3)
    assert frames.dtype == np.uint8
    assert tuple(frames[0, 0, 0]) == BACKGROUNDS["black"]
    assert tuple(frames[0, 32, 32]) == COLORS["red"]


@pytest.mark.parametrize("size", [(1, 16, 16), (5, 96, 128), (30, 33, 31)])
def test_any_size(size: tuple[int, int, int]) -> None:
    assert render(_scene(), *size).shape == (*size, 3)


@pytest.mark.parametrize("bad", [{"num_frames": 0}, {"height": 0}, {"fps": 0}])
def test_impossible_sizes_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        render(_scene(), **bad)


def test_the_same_scene_and_seed_give_the_same_pixels() -> None:
    assert np.array_equal(render(_scene(3)), render(_scene(3)))
    assert not np.array_equal(render(_scene(3)), render(_scene(4)))


def test_a_larger_picture_shows_the_same() -> None:
    scene = _scene(shape="star", motion="spinning")
    large = render(scene, height=256, width=256).reshape(17, 64, 4, 64, 4, 3).mean((2, 4))
    assert np.abs(large - render(scene)).mean() < 1.0


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("fps", [4, 8, 16])
def test_motion_is_per_second(speed: str, fps: int) -> None:
    frames = render(_scene(motion="right", speed=speed), num_frames=fps + 1, fps=fps)
    path = _centroid(frames)
    assert path[-1, 0] - path[0, 0] == pytest.approx(SPEEDS[speed], abs=0.2)
    assert path[-1, 1] == pytest.approx(path[0, 1], abs=0.1)


def test_the_whole_shape_stays_in_frame() -> None:
    rng = np.random.default_rng(0)
    for attributes in VALID[::5]:
        frames = render(sample_scene(rng, attributes), num_frames=24)
        sides = (frames[:, :1], frames[:, -1:], frames[:, :, :1], frames[:, :, -1:])
        border = np.concatenate([side.reshape(-1, 3) for side in sides])
        assert (border == border[0]).all(), attributes


def test_a_batch_is_its_clips() -> None:
    scenes = [_scene(seed) for seed in range(3)]
    assert np.array_equal(render_batch(scenes)[1], render(scenes[1]))


def test_what_is_unsaid_is_drawn_without_contradiction() -> None:
    for seed in range(200):
        assert _scene(seed, shape="circle").attributes.motion != "spinning"
        assert _scene(seed, color="blue").attributes.background != "blue"
        assert _scene(seed, speed="quickly").attributes.motion in ("left", "right", "up", "down")


def test_a_contradiction_is_refused() -> None:
    with pytest.raises(ValidationError, match="same colour"):
        _scene(color="blue", background="blue")
