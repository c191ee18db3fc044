"""What a video model is to this package: :class:`VideoModel`, asked with :class:`GenerationRequest`."""

# ruff: noqa: ARG002, B027 - a model may leave as it is what it does not need

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models.conditioning import CONDITIONS, file_hash
from vid_diffusion_bench.optimization import OptimizationProfile

if TYPE_CHECKING:
    from vid_diffusion_bench.models.lora import Lora
    from vid_diffusion_bench.video import Video

StepCallback = Callable[[int, int], None]
"""Called after each denoising step with (step, total): step from 1, total 0 where unknown. May raise to abort."""


@dataclass(frozen=True)
class GenerationRequest:
    """One clip to make: the same request on the same loaded model gives the same pixels.

    Args:
        prompt: What the clip should show.
        seed: 0 .. 2**32 - 1.
        parameters: As resolved by the plan; what is ``None`` is left to the pipeline.
    """

    prompt: str
    seed: int
    parameters: GenerationParameters


class VideoModel(ABC):
    """Makes clips from prompts. A subclass is a model; nothing else in the package knows what is behind it.

    ``name`` is what it is listed under; ``defaults`` fill what a configuration leaves open.
    """

    name: str

    @property
    @abstractmethod
    def defaults(self) -> GenerationParameters:
        """The parameters this model runs with when nobody says otherwise.

        Raises:
            WeightsNotFoundError: They are kept with the weights, and those are not on this machine.
        """

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Where the model comes from, as plain data: class, folder or revision, weights' hash, licence."""

    @abstractmethod
    def generate(self, requests: Sequence[GenerationRequest], on_step: StepCallback) -> list[Video]:
        """One clip a request, in order, made together as one batch. ``on_step`` is called after each denoising step.

        Raises:
            InvalidOutputError: The model returned something that is not a clip.
        """

    def identity(self) -> dict[str, Any]:
        """What about the model decides the pixels (not where it lies); part of every sample's key."""
        return self.provenance()

    def inputs(self, parameters: GenerationParameters) -> dict[str, str]:
        """SHA-256 by name of each file that ``parameters`` points at, such as a conditioning image.

        Raises:
            ValidationError: One is not there.
        """
        files = {name: getattr(parameters, name) for name in CONDITIONS}
        return {name: file_hash(path) for name, path in files.items() if path is not None}

    @property
    def needs(self) -> tuple[str, ...]:
        """Which of ``image`` and ``video`` it cannot start without."""
        return ()

    def use_loras(self, loras: Sequence[Lora]) -> None:
        """Lay LoRA weights over the model's own at the next :meth:`load`; they are part of its identity.

        Raises:
            ValidationError: It takes none.
        """
        if loras:
            raise ValidationError(f"{self.name} takes no LoRA weights", remedy="leave --lora out for this model")

    def check(self, parameters: GenerationParameters, batch_size: int) -> None:
        """Raise :class:`ValidationError`, with the nearest possible value, for what this model cannot make."""

    def use_profile(self, profile: OptimizationProfile, device: str) -> None:
        """Put ``profile`` into the model at the next :meth:`load`; what was loaded by another is given back.

        A model that knows nothing of profiles takes those that set only a precision, which :meth:`load` is told.

        Raises:
            ValidationError: It cannot be optimised so on ``device``.
        """
        if switches := profile.switches():
            raise ValidationError(
                f"{self.name} is not a diffusers pipeline, so {', '.join(switches)} cannot be switched on",
                remedy="use the level baseline for this model",
            )

    def default_precision(self, device: str) -> str:
        """The precision to load in on ``device`` when nobody says otherwise: one of ``optimization.PRECISIONS``."""
        return "fp32"

    @property
    def is_loaded(self) -> bool:
        """Whether :meth:`load` was called and the memory not given back; a model that holds nothing says no."""
        return False

    def load(self, device: str, precision: str) -> None:
        """Make ready to generate. A model that is loaded so already does nothing.

        Raises:
            ModelLoadingError: It cannot be made ready.
        """

    def unload(self) -> None:
        """Give the memory back; :meth:`load` may be called again."""

    def stages(self) -> Mapping[str, Sequence[Any]]:
        """The loaded torch modules to time, by stage: ``text_encoder``, ``denoiser``, ``decoder``.

        A module with a ``decode`` method under ``decoder`` is timed there, any other in its forward pass. Empty for a
        model without torch.
        """
        return {}
