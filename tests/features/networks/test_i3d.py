"""I3D: against its definition in the paper's terms, its forms against each other, and the files it is read from."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tiny_i3d import OtherI3D, StyleganvI3D, random_i3d, save_script, traced
from vid_diffusion_bench.features.i3d_pixels import stretch
from vid_diffusion_bench.features.networks import prepacked
from vid_diffusion_bench.features.networks.i3d import I3D, max_pool, same_padding
from vid_diffusion_bench.features.networks.i3d_files import ScriptedI3D, load_script, load_state, tensor
from vid_diffusion_bench.features.networks.prepacked import PrepackedI3D, fastest, usable
from vid_diffusion_bench.features.networks.winograd import WinogradConvolution


def apart(given, expected):
    return float((given - expected).norm() / expected.norm())


def clips(num_frames=16, seed=0):
    torch.manual_seed(seed)
    return torch.rand(1, num_frames, 224, 224, 3).mul(2).sub(1).permute(0, 4, 1, 2, 3)


def frames(num_frames=16, height=40, width=56, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3)).astype(np.uint8)


def test_the_published_size_and_names():
    with torch.device("meta"):
        state = I3D().state_dict()
    weights = {name: tuple(value.shape) for name, value in state.items()}
    assert weights["Conv3d_1a_7x7.conv3d.weight"] == (64, 3, 7, 7, 7)
    assert weights["Mixed_4b.b1b.conv3d.weight"] == (208, 96, 3, 3, 3)
    assert weights["Mixed_5c.b3b.bn.running_var"] == (128,)
    assert weights["logits.conv3d.weight"] == (400, 1024, 1, 1, 1)
    # Carreira and Zisserman 2017, table 1: 12 million parameters without the 600 + ... classes of other data sets.
    learned = sum(np.prod(shape) for name, shape in weights.items() if "running" not in name and "num_" not in name)
    assert 12.6e6 < learned < 12.8e6


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 3))
def test_padding_is_tensorflows_same(size, kernel, stride):
    (before, *_), (after, *_) = same_padding((size,) * 3, (kernel,) * 3, (stride,) * 3)
    out = -(-size // stride)
    needed = max((out - 1) * stride + kernel - size, 0)
    assert (before, after) == (needed // 2, needed - needed // 2)


@pytest.mark.parametrize("size", [(8, 14, 15), (9, 15, 14), (5, 7, 7)])
@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))],
)
def test_pooling_equals_padding_with_zeros_and_pooling(size, kernel, stride):
    x = torch.rand(1, 2, *size)
    before, after = same_padding(size, kernel, stride)
    padded = functional.pad(x, [side for pair in zip(before[::-1], after[::-1], strict=True) for side in pair])
    assert torch.equal(max_pool(x, kernel, stride), functional.max_pool3d(padded, kernel, stride))


def test_the_private_operators_are_used_here():
    assert usable()
    assert isinstance(fastest(random_i3d()), PrepackedI3D)


@pytest.mark.parametrize("num_frames", [9, 10, 16, 17])
def test_both_forms_give_the_same_features(num_frames):
    network = random_i3d()
    with torch.inference_mode():
        expected = network.double()(clips(num_frames).double())
        network.float()
        assert apart(network(clips(num_frames)), expected) < 1e-6
        assert apart(fastest(network)(clips(num_frames)), expected) < 1e-6


def counted(monkeypatch):
    """How often Winograd's convolution ran."""
    calls = []
    run = WinogradConvolution.__call__
    monkeypatch.setattr(WinogradConvolution, "__call__", lambda self, x: (calls.append(x.shape), run(self, x))[1])
    return calls


def test_large_maps_go_by_winograd_and_small_ones_do_not(monkeypatch):
    monkeypatch.setattr(prepacked, "WINOGRAD_CHANNELS", 1)
    calls = counted(monkeypatch)
    network = random_i3d()
    with torch.inference_mode():
        expected = network.double()(clips().double())
        assert apart(fastest(network.float())(clips()), expected) < 1e-6
    # Conv3d_2c, and two convolutions in each of Mixed_3b and Mixed_3c.
    assert [shape[-1] for shape in calls] == [56, 28, 28, 28, 28]


@pytest.mark.slow
def test_the_published_size_is_within_a_millionth(monkeypatch):
    calls = counted(monkeypatch)
    network = random_i3d(narrower=1)
    with torch.inference_mode():
        expected = network.double()(clips().double())
        assert apart(fastest(network.float())(clips()), expected) < 1e-6
    assert len(calls) == 4


def test_packed_weights_serve_clips_of_any_length_and_number():
    network = random_i3d()
    fast = fastest(network)
    with torch.inference_mode():
        for batch in (clips(16), clips(11), torch.cat([clips(16), clips(16, seed=1)])):
            assert apart(fast(batch), network(batch)) < 2e-6


def test_without_the_operators_the_network_runs_eagerly(monkeypatch):
    class Absent:
        def __getattr__(self, name):
            raise AttributeError(name)

    usable.cache_clear()
    monkeypatch.setattr(torch.ops, "mkldnn", Absent())
    assert not usable()
    network = random_i3d()
    assert fastest(network) is network
    usable.cache_clear()


def test_operators_that_give_something_else_are_not_used(monkeypatch):
    usable.cache_clear()
    monkeypatch.setattr(prepacked.Convolution, "__call__", lambda self, x: torch.zeros(1, 8, 4, 6, 6))
    assert not usable()
    usable.cache_clear()


def test_a_state_dict_is_read_and_another_refused(tmp_path):
    network = random_i3d()
    torch.save(network.state_dict(), tmp_path / "i3d.pt")
    with torch.inference_mode():
        assert apart(load_state(tmp_path / "i3d.pt")(clips()), network(clips())) < 2e-6
    torch.save(OtherI3D().state_dict(), tmp_path / "other.pt")
    with pytest.raises(KeyError):
        load_state(tmp_path / "other.pt")


@pytest.mark.parametrize("eps", [1e-3, 1e-5])
def test_our_i3d_stands_in_for_a_script_of_the_same_network(tmp_path, eps):
    network = random_i3d(eps=eps)
    save_script(StyleganvI3D(traced(network)), tmp_path / "i3d.pt")
    loaded = load_script(tmp_path / "i3d.pt")
    assert loaded.form == "PrepackedI3D"
    assert loaded.script is None
    with torch.inference_mode():
        expected = network(tensor(stretch(frames(seed=5))))
        assert apart(loaded.styleganv(frames(seed=5)), expected) < 1e-5


def test_a_script_of_the_same_shapes_that_computes_otherwise_runs_as_it_is(tmp_path):
    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = traced(random_i3d())

        def forward(self, x):
            return self.inner(x * 0.5)

    save_script(StyleganvI3D(Half()), tmp_path / "i3d.pt")
    loaded = load_script(tmp_path / "i3d.pt")
    script = torch.jit.load(str(tmp_path / "i3d.pt"))
    assert loaded.form == "RecursiveScriptModule"
    raw = torch.from_numpy(frames()).permute(3, 0, 1, 2)[None]
    with torch.inference_mode():
        expected = script(raw, rescale=True, resize=True, return_features=True)
        assert torch.equal(loaded.styleganv(frames()), expected)
        assert torch.equal(loaded(clips()), script(clips(), return_features=True))


def test_another_network_runs_as_it_is():
    loaded = ScriptedI3D(torch.jit.script(StyleganvI3D(OtherI3D().eval())))
    assert loaded.form == "RecursiveScriptModule"
    with torch.inference_mode():
        assert loaded.styleganv(frames()).shape == (1, 400)
