"""What the networks have in common: found by name, loaded once a process, fed in batches, described in full."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench import weights
from vid_diffusion_bench.exceptions import ModelLoadingError
from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.networks.device import PRECISION, exact_arithmetic, network_device
from vid_diffusion_bench.features.networks.preprocessing import Preprocessing
from vid_diffusion_bench.features.networks.sampling import Sampling
from vid_diffusion_bench.video import Frames
from vid_diffusion_bench.weights.places import hub_cache, weights_folder

if TYPE_CHECKING:
    import torch

Features = npt.NDArray[np.float32]
Load = Callable[[Path], Any]
BATCH = 16
"""Frames a pass. The batches of a clip always begin at its frames 0, 16, 32, ..., so that a clip always has the very
same features; another size changes them by float32 rounding only."""


@dataclass(frozen=True)
class _Network(ABC):
    """What both kinds are.

    Args:
        name: The extractor's.
        weights: Their name in the catalogue.
        preprocessing: What is done to the frames.
        load: Makes the network of the weights' file or folder.
        embed: The network and its input to its output.
        output: What the extractor gives, in words.
    """

    name: str
    weights: str
    preprocessing: Preprocessing
    load: Load
    embed: Callable[[Any, torch.Tensor], torch.Tensor]
    output: str

    @abstractmethod
    def compute(self, clip: Clip) -> Features:
        """What the network makes of ``clip``, in memory of NumPy's."""

    @abstractmethod
    def reads(self) -> str:
        """Which frames, in words."""

    def extractor(self) -> FeatureExtractor:
        return FeatureExtractor(self.name, self.compute, self.identity, np.ndarray)

    def identity(self) -> dict[str, Any]:
        """Everything that decides the numbers.

        Raises:
            WeightsNotFoundError: The weights are not on this machine.
            ModelLoadingError: They are, and are not what was published or recorded.
        """
        return {
            "name": self.name,
            **weights_identity(self.weights),
            "sampling": self.reads(),
            "preprocessing": self.preprocessing.describe(),
            "output": self.output,
            "precision": PRECISION,
            **versions("torch", "transformers", "pillow"),
        }


@dataclass(frozen=True)
class FrameNetwork(_Network):
    """A network of single frames, as an extractor of float32 (T, D); ``embed`` takes (N, 3, h, w) to (N, D)."""

    def compute(self, clip: Clip) -> Features:
        """(T, D) of every frame of ``clip``."""
        network = load_network(self.weights, self.load)
        frames = clip.video.frames
        with exact_arithmetic():
            parts = [
                own(self.embed(network, self.preprocessing(frames[start : start + BATCH]).to(network_device())))
                for start in range(0, len(frames), BATCH)
            ]
        return np.concatenate(parts)

    def reads(self) -> str:
        return "every frame"


@dataclass(frozen=True)
class ClipNetwork(_Network):
    """A network of whole clips, as an extractor of float32 (D,); ``embed`` takes (1, T, 3, h, w) to (1, D).

    ``sampling`` says which frames it reads.
    """

    sampling: Sampling

    def compute(self, clip: Clip) -> Features:
        """(D,) of ``clip``.

        Raises:
            MetricComputationError: It is too short, where the protocol does not repeat frames.
        """
        pixels = clip_pixels(clip.video.frames, self.sampling, self.preprocessing)
        network = load_network(self.weights, self.load)
        with exact_arithmetic():
            return own(self.embed(network, pixels)[0])

    def reads(self) -> str:
        return self.sampling.describe()


def clip_pixels(frames: Frames, sampling: Sampling, preprocessing: Preprocessing) -> torch.Tensor:
    """(1, T, 3, h, w) of the sampled ``frames``; a frame that is read again is preprocessed once."""
    distinct, places = np.unique(sampling(len(frames)), return_inverse=True)
    pixels = preprocessing(frames[distinct]).to(network_device())
    return pixels[places.tolist()][None]


def weights_identity(name: str) -> dict[str, str]:
    """Name and SHA-256 of weights."""
    return {"weights": name, "weights_sha256": found(name).sha256}


def found(name: str) -> weights.WeightsFile:
    """The weights ``name``, looked for and checked once a process and weights folder.

    Raises:
        WeightsNotFoundError: They are not on this machine.
        ModelLoadingError: They are, and are not what was published or recorded.
    """
    return _found(name, weights_folder(), hub_cache())


@cache
def _found(name: str, *folders: Path) -> weights.WeightsFile:  # noqa: ARG001 - part of the key
    return weights.find(name)


_version = cache(version)


def versions(*libraries: str) -> dict[str, str]:
    """The installed version of each library."""
    return {library: _version(library) for library in libraries}


def load_network(name: str, load: Load) -> Any:
    """The network of the weights ``name``, on the device of the settings, in evaluation mode, as float32.

    Raises:
        WeightsNotFoundError: The weights are not on this machine.
        ModelLoadingError: They are not what this network needs.
    """
    file = found(name)
    return _loaded(load, name, file.path, file.sha256, str(network_device()))


@cache
def _loaded(load: Load, name: str, path: Path, sha256: str, device: str) -> Any:  # noqa: ARG001 - part of the key
    import pickle

    from safetensors import SafetensorError

    try:
        with quiet():
            network = load(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError, SafetensorError) as error:
        raise ModelLoadingError(
            f"the weights {name} at {path} cannot be loaded: {error}",
            remedy=f"remove them and run `vid-bench weights fetch {name}`",
            details={"weights": name, "path": str(path)},
        ) from error
    return network.float().to(device).eval().requires_grad_(requires_grad=False)


def pretrained(cls: Any, folder: Path, **options: Any) -> Any:
    """A network of transformers from ``folder``, with every one of its weights read from there.

    Raises:
        ValueError: Weights are missing or of other shapes; transformers would fill them with random numbers.
    """
    import torch

    network, report = cls.from_pretrained(
        folder,
        dtype=torch.float32,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        **options,
    )
    absent = sorted(str(key) for kind in ("missing_keys", "mismatched_keys") for key in report[kind])
    if absent:
        raise ValueError(f"{len(absent)} of its weights are missing or of another shape, among them {absent[0]}")
    return network


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of transformers."""
    from transformers.utils import logging

    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()


def own(features: torch.Tensor) -> Features:
    """``features`` as float32 in memory of NumPy's: a small tensor that is kept pins the block it was cut from."""
    return np.array(features.cpu().numpy(), np.float32)
