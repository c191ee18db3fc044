"""Resizing against torch, Pillow and the definition written out with float64 weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from natural import photograph
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.video import centre_crop, resize, resize_8bit, resize_tf1, short_side, short_side_size

EXACT = 1e-3
"""Grey levels between ours and the definition; 2e-4 at most is seen, float32's own rounding of values up to 300."""
TORCH = 0.05
"""Grey levels between ours and torch in float32, which computes the positions in float32."""
SIZES = [(24, 24), (64, 40), (11, 95), (33, 48), (1, 1), (66, 94), (224, 224)]
KINDS = [("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True)]


def clips():
    noise = np.random.default_rng(0).integers(0, 256, (2, 33, 47, 3), dtype=np.uint8)
    photographs = [photograph(name)[None, :301, :400] for name in ("coffee", "chelsea")]
    return [noise, *photographs]


def hat(x):
    return np.maximum(0, 1 - np.abs(x))


def cubic(x, a):
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def weights(source, target, kind, antialias):
    """(target, source) weights: half-pixel centres; repeated edges, or a widened kernel cut and renormalised there."""
    matrix = np.zeros((target, source))
    scale = source / target
    stretch = max(1.0, scale) if antialias else 1.0
    reach = 1 if kind == "bilinear" else 2
    for row in range(target):
        centre = (row + 0.5) * scale - 0.5
        if not antialias:
            taps = np.arange(np.floor(centre) - reach + 1, np.floor(centre) + reach + 1)
            values = hat(taps - centre) if kind == "bilinear" else cubic(taps - centre, -0.75)
            np.add.at(matrix[row], np.clip(taps, 0, source - 1).astype(int), values)
            continue
        taps = np.arange(source)
        distance = (taps - centre) / stretch
        values = hat(distance) if kind == "bilinear" else cubic(distance, -0.5)
        # Pillow and torch take the taps whose centres lie within half a pixel of the kernel's reach.
        low, high = int(centre + 0.5 - reach * stretch + 0.5), int(centre + 0.5 + reach * stretch + 0.5)
        values[: max(low, 0)] = values[high:] = 0
        matrix[row] = values / values.sum()
    return matrix


def defined(frames, height, width, kind, antialias):
    down = weights(frames.shape[1], height, kind, antialias)
    across = weights(frames.shape[2], width, kind, antialias)
    return np.einsum("yh,thwc,xw->tyxc", down, frames.astype(float), across, optimize=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "antialias"), KINDS)
def test_resize_is_the_definition(kind, antialias, size):
    for frames in clips():
        resized = resize(frames, *size, filter=kind, antialias=antialias)
        assert resized.dtype == np.float32
        np.testing.assert_allclose(resized, defined(frames, *size, kind, antialias), atol=EXACT, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "antialias"), KINDS)
