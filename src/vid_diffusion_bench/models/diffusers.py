"""One adapter for every diffusers video pipeline, from a folder on this disk."""

from __future__ import annotations

import gc
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydantic

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import (
    InvalidOutputError,
    InvalidVideoError,
    ModelLoadingError,
    ValidationError,
    VidBenchError,
    WeightsNotFoundError,
)
from vid_diffusion_bench.models import optimize, schedulers, snapshot
from vid_diffusion_bench.models.base import GenerationRequest, StepCallback, VideoModel
from vid_diffusion_bench.models.catalogue import ModelInfo
from vid_diffusion_bench.models.conditioning import file_hash, open_video
from vid_diffusion_bench.models.constraints import ONLY_TILED, Grid, read_grid
from vid_diffusion_bench.models.lora import Lora, load_loras, require_lora
from vid_diffusion_bench.models.pipeline_call import PipelineCall, is_picture
from vid_diffusion_bench.models.size import stored_precision
from vid_diffusion_bench.optimization import OptimizationProfile, torch_dtype
from vid_diffusion_bench.video import Frames, Video

DEFAULTS_FILE = "generation_defaults.json"
_STAGES = {"text_encoder": ("text_encoder", "image_encoder"), "denoiser": ("transformer", "unet"), "decoder": ("vae",)}


