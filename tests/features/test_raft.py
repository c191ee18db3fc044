"""What surrounds the network, and where it is absent. Where torchvision is installed, the network itself."""

import importlib.util
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch

from natural import natural_clip
from tiny_networks import use_networks
from vid_diffusion_bench.exceptions import MetricComputationError, MissingDependencyError, WeightsNotFoundError
from vid_diffusion_bench.features import Clip, get_extractor
from vid_diffusion_bench.features.motion import Motion
from vid_diffusion_bench.features.networks import raft
from vid_diffusion_bench.metrics import MetricRegistry, unavailable
from vid_diffusion_bench.video import Video

METRICS = ("dynamic_degree:raft", "dynamic_degree:vbench-0.1.5", "temporal_flickering:vbench-0.1.5")
HERE = importlib.util.find_spec("torchvision") is not None
FILE = "raft_large_C_T_V1-22a6c225.pth"


def absent(*names):
    raise PackageNotFoundError("torchvision")


@pytest.mark.parametrize("name", METRICS)
def test_without_torchvision_the_metric_says_how_to_install_it(monkeypatch, name):
    monkeypatch.setattr(raft, "versions", absent)
    assert "pip install torchvision" in unavailable(MetricRegistry.get(name))
    with pytest.raises(MissingDependencyError):
        get_extractor("raft-motion").identity()


@pytest.mark.skipif(HERE, reason="torchvision is installed")
def test_the_network_cannot_be_made_without_torchvision():
    with pytest.raises(MissingDependencyError, match="torchvision"):
        raft.constructor()


@pytest.mark.parametrize("name", METRICS)
def test_without_weights_the_metric_says_which_file(monkeypatch, name):
    monkeypatch.setattr(raft, "versions", lambda *names: dict.fromkeys(names, "0.28.0"))
    assert FILE in unavailable(MetricRegistry.get(name))
    with pytest.raises(WeightsNotFoundError):
        get_extractor("raft-motion-8fps").identity()


@pytest.mark.parametrize(("height", "width"), [(128, 128), (129, 135), (121, 140)])
def test_frames_are_padded_as_vbenchs_input_padder_does(height, width):
    """``InputPadder`` of RAFT's utils.py, written out: half of what is missing on each side, the border repeated."""
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    down, right = (((height // 8) + 1) * 8 - height) % 8, (((width // 8) + 1) * 8 - width) % 8
    around = ((down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0))
    expected = 2 * (np.pad(frame, around, mode="edge").astype(np.float32) / 255) - 1
    assert np.array_equal(raft._tensor(frame)[0].permute(1, 2, 0).numpy(), expected)


class Shifted(torch.nn.Module):
    """Flow of as many pixels to the right as the mean level of the second frame exceeds the first's."""

    def forward(self, first, second, num_flow_updates):
        assert num_flow_updates == 20
        flow = torch.zeros(1, 2, *first.shape[2:])
        flow[:, 0] = (second.mean() - first.mean()) * 127.5
        return [torch.zeros_like(flow), flow]


@pytest.fixture
def shifted(monkeypatch):
    monkeypatch.setattr(raft, "load_network", lambda name, load: Shifted())


def levels(values, fps=8.0):
    frames = np.ones((len(values), 125, 128, 3), np.uint8) * np.array(values, np.uint8).reshape(-1, 1, 1, 1)
    return Clip("k", "c", lambda: Video(frames, fps))


def test_speeds_are_those_of_every_pair_and_of_the_ends(shifted):
    motion = levels([10, 13, 13, 20]).feature("raft-motion")
    assert motion.top2 == pytest.approx([3, 0, 7], abs=1e-4)
    assert motion.top5 == pytest.approx([3, 0, 7], abs=1e-4)
    assert motion.ends == pytest.approx([10, 10], abs=1e-4)
    assert motion.short_side == 125


def test_faster_clips_are_taken_at_eight_frames_a_second(shifted):
    assert levels([0, 1, 2, 10, 11, 12, 30], fps=24.0).feature("raft-motion-8fps") == pytest.approx([10, 20], abs=1e-4)


def test_the_static_filter_and_the_degree_follow_the_flow(shifted):
    still, moving = levels([10, 11] * 6), levels([10, 20, 30, 40])
    flickering = MetricRegistry.get("temporal_flickering:vbench-0.1.5")
    assert flickering.measure(still).value == pytest.approx(254 / 255)
    with pytest.raises(MetricComputationError, match="moves"):
        flickering.measure(moving)
    assert [MetricRegistry.get("dynamic_degree:raft").measure(clip).value for clip in (still, moving)] == [0.0, 1.0]


def test_both_flows_have_one_static_filter():
    rng, verdicts = np.random.default_rng(0), set()
    for _ in range(100):
        top2, ends = rng.exponential(2, int(rng.integers(1, 40))), rng.exponential(6, 2)
        static = raft.RaftMotion(top2, top2, ends, 256).is_static()
        assert static == Motion(top2, top2, ends, top2, top2, top2, 256).is_static()
        verdicts.add(static)
    assert verdicts == {True, False}


def test_what_raft_cannot_read_says_so(shifted):
    with pytest.raises(MetricComputationError, match="frames or more"):
        levels([10]).feature("raft-motion")
    small = Clip("k", "c", lambda: Video(np.zeros((3, 120, 400, 3), np.uint8), 8.0))
    with pytest.raises(MetricComputationError, match="121 pixels"):
        small.feature("raft-motion")


@pytest.mark.skipif(not HERE, reason="torchvision is not installed")
def test_the_network_is_torchvisions(tmp_path, monkeypatch):
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(0)
    network = raft_large(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / FILE)
    use_networks(monkeypatch, tmp_path)
    frames = natural_clip("pan", 0, 2, 128, 136)[0].frames
    first, second = (torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 127.5 - 1 for frame in frames)
    with torch.inference_mode():
        expected = network(first, second, num_flow_updates=20)[-1][0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(raft.between(*frames), expected, atol=1e-3)
