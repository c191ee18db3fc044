"""Each protocol against the processor that publishes it, or against its definition written out where that processor
needs torchvision."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch.nn.functional import interpolate
from transformers import BitImageProcessorPil, CLIPImageProcessorPil, VideoMAEImageProcessorPil

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.preprocessing import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD

PICTURES = {
    "astronaut, 512x512": data.astronaut,
    "coffee, 400x600": data.coffee,
    "cat, 300x451": data.chelsea,
    "rocket upright, 640x427": lambda: np.ascontiguousarray(data.rocket().transpose(1, 0, 2)),
    "small cat, 75x113": lambda: np.ascontiguousarray(data.chelsea()[::4, ::4]),
    "as large as the target": lambda: data.astronaut()[100:324, 100:324],
    "noise, 101x337": lambda: noise(101, 337),
    "noise, 613x229": lambda: noise(613, 229),
    "noise, 5x7": lambda: noise(5, 7),
    "black and white": lambda: (noise(240, 311) // 128 * 255).astype(np.uint8),
}
LEVEL = 1 / 255 / min(IMAGENET_STD)
"""One grey level on the scale of a network."""


def noise(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(params=PICTURES)
def frames(request):
    """Two frames (2, H, W, 3), so that a mix-up along the first axis shows."""
    picture = PICTURES[request.param]()
    return np.stack([picture, picture[::-1, ::-1]])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (preprocessing.CLIP, CLIPImageProcessorPil()),
        (
            preprocessing.DINOV2,
            BitImageProcessorPil(size={"shortest_edge": 256}, image_mean=IMAGENET_MEAN, image_std=IMAGENET_STD),
        ),
    ],
    ids=["clip", "dinov2"],
)
def test_equal_to_the_processor_bit_for_bit(frames, ours, theirs):
    expected = theirs(list(frames), return_tensors="pt").pixel_values
    assert torch.equal(ours(frames), expected)


def test_dinov2_fd_is_dgm_evals_transform_with_pillow(frames):
    """Resize((224, 224), BICUBIC) of the PIL image, ToTensor, Normalize."""
    pictures = [np.asarray(Image.fromarray(frame).resize((224, 224), Image.Resampling.BICUBIC)) for frame in frames]
    unit = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(torch.float32) / 255
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    assert (preprocessing.DINOV2_FD(frames) - (unit - mean) / std).abs().max() < 1e-6


def test_videomae_is_equal_to_its_processor_bit_for_bit(frames):
    processor = VideoMAEImageProcessorPil(image_mean=IMAGENET_MEAN, image_std=IMAGENET_STD)
    expected = processor(list(frames), return_tensors="pt").pixel_values[0]
    assert torch.equal(preprocessing.VIDEOMAE(frames), expected)


def vbench(frames, mode):
    """torchvision's Resize(224, antialias=False) of the float tensor that VBench's load_video gives, written out."""
    tensor = torch.Tensor(frames).permute(0, 3, 1, 2)
    height, width = tensor.shape[2:]
    short, long = min(height, width), max(height, width)
    size = (224, int(224 * long / short)) if height <= width else (int(224 * long / short), 224)
    if size != (height, width):
        tensor = interpolate(tensor, size=size, mode=mode, align_corners=False)
    return tensor


def normalised(tensor, mean, std):
    scaled = tensor.float().div(255.0)
    return scaled.sub_(torch.tensor(mean).view(-1, 1, 1)).div_(torch.tensor(std).view(-1, 1, 1))


def centre(tensor, size):
    """torchvision's CenterCrop."""
    top, left = (round((side - size) / 2.0) for side in tensor.shape[2:])
    return tensor[:, :, top : top + size, left : left + size]


def test_vbench_clip_is_its_definition_bit_for_bit(frames):
    expected = normalised(centre(vbench(frames, "bicubic"), 224), CLIP_MEAN, CLIP_STD)
    assert torch.equal(preprocessing.CLIP_VBENCH(frames), expected)


def test_vbench_dino_is_its_definition_bit_for_bit(frames):
    expected = normalised(vbench(frames, "bilinear"), IMAGENET_MEAN, IMAGENET_STD)
    assert torch.equal(preprocessing.DINO_VBENCH(frames), expected)


