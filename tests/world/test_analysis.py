"""The analysis reads every attribute of rendered clips without an error, and says when it cannot."""

import cv2
import numpy as np
import pytest

from vid_diffusion_bench.world.analysis import analyse
from vid_diffusion_bench.world.captions import VALID
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import SPEEDS, Attributes, sample_scene


@pytest.mark.parametrize("part", range(4))
def test_every_attribute_of_rendered_clips_is_read_right(part: int) -> None:
    rng = np.random.default_rng(part)
    for attributes in VALID[part::20]:
        assert analyse(render(sample_scene(rng, attributes))).attributes == attributes


def test_blur_and_noise_do_not_change_what_is_read() -> None:
    rng = np.random.default_rng(9)
    for attributes in VALID[::60]:
        frames = render(sample_scene(rng, attributes)).astype(np.float32)
        blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.2) for frame in frames])
        noisy = np.clip(blurred + rng.normal(0, 4, blurred.shape), 0, 255).astype(np.uint8)
        assert analyse(noisy).attributes == attributes


def test_size_and_frame_rate_do_not_matter() -> None:
    scene = sample_scene(np.random.default_rng(1), Attributes("cross", "green", "white", "up", "slowly"))
    seen = analyse(render(scene, num_frames=24, height=96, width=128, fps=12), fps=12)
    assert seen.attributes == scene.attributes
    assert seen.velocity == pytest.approx((0.0, -SPEEDS["slowly"]), abs=0.3)


def test_an_empty_clip_has_no_shape() -> None:
    seen = analyse(np.full((17, 64, 64, 3), 10, np.uint8)).attributes
    assert seen == Attributes(background="black")


def test_noise_shows_no_shape() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (17, 64, 64, 3), dtype=np.uint8)
    assert analyse(noise).attributes.shape is None


def test_shuffled_frames_are_not_a_translation() -> None:
    rng = np.random.default_rng(2)
    frames = render(sample_scene(rng, Attributes("square", "red", "black", "right", "quickly")))
    frozen = np.repeat(frames[:1], 17, axis=0)
    assert analyse(frozen).attributes.motion == "still"
