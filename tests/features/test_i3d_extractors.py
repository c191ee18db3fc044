"""What the published FVD protocols make of a clip, against their steps written out in PyTorch."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from natural import natural_clip
from tiny_i3d import random_i3d
from tiny_networks import use_networks
from vid_diffusion_bench.exceptions import MetricComputationError, ModelLoadingError, WeightsNotFoundError
from vid_diffusion_bench.features import Clip, get_extractor
from vid_diffusion_bench.features.i3d import offset_frames
from vid_diffusion_bench.features.i3d_pixels import cdfvd_loaded, cdfvd_pixels, stretch, stretch_tf1
from vid_diffusion_bench.video import Video

EXTRACTORS = ("i3d-styleganv", "i3d-styleganv-offset", "i3d-tf-hub-2019", "i3d-cdfvd")


def natural(num_frames=16, height=48, width=72, seed=0):
    return natural_clip("pan", seed, num_frames, height, width)[0]


def opened(video, key="clip"):
    return Clip(key, key, lambda: video)


def planes(frames):
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)


def as_clip(video):
    """(1, 3, T, H, W) of (T, 3, H, W)."""
    return video.transpose(0, 1)[None]


def stretched(frames):
    small = functional.interpolate(planes(frames).double(), (224, 224), mode="bilinear", align_corners=False)
    return 2 * small / 255 - 1


def cdfvds(frames):
    """cd-fvd's loader to 256 and its ``preprocess_i3d``, as they stand in PyTorch."""
    video = planes(frames).float() / 255.0
    scale = 256 / min(video.shape[2:])
    size = [256 if side == min(video.shape[2:]) else math.ceil(side * scale) for side in video.shape[2:]]
    video = functional.interpolate(video, size=size, mode="bilinear", align_corners=False, antialias=True)
    top, left = (size[0] - 256) // 2, (size[1] - 256) // 2
    video = (video[:, :, top : top + 256, left : left + 256] * 255).byte()
    return stretched(video.permute(0, 2, 3, 1).numpy())


def tf1(frames):
    """Each target pixel from the four at floor and floor + 1 of ``index * in / out``, pixel by pixel."""
    out = np.empty((len(frames), 224, 224, 3))
    height, width = frames.shape[1:3]
    for i in range(224):
        for j in range(224):
            y, x = i * height / 224, j * width / 224
            top, left = int(y), int(x)
            down, right = min(top + 1, height - 1), min(left + 1, width - 1)
            fy, fx = y - top, x - left
            above = frames[:, top, left] * (1 - fx) + frames[:, top, right] * fx
            below = frames[:, down, left] * (1 - fx) + frames[:, down, right] * fx
            out[:, i, j] = above * (1 - fy) + below * fy
    return torch.from_numpy(2 * out / 255 - 1).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [(48, 72), (256, 256), (300, 290), (224, 224)])
def test_the_plain_stretch_is_torchs(size):
    frames = natural(2, *size).frames
    given = planes(stretch(frames))
    assert float((given - stretched(frames)).abs().max()) < 2e-5


@pytest.mark.parametrize("size", [(48, 72), (256, 256), (256, 400), (300, 290), (512, 301)])
def test_cdfvds_loader_is_matched_to_the_grey_level(size):
    frames = np.concatenate([natural(1, *size).frames, np.full((1, *size, 3), 200, np.uint8)])
    assert cdfvd_loaded(frames).shape == (2, 256, 256, 3)
    assert float((planes(cdfvd_pixels(frames)) - cdfvds(frames)).abs().max()) < 2e-5


@pytest.mark.parametrize("size", [(30, 50), (224, 224), (300, 260)])
def test_the_tf1_grid_is_its_definition(size):
    frames = natural(1, *size).frames
    assert float((planes(stretch_tf1(frames)) - tf1(frames)).abs().max()) < 2e-5


def test_a_long_thin_frame_is_refused_not_blown_up():
    with pytest.raises(MetricComputationError, match="too long and thin"):
        cdfvd_loaded(np.zeros((1, 4, 4000, 3), np.uint8))


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize(
    ("name", "pixels"), [("i3d-styleganv", stretched), ("i3d-tf-hub-2019", tf1), ("i3d-cdfvd", cdfvds)]
)
def test_features_are_the_protocols_steps(name, pixels):
    video = natural()
    with torch.inference_mode():
        expected = random_i3d().double()(as_clip(pixels(video.frames)))[0].numpy()
    given = opened(video).feature(name)
    assert given.shape == (400,)
    assert given.dtype == np.float32
    # The grid of TensorFlow is computed in float32 there and here: 300 / 224 is rounded.
    assert np.linalg.norm(given - expected) < 1e-5 * np.linalg.norm(expected)


