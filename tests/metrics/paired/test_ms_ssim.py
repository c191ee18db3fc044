"""Witnesses: the paper's formula written out, torchmetrics where it does the same, scikit-image."""

import cv2
import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from natural import natural_clip
from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.metrics.paired.ms_ssim import WEIGHTS, ms_ssim
from vid_diffusion_bench.metrics.paired.ssim import ssim, ssim_map
from vid_diffusion_bench.video import Video

FIRST = natural_clip("pan", 0, 1, 201, 190)[0].frames


def noisy(frames, strength):
    noise = np.random.default_rng(1).normal(0, strength, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


DAMAGE = {
    "noise": noisy(FIRST, 20),
    "blur": np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in FIRST]),
    "dark": (FIRST // 2).astype(np.uint8),
    "negative": 255 - FIRST,
}


def halved(image):
    height, width = (side // 2 for side in image.shape[:2])
    return cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)


def window(image):
    """Weighted means over the 11x11 windows that lie in one channel (H, W)."""
    kernel = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    return convolve2d(image, np.outer(kernel, kernel) / kernel.sum() ** 2, mode="valid")


def written_out(x, y):
    """MS-SSIM of two channels (H, W) in 0..255, by the paper."""
    c1, c2, product = (0.01 * 255) ** 2, (0.03 * 255) ** 2, 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mx, my = window(x), window(y)
        vx, vy, cov = window(x * x) - mx**2, window(y * y) - my**2, window(x * y) - mx * my
        term = (2 * cov + c2) / (vx + vy + c2)
        if scale == 4:
            term = term * (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        product *= max(0, term.mean()) ** weight
        x, y = halved(x), halved(y)
    return product


@pytest.mark.parametrize("damage", DAMAGE)
def test_it_is_the_papers_formula(damage):
    second = DAMAGE[damage]
    expected = np.mean([
        written_out(a[..., c].astype(float), b[..., c].astype(float))
        for a, b in zip(FIRST, second, strict=True)
        for c in range(3)
    ])  # fmt: skip
    clip = Clip("k", "c", lambda: Video(second, 8.0), paired=lambda: Video(FIRST, 8.0))
    assert MetricRegistry.get("ms_ssim").measure(clip).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != "negative"])
def test_torchmetrics_differs_only_in_the_border_of_the_coarsest_scale(damage):
    """It averages the last SSIM over a mirrored border as well; the finer scales without one, as the paper."""
    x, y = FIRST[0, ..., :1].astype(float), DAMAGE[damage][0, ..., :1].astype(float)
    a, b = (torch.from_numpy(image[..., 0])[None, None] for image in (x, y))
    theirs = multiscale_structural_similarity_index_measure(b, a, data_range=255.0, betas=WEIGHTS, normalize="relu")
    ours = ms_ssim(x, y)
    for _ in range(4):
        x, y = (halved(image)[..., None] for image in (x, y))
    bordered, inner = ssim_map(x, y).mean(), ssim(x, y)
    assert float(theirs) == pytest.approx(ours * (bordered / inner) ** WEIGHTS[-1], rel=1e-7)
    without_border = structural_similarity(
        x[..., 0], y[..., 0], gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert inner == pytest.approx(without_border, rel=1e-9)


def test_equal_images_have_one_and_more_noise_has_less():
    assert ms_ssim(FIRST[0], FIRST[0]) == pytest.approx(1.0, abs=1e-12)
    ladder = [ms_ssim(noisy(FIRST[:1], strength)[0], FIRST[0]) for strength in (2, 8, 30, 80)]
    assert np.diff(ladder).max() < 0


def test_it_is_symmetric_and_not_ssim():
    a, b = FIRST[0], DAMAGE["noise"][0]
    assert ms_ssim(a, b) == pytest.approx(ms_ssim(b, a), rel=1e-12)
    assert abs(ms_ssim(a, b) - ssim(a, b)) > 0.05


def test_the_exponents_are_the_papers():
    assert sum(WEIGHTS) == pytest.approx(1.0001)


def test_small_frames_have_no_five_scales():
    ms_ssim(FIRST[0, :176, :176], FIRST[0, :176, :176])
    with pytest.raises(MetricComputationError, match="176"):
        ms_ssim(FIRST[0, :175], FIRST[0, :175])
