"""Winograd's convolution: its transforms against the sums they are, the whole against PyTorch's in float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from vid_diffusion_bench.features.networks.winograd import WinogradConvolution, transforms


def test_the_transforms_give_the_four_sums_of_three_products():
    output, kernel, data = transforms()
    assert (output.shape, kernel.shape, data.shape) == ((4, 6), (6, 3), (6, 6))
    rng = np.random.default_rng(0)
    d, g = rng.normal(size=6), rng.normal(size=3)
    sums = [d[i] * g[0] + d[i + 1] * g[1] + d[i + 2] * g[2] for i in range(4)]
    assert np.allclose(output @ ((kernel @ g) * (data @ d)), sums, rtol=1e-13)


def layer(channels, channels_out, seed=0):
    torch.manual_seed(seed)
    weight = torch.randn(channels_out, channels, 3, 3, 3) / (27 * channels) ** 0.5
    return weight, torch.randn(channels_out) * 0.1


def error(given, expected):
    return float((given - expected).norm() / expected.norm())


@pytest.mark.parametrize("size", [(8, 28, 28), (4, 14, 14), (1, 4, 4), (3, 7, 9), (2, 1, 30)])
@pytest.mark.parametrize("batch", [1, 2])
def test_it_is_the_convolution(size, batch):
    weight, bias = layer(5, 7)
    x = torch.rand(batch, 5, *size).contiguous(memory_format=torch.channels_last_3d)
    expected = functional.relu(functional.conv3d(x.double(), weight.double(), bias.double(), padding=1))
    given = WinogradConvolution(weight, bias)(x)
    assert given.shape == expected.shape
    assert given.is_contiguous(memory_format=torch.channels_last_3d) or 1 in size
    assert error(given, expected) < 1e-6


def test_it_is_as_exact_as_the_direct_sum():
    weight, bias = layer(160, 32)
    x = torch.rand(1, 160, 4, 14, 14).contiguous(memory_format=torch.channels_last_3d)
    exact = functional.relu(functional.conv3d(x.double(), weight.double(), bias.double(), padding=1))
    direct = functional.relu(functional.conv3d(x, weight, bias, padding=1))
    assert error(WinogradConvolution(weight, bias)(x), exact) < 2 * error(direct, exact) + 5e-7