def test_the_sampled_kernel_is_the_bilinear_formula():
    """Four neighbours, half-pixel centres, edges repeated; in float64."""
    frame = noise(131, 97)
    rows, columns = (np.clip((np.arange(224) + 0.5) * side / 224 - 0.5, 0, side - 1) for side in (131, 97))
    tall = int(224 * 131 / 97)
    rows = np.clip((np.arange(tall) + 0.5) * 131 / tall - 0.5, 0, 130)
    top, left = rows.astype(int), columns.astype(int)
    bottom, right = np.minimum(top + 1, 130), np.minimum(left + 1, 96)
    down, across = (rows - top)[:, None, None], (columns - left)[None, :, None]
    source = frame.astype(float)
    upper = source[top][:, left] * (1 - across) + source[top][:, right] * across
    lower = source[bottom][:, left] * (1 - across) + source[bottom][:, right] * across
    expected = (upper * (1 - down) + lower * down) / 255
    seen = preprocessing.DINO_VBENCH(frame[None])[0] * torch.tensor(IMAGENET_STD).view(3, 1, 1)
    seen = (seen + torch.tensor(IMAGENET_MEAN).view(3, 1, 1)).permute(1, 2, 0).numpy()
    assert np.abs(seen - expected).max() < 1e-5


def test_videomae_v2_stretches_floats(frames):
    tensor = torch.from_numpy(frames).permute(3, 0, 1, 2).to(torch.float32) / 255
    expected = interpolate(tensor, size=(224, 224), mode="bilinear", align_corners=False).permute(1, 0, 2, 3)
    seen = preprocessing.VIDEOMAE_V2(frames)
    assert seen.shape == (2, 3, 224, 224)
    torch.testing.assert_close(seen, expected, rtol=0, atol=1e-6)


def test_vjepa2_is_within_a_grey_level_of_its_processor(frames):
    """Its processor exists on torchvision only: uint8 bilinear with antialias, shorter side 292, crop, one fused scale;
    the crop is transformers' own, which rounds down."""
    tensor = torch.from_numpy(frames).permute(0, 3, 1, 2)
    height, width = tensor.shape[2:]
    short, long = min(height, width), max(height, width)
    size = (292, int(292 * long / short)) if height <= width else (int(292 * long / short), 292)
    resized = interpolate(tensor, size=size, mode="bilinear", align_corners=False, antialias=True)
    mean, std = (torch.tensor(values).view(3, 1, 1) * 255 for values in (IMAGENET_MEAN, IMAGENET_STD))
    top, left = (int((side - 256) / 2.0) for side in size)
    expected = (resized[:, :, top : top + 256, left : left + 256].float() - mean) / std
    difference = (preprocessing.VJEPA2(frames) - expected).abs()
    assert difference.max() < 1.01 * LEVEL
    assert difference.mean() < 0.02 * LEVEL


def test_every_grey_level_is_scaled_as_torchvision_scales_it():
    levels = torch.arange(256, dtype=torch.uint8).repeat(3, 1)
    seen = [preprocessing._scale(mean, std) for mean, std in zip(CLIP_MEAN, CLIP_STD, strict=True)]
    expected = normalised(levels[None, :, :, None], CLIP_MEAN, CLIP_STD)
    assert np.array_equal(np.stack(seen), expected[0, :, :, 0].numpy())


def test_frames_too_long_and_thin_are_refused():
    with pytest.raises(MetricComputationError, match="340x20"):
        preprocessing.CLIP(noise(20, 340)[None])
    assert preprocessing.CLIP(noise(20, 320)[None]).shape == (1, 3, 224, 224)
    assert preprocessing.VIDEOMAE_V2(noise(2, 340)[None]).shape == (1, 3, 224, 224)


def test_the_description_names_every_field():
    everything = [
        value for name, value in vars(preprocessing).items() if isinstance(value, preprocessing.Preprocessing)
    ]
    assert len({value.describe() for value in everything}) == len(everything) == 8
    assert preprocessing.CLIP_VBENCH.describe() == (
        "shorter side 224, bicubic, no antialias (torch interpolate, half-pixel centres) of floats 0..255, not "
        "rounded; centre crop 224, half margins rounded to even; 0..1, minus [0.48145466, 0.4578275, "
        "0.40821073], divided by [0.26862954, 0.26130258, 0.27577711]"
    )
