"""Numbers of one image by published formulas: pure functions of a uint8 RGB (H, W, 3) or luma (H, W) image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

BLOCK = 8
"""Side in pixels of the blocks looked for; the grid starts in the upper left corner."""
REACH = 3
"""Differences on each side that a difference is compared with."""
MIN_BLOCKS_SIDE = BLOCK + REACH + 1
"""Pixels a side below which no block edge has all its neighbours."""
DARK, BRIGHT = 2, 253
"""Luma up to and from which a pixel counts as clipped: the outer hundredth of the range at each end."""


def grey(frame: Image) -> Image:
    """Luma (H, W) of an RGB frame: Rec. 601 weights, rounded to 8 bits."""
    import cv2

    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def laplacian_variance(luma: Image) -> float:
    """Variance in grey levels squared of the Laplacian with four neighbours, borders mirrored.

    Pech-Pacheco et al. (2000), Diatom autofocusing in brightfield microscopy, without their factor of 1/6.
    """
    import cv2

    _, deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S, ksize=1))
    return float(deviation.item() ** 2)


def colorfulness(frame: Image) -> float:
    """Hasler and Suesstrunk (2003), Measuring colourfulness in natural images: their M3, >= 0.

    sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2), rg = R - G, yb = (R + G)/2 - B, population variance.
    """
    import cv2

    red, green, blue = cv2.split(frame)
    red_green = cv2.subtract(red, green, dtype=cv2.CV_16S)
    # Twice yb, so that 16 bits hold it exactly.
    yellow_blue = cv2.subtract(cv2.add(red, green, dtype=cv2.CV_16S), cv2.add(blue, blue, dtype=cv2.CV_16S))
    (mean_rg, std_rg), (mean_yb, std_yb) = (cv2.meanStdDev(image) for image in (red_green, yellow_blue))
    spread, centre = np.hypot(std_rg, std_yb / 2), np.hypot(mean_rg, mean_yb / 2)
    return float(spread.item() + 0.3 * centre.item())


def clipped(luma: Image) -> tuple[float, float]:
    """Shares of pixels with luma at most ``DARK`` and at least ``BRIGHT``."""
    return float((luma <= DARK).mean()), float((luma >= BRIGHT).mean())


def edge_visibility(luma: Image) -> tuple[float, float]:
    """Mean visibility of the steps across block edges and of all other steps; NaN below ``MIN_BLOCKS_SIDE``.

    Muijs and Kirenko (2005), A no-reference blocking artifact measure for adaptive video processing, equations 1 to 3:
    the absolute difference of two neighbours over the mean of the three differences on each side of it, here at least
    one grey level. Horizontal and vertical steps are averaged.
    """
    if min(luma.shape) < MIN_BLOCKS_SIDE:
        return float("nan"), float("nan")
    sides = [_visibility(luma), _visibility(np.ascontiguousarray(luma.T))]
    on, off = np.mean(sides, axis=0)
    return float(on), float(off)


def _visibility(luma: Image) -> tuple[float, float]:
    import cv2

    step = cv2.absdiff(luma[:, 1:], luma[:, :-1])
    around = cv2.boxFilter(step, cv2.CV_32F, (2 * REACH + 1, 1), normalize=False) - step
    column = (step / np.maximum(around / (2 * REACH), 1)).mean(axis=0, dtype=np.float64)
    edge = np.arange(len(column)) % BLOCK == BLOCK - 1
    inner = slice(REACH, len(column) - REACH)
    return float(column[inner][edge[inner]].mean()), float(column[inner][~edge[inner]].mean())
