"""Will it fit? Memory and time of a model at a size, estimated before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, cast

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine.pace import pace
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.models.activations import ClipShape, decoder_bytes, denoiser_bytes
from vid_diffusion_bench.models.size import ComponentSize, component_sizes
from vid_diffusion_bench.profiling import device_type
from vid_diffusion_bench.results import GIB, Value

if TYPE_CHECKING:
    from vid_diffusion_bench.models.diffusers import DiffusersModel

Change = Literal["precision bf16", "tiled decoding", "offload to the processor"]
CHANGES: tuple[Change, ...] = ("precision bf16", "tiled decoding", "offload to the processor")
"""What makes a model smaller, the cheapest in time first."""

METHOD = (
    "weights: parameters of the safetensors headers in the precision asked for; decoder: the autoencoder run on the "
    "meta device, bytes alive at once; denoiser: from its configuration; not counted: workspaces, allocator, libraries"
)


class ComponentFit(Value):
    """A component: its ``parameters`` are counted, what they take in the precision asked for follows from them."""

    name: str
    parameters: int
    estimated_gb: float


class Remedy(Value):
    """What to change, and what would be left to hold."""

    changes: list[str]
    estimated_peak_gb: float
    estimated_fits: bool | None


class Fit(Value):
    """Whether a model fits. Every figure named ``estimated_`` is an estimate by ``method``; gigabytes are of 2**30.

    ``certain_not_to_fit`` is no estimate: the weights alone are larger than the whole device. ``cheapest`` is the
    first remedy that fits, ``None`` where nothing is needed or nothing helps.
    """

    model: str
    device: str
    precision: str
    num_frames: int | None
    height: int | None
    width: int | None
    batch_size: int
    parameters: int
    components: list[ComponentFit]
    estimated_weights_gb: float
    estimated_denoiser_gb: float | None
    estimated_decoder_gb: float | None
    estimated_peak_gb: float
    available_gb: float | None
    total_gb: float | None
    estimated_fits: bool | None
    certain_not_to_fit: bool
    remedies: list[Remedy]
    cheapest: Remedy | None = None
    estimated_seconds_a_clip: float | None = None
    seconds_method: str | None = None
    method: str = METHOD


@dataclass(frozen=True)
class Need:
    """A model at a size: what the estimate needs."""

    model: DiffusersModel
    sizes: tuple[ComponentSize, ...]
    shape: ClipShape | None
    precision: str

    def weights(self, changes: tuple[Change, ...] = ()) -> int:
        """Bytes of all weights."""
        return sum(size.bytes_in(self._precision(changes)) for size in self.sizes)

    def decoder(self, changes: tuple[Change, ...] = ()) -> int | None:
        """Bytes that decoding takes beside the weights."""
        if self.shape is None:
            return None
        tiled = CHANGES[1] in changes
        return decoder_bytes(self.model.folder, self.shape, self._precision(changes), tiled=tiled)

    def denoiser(self, changes: tuple[Change, ...] = ()) -> int | None:
        """Bytes that a denoising step takes beside the weights."""
        if self.shape is None:
            return None
        return denoiser_bytes(self.model.folder, self.shape, self._precision(changes))

    def peak(self, changes: tuple[Change, ...] = ()) -> int:
        """All weights with the larger of the two; with offload each component is alone with what it takes."""
        decoder, denoiser = self.decoder(changes) or 0, self.denoiser(changes) or 0
        if CHANGES[2] not in changes:
            return self.weights(changes) + max(decoder, denoiser)
        takes = {"vae": decoder, "transformer": denoiser, "unet": denoiser}
        precision = self._precision(changes)
        return max(size.bytes_in(precision) + takes.get(size.name, 0) for size in self.sizes)

    def _precision(self, changes: tuple[Change, ...]) -> str:
        return "bf16" if CHANGES[0] in changes else self.precision


def estimate_fit(
    model: VideoModel, parameters: GenerationParameters, device: str, precision: str, batch_size: int = 1
) -> Fit | None:
    """The estimate for a pipeline of diffusers on ``device``; ``None`` for any other model.

    Raises:
        ModelLoadingError: A file of weights is damaged.
    """
    need = need_of(model, parameters, precision, batch_size)
    if need is None:
        return None
    available, total = memory_of(device)
    peak, seconds = need.peak(), pace(model, device, precision, parameters)
    remedies = [] if available is None or peak <= available else list(_remedies(need, device, available))
    return Fit(
        model=model.name,
        device=device,
        precision=precision,
        **{name: getattr(parameters, name) for name in ("num_frames", "height", "width")},
        batch_size=batch_size,
        parameters=sum(size.parameters for size in need.sizes),
        components=[
            ComponentFit(name=s.name, parameters=s.parameters, estimated_gb=s.bytes_in(precision) / GIB)
            for s in need.sizes
        ],
        estimated_weights_gb=need.weights() / GIB,
        estimated_denoiser_gb=_gb(need.denoiser()),
        estimated_decoder_gb=_gb(need.decoder()),
        estimated_peak_gb=peak / GIB,
        available_gb=_gb(available),
        total_gb=_gb(total),
        estimated_fits=None if available is None else peak <= available,
        certain_not_to_fit=total is not None and need.weights() > total,
        remedies=remedies,
        cheapest=next((remedy for remedy in remedies if remedy.estimated_fits), None),
        estimated_seconds_a_clip=seconds.seconds if seconds else None,
        seconds_method=seconds.method if seconds else None,
    )


def need_of(model: VideoModel, parameters: GenerationParameters, precision: str, batch_size: int) -> Need | None:
    """What the estimate needs, ``None`` for a model that is no pipeline of diffusers."""
    folder = getattr(model, "folder", None)
    if folder is None:
        return None
    pipeline: DiffusersModel = cast("Any", model)  # told by its folder: its module would load torch
    chunk = pipeline.call.signature.get("decode_chunk_size")
    frames = chunk.default if chunk is not None and isinstance(chunk.default, int) else None
    shape = ClipShape.of(parameters, batch_size, frames)
    return Need(pipeline, tuple(component_sizes(folder)), shape, precision)


def _remedies(need: Need, device: str, available: int) -> Iterator[Remedy]:
    """One change, then two, then three; of those that change something."""
    possible = [change for change in CHANGES if _changes(need, change, device)]
    for count in range(1, len(possible) + 1):
        for changes in combinations(possible, count):
            peak = need.peak(changes)
            yield Remedy(changes=list(changes), estimated_peak_gb=peak / GIB, estimated_fits=peak <= available)


def _changes(need: Need, change: Change, device: str) -> bool:
    if change == CHANGES[0]:
        return need.precision == "fp32"
    if change == CHANGES[1]:
        tiled, plain = need.decoder((change,)), need.decoder()
        return tiled is not None and plain is not None and tiled < plain
    return device_type(device) != "cpu"


def memory_of(device: str) -> tuple[int | None, int | None]:
    """(free, whole) bytes of the device's memory; those of the machine for the processor."""
    if device_type(device) == "cuda":
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return int(free), int(total)
    import psutil

    memory = psutil.virtual_memory()
    return int(memory.available), int(memory.total)


def _gb(size: int | None) -> float | None:
    return None if size is None else size / GIB
