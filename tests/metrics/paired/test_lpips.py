"""Witness: the definition written out on the state dicts. The heads are the published ones, the trunks random."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lpips_weights import ALEXNET, FILES, VGG16, save_lpips
from natural import natural_clip
from tiny_networks import use_networks
from vid_diffusion_bench.exceptions import MetricComputationError, ModelLoadingError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, MetricRegistry, State, unavailable
from vid_diffusion_bench.metrics.paired import lpips as metric_module
from vid_diffusion_bench.video import Video

KINDS = {
    "lpips": ("alex", ALEXNET, (0, 3, 6, 8, 10), (3, 6)),
    "lpips:vgg": ("vgg", VGG16, (2, 7, 14, 21, 28), (5, 10, 17, 24)),
}
"""File, convolutions, those whose rectified output is compared, those before which the picture is pooled."""
FRAMES = natural_clip("pan", 0, 3, 43, 61)[0].frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_lpips(tmp_path_factory.mktemp("lpips"))


@pytest.fixture
def weights(folder, monkeypatch):
    return use_networks(monkeypatch, folder)


def noisy(strength):
    noise = np.random.default_rng(1).normal(0, strength, FRAMES.shape)
    return np.clip(FRAMES + noise, 0, 255).astype(np.uint8)


def measured(name, frames, paired=FRAMES):
    clip = Clip("k", "c", lambda: Video(frames, 8.0), paired=lambda: Video(paired, 8.0))
    return MetricRegistry.get(name).measure(clip).value


def written_out(name, folder, first, second):
    """LPIPS 0.1 of two frames, in float64."""
    file, shapes, compared, pooled = KINDS[name]
    trunk, heads = (torch.load(folder / path, "cpu", weights_only=True) for path in (FILES[file], f"{file}.pth"))
    strides = {"alex": {0: (4, 2), 3: (1, 2)}, "vgg": {}}[file]

    def layers(frame):
        x = torch.from_numpy(frame.astype(np.float64) / 127.5 - 1).permute(2, 0, 1)[None]
        x = (x - torch.tensor([-0.030, -0.088, -0.188]).double()[:, None, None]) / torch.tensor(
            [0.458, 0.448, 0.450]
        ).double()[:, None, None]
        for place in shapes:
            if place in pooled:
                x = functional.max_pool2d(x, 3 if file == "alex" else 2, 2)
            stride, padding = strides.get(place, (1, 1))
            weight, bias = (trunk[f"features.{place}.{part}"].double() for part in ("weight", "bias"))
            x = functional.conv2d(x, weight, bias, stride=stride, padding=padding).relu()
            if place in compared:
                yield x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)

    total = 0.0
    for i, (x, y) in enumerate(zip(layers(first), layers(second), strict=True)):
        weighted = heads[f"lin{i}.model.1.weight"].double() * (x - y) ** 2
        total += float(weighted.sum(1).mean())
    return total


@pytest.mark.parametrize("name", KINDS)
def test_it_is_the_definition(weights, name):
    second = noisy(25)
    expected = np.mean([written_out(name, weights, a, b) for a, b in zip(second, FRAMES, strict=True)])
    assert expected > 1e-3
    assert measured(name, second) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_equal_clips_have_no_distance_and_more_noise_has_more(weights, name):
    ladder = [measured(name, noisy(strength)) for strength in (5, 20, 60)]
    assert measured(name, FRAMES) == 0
    assert np.diff([0, *ladder]).min() > 0
    assert measured(name, FRAMES, noisy(20)) == pytest.approx(ladder[1], rel=1e-5)


def test_frames_are_passed_in_portions(weights, monkeypatch):
    whole = measured("lpips", noisy(25))
    monkeypatch.setattr(metric_module, "PIXELS", 1)
    assert measured("lpips", noisy(25)) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(("name", "side"), [("lpips", 31), ("lpips:vgg", 16)])
def test_the_smallest_frames(weights, name, side):
    assert measured(name, FRAMES[:, :side, :side], noisy(20)[:, :side, :side]) > 0
    with pytest.raises(MetricComputationError, match=f"{side} pixels"):
        measured(name, FRAMES[:, : side - 1], FRAMES[:, : side - 1])


@pytest.mark.parametrize("name", KINDS)
def test_shards_merge_and_the_protocol_names_both_files(weights, name):
    metric, states = MetricRegistry.get(name), []
    for key, strength in (("a", 5), ("b", 30)):
        states.append(State())
        clip = Clip(key, key, lambda s=strength: Video(noisy(s), 8.0), paired=lambda: Video(FRAMES, 8.0))
        metric.update(states[-1], clip)
    results = [metric.compute(a.merge(b), Context(name)) for a, b in (states, states[::-1])]
    assert results[0] == results[1]
    assert results[0].value == pytest.approx(np.mean([measured(name, noisy(s)) for s in (5, 30)]))
    assert len(results[0].protocol["network"]["weights_sha256"]) == 64
    assert results[0].protocol["network"]["heads_sha256"][:8] in ("df73285e", "a78928a0")
    assert not results[0].higher_is_better


def test_without_weights_it_says_which_file_and_where():
    reason = unavailable(MetricRegistry.get("lpips"))
    assert "alexnet-owt-7be5be79.pth" in reason
    assert "vid-bench weights" in reason


def test_files_that_hold_something_else_are_refused(folder, tmp_path, monkeypatch):
    use_networks(monkeypatch, tmp_path)
    (tmp_path / FILES["alex"]).write_bytes((folder / FILES["vgg"]).read_bytes())
    (tmp_path / "alex.pth").write_bytes((folder / "alex.pth").read_bytes())
    with pytest.raises(ModelLoadingError, match="alexnet"):
        measured("lpips", FRAMES)
