"""3x3x3 convolutions with a quarter of the multiplications: Winograd's F(4x4, 3x3) (Lavin and Gray 2016).

A tile of 6x6 inputs, transformed, is multiplied point by point with the transformed kernel and transformed back to 4x4
outputs. Transforms and products are matrix products of PyTorch's, so that nothing here is private; the three time
steps of the kernel are added up between the transforms. Interpolation at 0, 1, -1, 1/2, -2 and infinity keeps float32
as exact as the direct sum of 27 C products is (Barabasz et al. 2020 compare such points).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

OUTPUTS, TAPS = 4, 3
POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))
SIDE = OUTPUTS + TAPS - 1
Matrix = npt.NDArray[np.float64]


def transforms() -> tuple[Matrix, Matrix, Matrix]:
    """A (4, 6), G (6, 3), B (6, 6) with y = A ((G g) * (B d)): the 4 sums of g (3,) along d (6,)."""
    powers = np.array([[float(point) ** power for power in range(SIDE)] for point in POINTS])
    powers = np.vstack([powers, np.eye(SIDE)[-1]])
    kernel, output = powers[:, :TAPS].copy(), powers[:, :OUTPUTS].T.copy()
    kernel[-1], output[:, -1] = np.eye(TAPS)[-1], np.eye(OUTPUTS)[-1]
    data = np.linalg.inv(powers).T
    # The same length for both rows of a point: neither product runs ahead of float32's precision.
    balance = np.sqrt(np.linalg.norm(data, axis=1) / np.linalg.norm(kernel, axis=1))[:, None]
    return output, kernel * balance, data / balance


class WinogradConvolution:
    """Convolution of kernel 3x3x3, stride 1 and SAME padding, with bias and ReLU, of channels-last (B, C, T, H, W).

    Args:
        weight: (O, C, 3, 3, 3).
        bias: (O,).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        output, kernel, data = (torch.from_numpy(matrix) for matrix in transforms())
        self.channels_out, self.channels_in = weight.shape[:2]
        self.bias = bias
        self._input = torch.kron(data, data).float()
        self._output = torch.kron(output, output).float()
        points = torch.einsum("ia,jb,octab->tijco", kernel, kernel, weight.double())
        self._weight = points.reshape(TAPS, SIDE * SIDE, self.channels_in, self.channels_out).float().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """(B, O, T, H, W) of (B, C, T, H, W)."""
        clips = [self._one(clip) for clip in x.permute(0, 2, 3, 4, 1)]
        return (clips[0][None] if len(clips) == 1 else torch.stack(clips)).permute(0, 4, 1, 2, 3)

    def _one(self, x: Tensor) -> Tensor:
        """(T, H, W, O) of (T, H, W, C)."""
        frames, height, width, _ = x.shape
        down, across = -(-height // OUTPUTS), -(-width // OUTPUTS)
        products = self._products(_tiles(x, down, across), frames, down * across)
        tiles = torch.mm(self._output, products).view(OUTPUTS, OUTPUTS, frames, down, across, self.channels_out)
        out = torch.empty(frames, down, OUTPUTS, across, OUTPUTS, self.channels_out)
        torch.add(tiles.permute(2, 3, 0, 4, 1, 5), self.bias, out=out)
        whole = functional.relu_(out).view(frames, down * OUTPUTS, across * OUTPUTS, self.channels_out)
        return whole[:, :height, :width].contiguous()

    def _products(self, tiles: Tensor, frames: int, places: int) -> Tensor:
        """Of each point the sum over time and channels: (36, T * places * O)."""
        points = SIDE * SIDE
        transformed = torch.empty(points, frames + 2, places, self.channels_in)
        transformed[:, 0], transformed[:, -1] = 0, 0
        transformed[:, 1:-1] = torch.mm(self._input, tiles).view(points, frames, places, self.channels_in)
        first, *others = (transformed[:, step : step + frames].flatten(1, 2) for step in range(TAPS))
        products = torch.bmm(first, self._weight[0])
        for part, weight in zip(others, self._weight[1:], strict=True):
            products.baddbmm_(part, weight)
        return products.view(points, -1)


def _tiles(x: Tensor, down: int, across: int) -> Tensor:
    """The overlapping tiles of 6x6 of (T, H, W, C), by place in the tile: (36, T * down * across * C)."""
    frames, height, width, channels = x.shape
    padded = torch.zeros(frames, down * OUTPUTS + 2, across * OUTPUTS + 2, channels)
    padded[:, 1 : height + 1, 1 : width + 1] = x
    time, row, column, _ = padded.stride()
    shape = (SIDE, SIDE, frames, down, across, channels)
    tiles = padded.as_strided(shape, (row, column, time, OUTPUTS * row, OUTPUTS * column, 1))
    return tiles.reshape(SIDE * SIDE, -1)