class DiffusersModel(VideoModel):
    """A pipeline that ``save_pretrained`` wrote, loaded from safetensors only; no code of the folder is ever run.

    Args:
        name: What it is listed under.
        folder: Holds ``model_index.json``.
        hub: The hub id it was downloaded from, if it was.
        info: Its catalogue entry, if it has one.

    Raises:
        WeightsNotFoundError: The folder holds no pipeline, or not all of one.
        ModelLoadingError: The folder's index is damaged, or the pipeline wants code of its own.
    """

    def __init__(self, name: str, folder: Path, *, hub: str | None = None, info: ModelInfo | None = None) -> None:
        self.name = name
        self.folder = folder
        self._info = info
        self._hub = hub or (info.hub if info else None)
        self._pipeline: Any = None
        self._own_scheduler: Any = None
        self._loaded_as: tuple[str, str] | None = None
        self._loras: tuple[Lora, ...] = ()
        self._profile = OptimizationProfile()
        self._optimized: dict[str, Any] | None = None
        self._class_name: str = snapshot.read_index(folder)["_class_name"]
        if code := snapshot.own_code(folder):
            raise ModelLoadingError(
                f"{folder} wants to run code of its own ({', '.join(code)}), which is never done",
                remedy="use the model's diffusers port, or register a VideoModel of your own",
            )
        if problems := snapshot.missing_parts(folder):
            raise WeightsNotFoundError(
                f"{folder} is not a whole pipeline: {'; '.join(problems)}",
                remedy=f"vid-bench models download hf:{self._hub}" if self._hub else "save the pipeline again",
                details={"missing": problems},
            )

    @cached_property
    def call(self) -> PipelineCall:
        """The pipeline's call signature."""
        return PipelineCall.of(self.pipeline_class)

    @property
    def pipeline_class(self) -> Any:
        """The class that the folder's index names.

        Raises:
            ModelLoadingError: The diffusers that is installed has none of that name.
        """
        return _pipeline_class(self._class_name)

    @cached_property
    def grid(self) -> Grid:
        """The frame counts and sizes it can make."""
        return read_grid(self.folder)

    @cached_property
    def defaults(self) -> GenerationParameters:
        own = _stored_defaults(self.folder) or (self._info.defaults if self._info else GenerationParameters())
        return own.over(self.call.defaults())

    def provenance(self) -> dict[str, Any]:
        """Class, place, hash and licence, ``None`` where not known; ``revision`` is that of a downloaded snapshot."""
        return {
            "class": self._class_name,
            "folder": self.folder.name,
            "hub": self._hub,
            "revision": self.folder.name if self.folder.parent.name == "snapshots" else None,
            "weights_sha256": self._weights,
            "licence": self._info.licence if self._info else None,
            "reads_prompt": self.call.reads_prompt,
            "rounding": "uint8 = round(255 * x), ties to even",
            **self._adapted(),
            **self._optimization(),
        }

    def _optimization(self) -> dict[str, Any]:
        """The switches asked for and, once it was loaded, what each did."""
        asked = self._profile.switches()
        return {"optimization": {"switches": asked, "applied": self._optimized}} if asked else {}

    def identity(self) -> dict[str, Any]:
        libraries = {name: version(name) for name in ("diffusers", "torch", "transformers")}
        own = {"class": self._class_name, "weights_sha256": self._weights, "libraries": libraries}
        return own | self._adapted()

    def _adapted(self) -> dict[str, Any]:
        return {"loras": [lora.identity() for lora in self._loras]} if self._loras else {}

    @cached_property
    def _weights(self) -> str:
        return snapshot.weights_sha256(self.folder)

    def inputs(self, parameters: GenerationParameters) -> dict[str, str]:
        pictures = {name: str(value) for name, value in parameters.extra.items() if is_picture(name, value)}
        return super().inputs(parameters) | {name: file_hash(path) for name, path in pictures.items()}

    @property
    def needs(self) -> tuple[str, ...]:
        return self.call.needs

    def use_loras(self, loras: Sequence[Lora]) -> None:
        if loras:
            require_lora(self.pipeline_class)
        self._loras = tuple(loras)

    def check(self, parameters: GenerationParameters, batch_size: int) -> None:
        self.call.check(parameters)
        self.grid.check(parameters)
        if self.grid.tiles and batch_size > 1:
            raise ValidationError(f"{self._class_name} decodes one clip at a time", remedy="use batch_size=1")
        if parameters.video is not None:
            length = open_video(parameters.video, parameters.num_frames).num_frames
            self.grid.check(parameters.model_copy(update={"num_frames": length}))
        self._scheduler(parameters.scheduler)
        if self._pipeline is not None:
            self._check_inputs(parameters, batch_size)

    def _check_inputs(self, parameters: GenerationParameters, batch_size: int) -> None:
        """Ask the loaded pipeline itself."""
        request = GenerationRequest("a prompt", 0, parameters)
        if problem := self._problem(self._arguments([request] * batch_size)):
            remedy = "use batch_size=1" if batch_size > 1 else None
            raise ValidationError(f"{self._class_name}: {problem}", remedy=remedy)

    def _problem(self, arguments: Mapping[str, Any]) -> str | None:
        """What the loaded pipeline says against a call, if it looks at its inputs."""
        if not hasattr(self._pipeline, "check_inputs"):
            return None
        given = {name: p.default for name, p in self.call.signature.items() if p.default is not p.empty}
        given |= arguments
        asked = inspect.signature(self._pipeline.check_inputs).parameters.items()
        known = {name: given.get(name) for name, p in asked if name in given or p.default is p.empty}
        try:
            self._pipeline.check_inputs(**known)
        except (ValueError, TypeError) as error:
            return str(error)
        return None

    def _arguments(self, requests: Sequence[GenerationRequest]) -> dict[str, Any]:
        """The call for a batch; some pipelines take one image for all its clips and no list of them."""
        arguments = self.call.arguments(requests)
        shared = {request.parameters.image for request in requests}
        if len(requests) > 1 and len(shared) == 1 and isinstance(arguments.get("image"), list):
            single = {**arguments, "image": arguments["image"][0]}
            return single if self._problem(arguments) and not self._problem(single) else arguments
        return arguments

    def default_precision(self, device: str) -> str:
        """fp32 on a CPU; elsewhere what the model's card asks for, else what its weights are stored in."""
        if device == "cpu":
            return "fp32"
        asked = self._info.requirements.precision if self._info else None
        parts = snapshot.components(self.folder)
        denoiser = next((name for name in parts if name.startswith(_STAGES["denoiser"])), None)
        return asked or (stored_precision(self.folder / denoiser) if denoiser else "fp32")

    def use_profile(self, profile: OptimizationProfile, device: str) -> None:
        optimize.check(profile, device)
        if profile != self._profile:
            self.unload()
            self._profile, self._optimized = profile, None

    @property
    def is_loaded(self) -> bool:
        return self._pipeline is not None

    def load(self, device: str, precision: str) -> None:
        import diffusers

        if self._pipeline is not None and self._loaded_as == (device, precision):
            return
        dtype = torch_dtype(precision)
        word = "dtype" if hasattr(diffusers.utils, "_resolve_dtype") else "torch_dtype"
        options = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False, word: dtype}
        options |= optimize.load_options(self._profile, snapshot.components(self.folder))
        try:
            with _quiet():
                self._pipeline = self.pipeline_class.from_pretrained(str(self.folder), **options)
                optimize.place(self._pipeline, self._profile, device)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            self.unload()
            raise ModelLoadingError(
                f"{self.folder.name} cannot be loaded: {error}", remedy="download or save the pipeline again"
            ) from error
        self._finish(device, precision)

    def _finish(self, device: str, precision: str) -> None:
        """What is done to a pipeline once it is read."""
        try:
            load_loras(self._pipeline, self._loras)
        except ModelLoadingError:
            self.unload()
            raise
        if type(getattr(self._pipeline, "vae", None)).__name__ in ONLY_TILED:
            self._pipeline.vae.enable_tiling()
        self._optimize(device)
        self._loaded_as = device, precision
        self._own_scheduler = self._pipeline.scheduler
        self._pipeline.set_progress_bar_config(disable=True)

    def _optimize(self, device: str) -> None:
        """Last of all: what is compiled must not change any more."""
        try:
            with _quiet():
                self._optimized = optimize.apply(self._pipeline, self._profile, device)
        except VidBenchError:
            self.unload()
            raise

    def unload(self) -> None:
        import torch

        self._pipeline = self._own_scheduler = self._loaded_as = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def stages(self) -> Mapping[str, Sequence[Any]]:
        from torch import nn

        parts = self._loaded.components.items()
        return {
            stage: [part for name, part in parts if name.startswith(prefixes) and isinstance(part, nn.Module)]
            for stage, prefixes in _STAGES.items()
        }

    def generate(self, requests: Sequence[GenerationRequest], on_step: StepCallback) -> list[Video]:
        output = self.run_pipeline(requests, on_step)
        return [_video(clip, self._fps(requests[0].parameters)) for clip in output.frames]

    def run_pipeline(self, requests: Sequence[GenerationRequest], on_step: StepCallback) -> Any:
        """What the pipeline itself returns for one batch."""
        import torch

        parameters = requests[0].parameters
        self._use_scheduler(parameters.scheduler)
        arguments = self._arguments(requests)
        observed = self.call.observed(on_step, parameters.num_inference_steps or 0)
        optimize.forget(self._loaded)
        with torch.inference_mode(), schedulers.noise_of(self._loaded.scheduler, arguments["generator"]):
            return self._loaded(**arguments, **observed)

    def _fps(self, parameters: GenerationParameters) -> float:
        """What was asked, else that of the clip it starts from, else the pipeline's own."""
        if parameters.fps is None and parameters.video is not None:
            return open_video(parameters.video).fps
        return parameters.fps or self.defaults.fps or 0.0

    @property
    def _loaded(self) -> Any:
        if self._pipeline is None:
            raise ModelLoadingError(f"{self.name} is not loaded", remedy="call load(device, precision) first")
        return self._pipeline

    def _use_scheduler(self, name: str | None) -> None:
        """Put the scheduler of that name into the pipeline, the pipeline's own for ``None``."""
        wanted, changes = self._scheduler(name) or (type(self._own_scheduler), {})
        if type(self._loaded.scheduler) is not wanted:
            self._loaded.scheduler = wanted.from_config(self._own_scheduler.config, **changes)

    def _scheduler(self, name: str | None) -> tuple[Any, dict[str, Any]] | None:
        """The class that ``name`` means here, and what of the own scheduler's configuration is changed for it."""
        own = snapshot.components(self.folder).get("scheduler")
        if name is None or own is None:
            return None
        config = snapshot.read_config(self.folder, "scheduler", "scheduler_config.json")
        return schedulers.choose(name, own, config, self.pipeline_class)


