"""Will it fit? Memory and time of a model at a size, estimated before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine.pace import pace
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.models.activations import ClipShape, decoder_bytes, denoiser_bytes
from vid_diffusion_bench.models.size import ComponentSize, component_sizes
from vid_diffusion_bench.optimization import OptimizationProfile, check_precision
from vid_diffusion_bench.profiling import device_type
from vid_diffusion_bench.results import GIB, Value

if TYPE_CHECKING:
    from vid_diffusion_bench.models.diffusers import DiffusersModel

Change = Literal["precision bf16", "tiled decoding", "offload to the processor"]
CHANGES: tuple[Change, ...] = ("precision bf16", "tiled decoding", "offload to the processor")
"""What makes a model smaller, the cheapest in time first."""

METHOD = (
    "weights: parameters of the safetensors headers in the precision asked for; decoder and denoiser: run on the meta "
    "device, bytes alive at once (on tiny pipelines within 5 % of a real pass; a denoiser that cannot be run so, from "
    "its configuration, within a factor of two there); not counted: workspaces, allocator, libraries"
)


_BYTES_STORED = {
    "torchao-int8": 1.0,
    "torchao-fp8": 1.0,
    "bitsandbytes-int8": 1.0,
    "torchao-int4": 0.5,
    "bitsandbytes-nf4": 0.5,
}
"""Of a parameter of a quantised denoiser, without scales and the layers that stay as they are: the least it can be."""
_DENOISERS = ("transformer", "unet")


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
    first remedy that fits, ``None`` where nothing is needed or nothing helps. ``switches`` are those of an optimisation
    profile; offload, tiling, fp8 and quantised weights are counted, caches and compiling are not.
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
    switches: dict[str, Any] = Field(default_factory=dict)
    method: str = METHOD


@dataclass(frozen=True)
class Need:
    """A model at a size, with what is switched on in it: what the estimate needs."""

    model: DiffusersModel
    sizes: tuple[ComponentSize, ...]
    shape: ClipShape | None
    precision: str
    profile: OptimizationProfile = field(default_factory=OptimizationProfile)
    device: str = "cpu"

    @property
    def standing(self) -> tuple[Change, ...]:
        """The changes that the profile makes anyway."""
        saved = self.profile.memory_efficient
        on = {CHANGES[1]: "tiling", CHANGES[2]: "offload"}
        possible = [change for change in on if change != CHANGES[2] or device_type(self.device) != "cpu"]
        return tuple(c for c in possible if saved is True or (isinstance(saved, tuple) and on[c] in saved))

    def held(self, size: ComponentSize, changes: tuple[Change, ...] = ()) -> int:
        """Bytes of a component's weights."""
        stored = 1.0 if self.profile.precision == "fp8" else _BYTES_STORED.get(self.profile.quantization or "")
        if stored is not None and size.name.startswith(_DENOISERS):
            return int(size.parameters * stored)
        return size.bytes_in(self._precision(changes))

    def weights(self, changes: tuple[Change, ...] = ()) -> int:
        """Bytes of all weights."""
        return sum(self.held(size, changes) for size in self.sizes)

    def least(self) -> int:
        """Bytes of weights that must be on the device together."""
        held = [self.held(size) for size in self.sizes]
        return max(held, default=0) if CHANGES[2] in self.standing else sum(held)

    def decoder(self, changes: tuple[Change, ...] = ()) -> int | None:
        """Bytes that decoding takes beside the weights."""
        if self.shape is None:
            return None
        precision, tiled = self._precision(changes), CHANGES[1] in (*changes, *self.standing)
        found = decoder_bytes(self.model.folder, self.shape, precision, tiled=tiled)
        return decoder_bytes(self.model.folder, self.shape, precision) if tiled and found is None else found

    def denoiser(self, changes: tuple[Change, ...] = ()) -> int | None:
        """Bytes that a denoising step takes beside the weights."""
        if self.shape is None:
            return None
        return denoiser_bytes(self.model.folder, self.shape, self._precision(changes))

    def peak(self, changes: tuple[Change, ...] = ()) -> int:
        """All weights with the larger of the two; with offload each component is alone with what it takes."""
        decoder, denoiser = self.decoder(changes) or 0, self.denoiser(changes) or 0
        if CHANGES[2] not in (*changes, *self.standing):
            return self.weights(changes) + max(decoder, denoiser)
        takes = {"vae": decoder, **dict.fromkeys(_DENOISERS, denoiser)}
        return max(self.held(size, changes) + takes.get(size.name, 0) for size in self.sizes)

    def _precision(self, changes: tuple[Change, ...]) -> str:
        return "bf16" if CHANGES[0] in changes else self.precision


def estimate_fit(
    model: VideoModel,
    parameters: GenerationParameters,
    device: str,
    precision: str,
    batch_size: int = 1,
    profile: OptimizationProfile | None = None,
) -> Fit | None:
    """The estimate for a pipeline of diffusers on ``device``; ``None`` for any other model.

    Raises:
        ModelLoadingError: A file of weights is damaged.
        ValidationError: No such precision.
    """
    need = need_of(model, parameters, precision, batch_size, profile, device)
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
            ComponentFit(name=s.name, parameters=s.parameters, estimated_gb=need.held(s) / GIB) for s in need.sizes
        ],
        estimated_weights_gb=need.weights() / GIB,
        estimated_denoiser_gb=_gb(need.denoiser()),
        estimated_decoder_gb=_gb(need.decoder()),
        estimated_peak_gb=peak / GIB,
        available_gb=_gb(available),
        total_gb=_gb(total),
        estimated_fits=None if available is None else peak <= available,
        certain_not_to_fit=total is not None and need.least() > total,
        remedies=remedies,
        cheapest=next((remedy for remedy in remedies if remedy.estimated_fits), None),
        estimated_seconds_a_clip=seconds.seconds if seconds else None,
        seconds_method=seconds.method if seconds else None,
        switches=need.profile.switches(),
    )


def need_of(
    model: VideoModel,
    parameters: GenerationParameters,
    precision: str,
    batch_size: int,
    profile: OptimizationProfile | None = None,
    device: str = "cpu",
) -> Need | None:
    """What the estimate needs, ``None`` for a model that is no pipeline of diffusers."""
    folder = getattr(model, "folder", None)
    if folder is None:
        return None
    check_precision(precision)
    pipeline: DiffusersModel = cast("Any", model)  # told by its folder: its module would load torch
    chunk = pipeline.call.signature.get("decode_chunk_size")
    frames = chunk.default if chunk is not None and isinstance(chunk.default, int) else None
    shape = ClipShape.of(parameters, batch_size, frames)
    sizes = tuple(component_sizes(folder))
    return Need(pipeline, sizes, shape, precision, profile or OptimizationProfile(), device)


def _remedies(need: Need, device: str, available: int) -> Iterator[Remedy]:
    """One change, then two, then three; of those that change something."""
    possible = [change for change in CHANGES if change not in need.standing and _changes(need, change, device)]
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