def test_cdfvds_videomae_sees_what_its_loader_hands_on(tiny_networks):
    frames = natural(16, 48, 72).frames
    read = opened(Video(frames, 8.0)).feature("videomae-v2-giant-ssv2-cdfvd")
    loaded = opened(Video(cdfvd_loaded(frames), 8.0)).feature("videomae-v2-giant-ssv2")
    assert np.array_equal(read, loaded)
    assert not np.array_equal(read, opened(Video(frames, 8.0)).feature("videomae-v2-giant-ssv2"))


@pytest.mark.usefixtures("tiny_networks")
def test_each_protocol_reads_its_own_frames():
    video = natural(24)
    first = Video(video.frames[:16], 8.0)
    for name in ("i3d-styleganv", "i3d-cdfvd"):
        assert np.array_equal(opened(video).feature(name), opened(first).feature(name))
    offset = next(i for i in range(9) if np.array_equal(offset_frames(video), video.frames[i : i + 16]))
    assert offset == int(video.sha256(), 16) % 9
    drawn = opened(Video(video.frames[offset : offset + 16], 8.0)).feature("i3d-styleganv")
    assert np.array_equal(opened(video).feature("i3d-styleganv-offset"), drawn)
    assert not np.array_equal(opened(video).feature("i3d-tf-hub-2019"), opened(first).feature("i3d-tf-hub-2019"))


def test_offsets_are_spread_and_belong_to_the_pixels():
    videos = [
        Video(np.random.default_rng(seed).integers(0, 256, (20, 2, 2, 3)).astype(np.uint8), 8.0) for seed in range(60)
    ]
    offsets = [
        next(i for i in range(5) if np.array_equal(offset_frames(video), video.frames[i : i + 16])) for video in videos
    ]
    assert set(offsets) == set(range(5))
    assert np.array_equal(offset_frames(videos[0]), offset_frames(Video(videos[0].frames, 30.0)))


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize(("name", "frames", "said"), [
    ("i3d-styleganv", 15, "16 frames"), ("i3d-cdfvd", 15, "16 frames"), ("i3d-tf-hub-2019", 8, "9 frames"),
    ("i3d-styleganv-offset", 1, "16 frames"), ("c3d-ucf101", 15, "16 frames"),
])  # fmt: skip
def test_a_short_clip_has_no_feature_and_a_reason(name, frames, said):
    with pytest.raises(MetricComputationError, match=said):
        opened(natural(frames)).feature(name)


@pytest.mark.parametrize("name", EXTRACTORS)
def test_absent_weights_name_their_file(name):
    with pytest.raises(WeightsNotFoundError, match=r"i3d_.*\.pt"):
        get_extractor(name).identity()


def test_identities_differ_in_what_differs(tiny_networks):
    identities = [get_extractor(name).identity() for name in EXTRACTORS]
    assert len({str(identity) for identity in identities}) == len(EXTRACTORS)
    for identity in identities:
        assert len(identity["weights_sha256"]) == 64
        assert identity["torch"] == torch.__version__.partition("+")[0] or identity["torch"] == torch.__version__


def test_a_file_that_is_no_i3d_is_refused(tmp_path, monkeypatch):
    use_networks(monkeypatch, tmp_path)
    torch.save({"a": torch.zeros(1)}, tmp_path / "i3d_pretrained_400.pt")
    with pytest.raises(ModelLoadingError, match="cannot be loaded"):
        opened(natural()).feature("i3d-cdfvd")


def test_inception_gives_features_and_the_logits_of_its_probabilities(tiny_networks):
    video = natural(19)
    given = opened(video).feature("inception-v3-torchscript")
    script = torch.jit.load(str(tiny_networks / "inception-2015-12-05.pt"))
    with torch.inference_mode():
        features = script(planes(video.frames), return_features=True).numpy()
        probabilities = script(planes(video.frames), no_output_bias=True).numpy()
    assert given.features.shape == (19, 2048)
    assert np.allclose(given.features, features, rtol=1e-5, atol=1e-6)
    ours = np.exp(given.logits - given.logits.max(axis=1, keepdims=True))
    assert np.allclose(ours / ours.sum(axis=1, keepdims=True), probabilities, rtol=1e-4)


def test_c3d_gives_the_probabilities_of_its_file(tiny_networks):
    video = natural(20)
    script = torch.jit.load(str(tiny_networks / "c3d_ucf101.pt"))
    raw = torch.from_numpy(video.frames[:16]).permute(3, 0, 1, 2)[None]
    with torch.inference_mode():
        expected = script(raw)[0].numpy()
    given = opened(video).feature("c3d-ucf101")
    assert given.shape == (101,)
    assert np.array_equal(given, expected)