def to_uint8(clip: Any) -> Frames:
    """A clip of (T, H, W, 3) in 0..1, as diffusers gives it, to uint8: 255 times, rounded to the nearest, ties to even.

    Raises:
        InvalidOutputError: It holds a NaN or an infinity.
    """
    frames: npt.NDArray[Any] = np.asarray(clip)
    if frames.dtype == np.uint8:
        return frames
    if not np.isfinite(frames).all():
        share = float(1 - np.isfinite(frames).mean())
        raise InvalidOutputError(f"the model returned NaN or infinity in {share:.1%} of the values")
    rounded: Frames = np.rint(np.clip(frames, 0, 1) * 255).astype(np.uint8)
    return rounded


def _video(clip: Any, fps: float) -> Video:
    try:
        return Video(to_uint8(clip), fps)
    except InvalidVideoError as error:
        raise InvalidOutputError(f"the model returned something else than a clip: {error.message}") from error


def _pipeline_class(name: str) -> Any:
    import diffusers

    found = getattr(diffusers, name, None)
    if not (inspect.isclass(found) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ModelLoadingError(
            f"diffusers {version('diffusers')} has no pipeline {name}", remedy="pip install --upgrade diffusers"
        )
    return found


def _stored_defaults(folder: Path) -> GenerationParameters | None:
    try:
        return GenerationParameters(**json.loads((folder / DEFAULTS_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, pydantic.ValidationError) as error:
        raise ModelLoadingError(f"{folder / DEFAULTS_FILE} is not a set of generation parameters: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of the libraries while loading: the caller has its own."""
    import diffusers.utils.logging as diffusers_logging
    import transformers.utils.logging as transformers_logging

    was_on = transformers_logging.is_progress_bar_enabled()
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.enable_progress_bar()
        if was_on:
            transformers_logging.enable_progress_bar()
