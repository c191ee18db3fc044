"""Witness: scikit-image."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vid_diffusion_bench.exceptions import InvalidVideoError, MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, MetricRegistry, State
from vid_diffusion_bench.metrics.paired.ssim import ssim_map
from vid_diffusion_bench.video import Video


def video(seed=0, shape=(3, 24, 31, 3)):
    return Video(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), 8.0)


def noisy(source, strength):
    noise = np.random.default_rng(1).normal(0, strength, source.frames.shape)
    return Video(np.clip(source.frames + noise, 0, 255).astype(np.uint8), 8.0)


def measured(name, first, second):
    return MetricRegistry.get(name).measure(Clip("k", "c", lambda: first, paired=second and (lambda: second)))


@pytest.mark.parametrize("strength", [1, 20, 200])
def test_psnr_is_scikit_images(strength):
    first = video()
    second = noisy(first, strength)
    pairs = zip(second.frames, first.frames, strict=True)
    expected = np.mean([peak_signal_noise_ratio(a, b, data_range=255) for a, b in pairs])
    assert measured("psnr", first, second).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("strength", [1, 20, 200])
def test_ssim_is_scikit_images(strength):
    first = video()
    second = noisy(first, strength)
    expected = np.mean([
        structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2
        )
        for a, b in zip(first.frames, second.frames, strict=True)
    ])  # fmt: skip
    assert measured("ssim", first, second).value == pytest.approx(expected, abs=1e-9)


def test_identical_clips_meet_the_stated_cap():
    seen = measured("psnr", video(), video())
    assert seen.value == 60.0
    metric = MetricRegistry.get("psnr")
    state = State()
    for key in "ab":
        metric.update(state, Clip(key, key, video, paired=video))
    result = metric.compute(state, Context("psnr"))
    assert result.value == 60.0
    assert any("equal their pair" in line for line in result.warnings)
    assert measured("ssim", video(), video()).value == pytest.approx(1.0)


def test_one_wrong_pixel_is_below_the_cap_only_when_it_is():
    frames = np.zeros((1, 16, 16, 3), np.uint8)
    other = frames.copy()
    other[0, 0, 0, 0] = 200
    expected = 10 * np.log10(255**2 / (200**2 / frames.size))
    assert measured("psnr", Video(frames, 8.0), Video(other, 8.0)).value == pytest.approx(expected)
    other[0, 0, 0, 0] = 1
    assert measured("psnr", Video(frames, 8.0), Video(other, 8.0)).value == 60.0


@pytest.mark.parametrize("name", ["psnr", "ssim"])
def test_what_cannot_be_paired_says_why(name):
    def broken():
        raise InvalidVideoError("real.mp4 is empty (0 bytes)")

    with pytest.raises(MetricComputationError, match="no real clip"):
        measured(name, video(), None)
    with pytest.raises(MetricComputationError, match="differs in frames"):
        measured(name, video(), video(shape=(4, 24, 31, 3)))
    with pytest.raises(MetricComputationError, match=r"broken: real\.mp4 is empty"):
        MetricRegistry.get(name).measure(Clip("k", "c", video, paired=broken))


def test_ssim_needs_room_for_its_window():
    with pytest.raises(MetricComputationError, match="11 pixels"):
        measured("ssim", video(shape=(2, 8, 8, 3)), video(shape=(2, 8, 8, 3)))


def test_the_ssim_map_is_scikit_images():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (40, 33, 3), np.uint8)
    second = np.clip(first + rng.normal(0, 20, first.shape), 0, 255).astype(np.uint8)
    _, theirs = structural_similarity(
        first, second, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2,
        full=True,
    )  # fmt: skip
    inner = (slice(5, -5), slice(5, -5))
    np.testing.assert_allclose(ssim_map(first, second)[inner], theirs[inner], atol=1e-9)