def test_resize_is_torchs_interpolate(kind, antialias, size):
    for frames in clips():
        tensor = torch.from_numpy(frames).permute(0, 3, 1, 2)
        options = {"mode": kind, "antialias": antialias, "align_corners": False}
        exact = torch.nn.functional.interpolate(tensor.double(), size, **options).permute(0, 2, 3, 1).numpy()
        single = torch.nn.functional.interpolate(tensor.float(), size, **options).permute(0, 2, 3, 1).numpy()
        resized = resize(frames, *size, filter=kind, antialias=antialias)
        np.testing.assert_allclose(resized, exact, atol=EXACT, rtol=0)
        np.testing.assert_allclose(resized, single, atol=TORCH, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
def test_the_8_bit_resize_is_pillows_own_and_near_the_unrounded(kind, size):
    kernel = Image.Resampling[kind.upper()]
    for frames in clips():
        resized = resize_8bit(frames, *size, filter=kind)
        assert resized.dtype == np.uint8
        for frame, ours in zip(frames, resized, strict=True):
            np.testing.assert_array_equal(ours, np.asarray(Image.fromarray(frame).resize(size[::-1], kernel)))
    # Where nothing is clipped between the passes, two roundings of a half each (bicubic weights add to 1.25).
    calm = clips()[0] // 3 + 85
    unrounded = resize(calm, *size, filter=kind, antialias=True)
    assert np.abs(resize_8bit(calm, *size, filter=kind) - unrounded).max() <= 1.3


def test_antialiasing_matters_when_shrinking_and_not_when_enlarging():
    frames = clips()[0]
    assert np.abs(resize(frames, 11, 11) - resize(frames, 11, 11, antialias=True)).max() > 20
    np.testing.assert_allclose(resize(frames, 66, 94), resize(frames, 66, 94, antialias=True), atol=EXACT)


@pytest.mark.parametrize(("kind", "antialias"), KINDS)
def test_the_same_size_changes_nothing_and_a_flat_frame_stays_flat(kind, antialias):
    frames = clips()[0]
    np.testing.assert_array_equal(resize(frames, 33, 47, filter=kind, antialias=antialias), frames)
    flat = np.full((1, 20, 30, 3), 77, np.uint8)
    np.testing.assert_allclose(resize(flat, 13, 64, filter=kind, antialias=antialias), 77, atol=EXACT)


def tf1_by_loops(frame, height, width):
    """``ResizeBilinear`` of TensorFlow with align_corners=False and half_pixel_centers=False, a pixel at a time."""
    rows, columns = frame.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        at_y = np.float32(y) * (np.float32(rows) / np.float32(height))
        top, bottom = int(at_y), min(int(at_y) + 1, rows - 1)
        for x in range(width):
            at_x = np.float32(x) * (np.float32(columns) / np.float32(width))
            left, right = int(at_x), min(int(at_x) + 1, columns - 1)
            tl, tr = frame[top, left].astype(np.float32), frame[top, right].astype(np.float32)
            bl, br = frame[bottom, left].astype(np.float32), frame[bottom, right].astype(np.float32)
            upper = tl + (tr - tl) * np.float32(at_x - left)
            lower = bl + (br - bl) * np.float32(at_x - left)
            out[y, x] = upper + (lower - upper) * np.float32(at_y - top)
    return out


@pytest.mark.parametrize("size", [(24, 24), (40, 64), (33, 47), (1, 1), (66, 94)])
def test_the_tensorflow_1_resize_is_its_kernel_bit_for_bit(size):
    frames = clips()[0]
    np.testing.assert_array_equal(resize_tf1(frames, *size)[1], tf1_by_loops(frames[1], *size))


def test_the_tensorflow_1_grid_keeps_pixel_zero_and_the_half_pixel_grid_does_not():
    ramp = np.broadcast_to(np.arange(0, 64, dtype=np.uint8)[:, None], (1, 8, 64, 3)).copy()
    np.testing.assert_allclose(resize_tf1(ramp, 8, 16)[0, 0, :, 0], 4 * np.arange(16))
    np.testing.assert_allclose(resize(ramp, 8, 16)[0, 0, :, 0], 4 * np.arange(16) + 1.5, atol=EXACT)


@settings(max_examples=200)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 512))
def test_the_short_side_is_the_size_and_the_long_one_rounds_down(height, width, size):
    tall, wide = short_side_size(height, width, size)
    assert min(tall, wide) == size
    assert max(tall, wide) == size * max(height, width) // min(height, width)
    assert (tall >= wide) == (height >= width) or tall == wide


def test_the_short_side_is_that_of_transformers():
    from transformers.image_transforms import get_resize_output_image_size

    for height, width, size in ((480, 640, 224), (719, 1280, 224), (500, 333, 256), (100, 100, 7), (1281, 721, 299)):
        image = np.zeros((height, width, 3), np.uint8)
        assert short_side_size(height, width, size) == get_resize_output_image_size(
            image, size, default_to_square=False
        )


def test_short_side_and_crop_together():
    frames = clips()[1]
    resized = short_side(frames, 50, filter="bicubic", antialias=True)
    assert resized.shape == (1, 50, 66, 3)
    np.testing.assert_array_equal(resized, resize(frames, 50, 66, filter="bicubic", antialias=True))
    np.testing.assert_array_equal(centre_crop(resized, 50, 50), resized[:, :, 8:58])


def test_the_centre_crop_is_that_of_transformers_and_of_torchvisions_rule():
    from transformers.image_transforms import center_crop

    frames = np.random.default_rng(1).integers(0, 256, (1, 15, 18, 3), dtype=np.uint8)
    for height, width in ((8, 8), (15, 18), (12, 11), (1, 1), (10, 13)):
        np.testing.assert_array_equal(centre_crop(frames, height, width)[0], center_crop(frames[0], (height, width)))
        top, left = round((15 - height) / 2.0), round((18 - width) / 2.0)
        even = centre_crop(frames, height, width, rounding="even")
        np.testing.assert_array_equal(even, frames[:, top : top + height, left : left + width])
    assert (centre_crop(frames, 12, 18, rounding="even")[0, 0] == frames[0, 2]).all()
    assert (centre_crop(frames, 12, 18)[0, 0] == frames[0, 1]).all()


def test_what_cannot_be_is_refused():
    frames = clips()[0]
    with pytest.raises(ValidationError, match="cropped"):
        centre_crop(frames, 34, 10)
    for refused in (resize, resize_8bit, resize_tf1):
        with pytest.raises(ValidationError, match="0x5"):
            refused(frames, 5, 0)
