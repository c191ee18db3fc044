"""LPIPS 0.1 (Zhang et al. 2018): which trunk and heads, without PyTorch. The layers are in ``lpips_layers``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.features.networks.base import found, load_network, versions, weights_identity
from vid_diffusion_bench.features.networks.device import PRECISION

if TYPE_CHECKING:
    from vid_diffusion_bench.features.networks.lpips_layers import Lpips


@dataclass(frozen=True)
class Trunk:
    """A trunk: names of its weights and of its heads, the layers whose output is compared, and its smallest input."""

    weights: str
    heads: str
    taps: tuple[int, ...]
    min_side: int


ALEX = Trunk("alexnet", "lpips-alex", (1, 4, 7, 9, 11), 31)
VGG = Trunk("vgg16", "lpips-vgg", (3, 8, 15, 22, 29), 16)


def load(trunk: Trunk) -> Lpips:
    """The network at its published weights, on the device of the settings.

    Raises:
        WeightsNotFoundError: A file is not on this machine.
        ModelLoadingError: A file holds other weights.
    """
    from vid_diffusion_bench.features.networks.lpips_layers import Lpips, load_alexnet, load_heads, load_vgg16

    loads = {ALEX.weights: load_alexnet, VGG.weights: load_vgg16}
    return Lpips(trunk.taps, load_network(trunk.weights, loads[trunk.weights]), load_network(trunk.heads, load_heads))


def identity(trunk: Trunk) -> dict[str, Any]:
    """What decides a distance, as plain data; raises when the weights are not here."""
    return {
        "name": trunk.heads,
        **weights_identity(trunk.weights),
        "heads_sha256": found(trunk.heads).sha256,
        "preprocessing": "RGB in -1..1 at full size",
        "precision": PRECISION,
        **versions("torch"),
    }
