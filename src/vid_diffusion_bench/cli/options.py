"""Options that several commands share, and how they become a :class:`BenchmarkConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from vid_diffusion_bench.config import ArrivalName, BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError

Names = Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())]
_PROMPTS = Group("Prompts", sort_key=1)
_CLIP = Group("Clips (default: what the model itself suggests)", sort_key=2)
_SCORING = Group("Scoring", sort_key=3)
_RUNNING = Group("Running", sort_key=4)
_SERVING = Group("Requests to a served model (endpoint:URL, hosted)", sort_key=5)
_RENAMED = {
    "timeout": "timeout_seconds",
    "slo": "slo_seconds",
    "trace": "arrival_trace",
    "optimization_level": "optimization",
}


_NOT_CONFIG = frozenset({"score", "retry_failed"})


@Parameter(name="*")
@dataclass(frozen=True)
class PromptOptions:
    """Where the prompts come from: exactly one of the three."""

    prompts: Annotated[Names, Parameter(group=_PROMPTS)] = None
    """Prompts, each in quotes."""

    prompts_file: Annotated[Path | None, Parameter(group=_PROMPTS)] = None
    """One prompt a line (.txt; # starts a comment), a JSON list, or CSV with a `prompt` column.

    JSON objects and CSV may give a prompt the picture it starts from as `image`."""

    prompt_set: Annotated[str | None, Parameter(group=_PROMPTS)] = None
    """A standard set; see `vid-bench prompts list`."""

    def resolve(self) -> dict[str, Any]:
        """The fields of a configuration that say the prompts."""
        given = [name for name in ("prompts", "prompts_file", "prompt_set") if getattr(self, name)]
        if len(given) != 1:
            spelled = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValidationError(
                f"prompts are given twice, by {spelled}" if given else "no prompts are given",
                remedy='give one of --prompts "…" "…", --prompts-file FILE and --prompt-set NAME',
            )
        from vid_diffusion_bench.prompts import prompt_set, read_prompts_and_images

        if self.prompts_file:
            prompts, images = read_prompts_and_images(self.prompts_file)
            return {"prompts": prompts} | ({"images": images} if images else {})
        if self.prompt_set:
            chosen = prompt_set(self.prompt_set)
            return {"prompts": list(chosen), "prompt_set": chosen.name}
        return {"prompts": list(self.prompts or ())}


@Parameter(name="*")
@dataclass(frozen=True)
class RunOptions:
    """How clips are made and scored; what is left out is the model's own default."""

    num_frames: Annotated[int | None, Parameter(group=_CLIP)] = None
    """Frames a clip."""

    fps: Annotated[float | None, Parameter(group=_CLIP)] = None
    """Frames a second."""

    height: Annotated[int | None, Parameter(group=_CLIP)] = None
    """Pixels."""

    width: Annotated[int | None, Parameter(group=_CLIP)] = None
    """Pixels."""

    num_inference_steps: Annotated[int | None, Parameter(name=("--num-inference-steps", "--steps"), group=_CLIP)] = None
    """Denoising steps."""

    guidance_scale: Annotated[float | None, Parameter(group=_CLIP)] = None
    """Weight of classifier-free guidance."""

    negative_prompt: Annotated[str | None, Parameter(group=_CLIP)] = None
    """What the clips should not show."""

    scheduler: Annotated[str | None, Parameter(group=_CLIP)] = None
    """Class of a diffusers scheduler such as DDIMScheduler, or a short name: ddim, dpm, euler, lms, unipc …"""

    image: Annotated[Path | None, Parameter(group=_CLIP)] = None
    """Picture that an image-to-video model starts from."""

    video: Annotated[Path | None, Parameter(group=_CLIP)] = None
    """Clip that a video-to-video model starts from; --num-frames cuts it."""

    first_frame_model: Annotated[str | None, Parameter(group=_CLIP)] = None
    """Text-to-image model (hf:ORG/NAME or folder) that makes the picture to start from where none is given."""

    lora: Annotated[Names, Parameter(group=_CLIP)] = None
    """LoRA weights to lay over the model's own: FILE.safetensors or FILE.safetensors:SCALE."""

    seed: Annotated[int | None, Parameter(group=_CLIP)] = None
    """Base of every clip's own seed; 0 when left out."""

    samples_per_prompt: Annotated[int | None, Parameter(group=_CLIP)] = None
    """Clips of each prompt, each with a seed of its own."""

    metrics: Annotated[Names, Parameter(group=_SCORING)] = None
    """Metrics by name; see `vid-bench metrics list`."""

    reference: Annotated[Path | None, Parameter(group=_SCORING)] = None
    """Folder of real videos for set metrics such as fvd."""

    subsample: Annotated[bool | None, Parameter(group=_SCORING, negative=())] = None
    """Let set metrics cut the larger set to the size of the smaller; else unequal sizes have no value."""

    score: Annotated[bool, Parameter(group=_SCORING)] = True
    """Score the clips once they are made."""

    retry_failed: Annotated[bool, Parameter(group=_RUNNING, negative=())] = False
    """Try samples again that failed in an earlier run of this folder."""

    batch_size: Annotated[int | None, Parameter(group=_RUNNING)] = None
    """Clips made together in one call."""

    warmup: Annotated[int | None, Parameter(group=_RUNNING)] = None
    """Clips made first and not measured."""

    timeout: Annotated[float | None, Parameter(group=_RUNNING)] = None
    """Seconds a clip may take; looked at after each denoising step, and always for a served model."""

    device: Annotated[str | None, Parameter(group=_RUNNING)] = None
    """auto, cpu, cuda, cuda:N or mps."""

    precision: Annotated[str | None, Parameter(group=_RUNNING)] = None
    """fp32, bf16 or fp16."""

    optimization_level: Annotated[str | None, Parameter(group=_RUNNING)] = None
    """baseline, balanced or performance; see docs/optimization.md. Default: the setting of that name."""

    price_per_hour: Annotated[float | None, Parameter(group=_RUNNING)] = None
    """What an hour of this machine costs, for the cost a clip. Default: the setting of that name."""

    price_per_kwh: Annotated[float | None, Parameter(group=_RUNNING)] = None
    """What a kWh costs; needs a machine whose energy can be measured. Default: the setting of that name."""

    save_videos: Annotated[bool | None, Parameter(group=_RUNNING)] = None
    """Keep the clips: lossless for scoring again, and a preview each. On by default."""

    arrival: Annotated[ArrivalName | None, Parameter(group=_SERVING)] = None
    """closed: each when another has ended. Open loop: constant or poisson at --rate, trace at the times of --trace."""

    rate: Annotated[float | None, Parameter(group=_SERVING)] = None
    """Arrivals a second."""

    trace: Annotated[Path | None, Parameter(group=_SERVING)] = None
    """File of arrival times in seconds: one a line, or a JSON list."""

    concurrency: Annotated[int | None, Parameter(group=_SERVING)] = None
    """Requests out at once. In an open loop those beyond it wait, and the wait counts; without it none waits here."""

    slo: Annotated[float | None, Parameter(group=_SERVING)] = None
    """Seconds a request should take at most, for the share that did."""

    price: Annotated[Names, Parameter(group=_SERVING)] = None
    """What a clip costs: 0.20 USD/clip or 0.04 USD/second, for one model MODEL=PRICE. Default: the setting `price`."""

    def resolve(self) -> dict[str, Any]:
        """The fields of a configuration that were given."""
        return stated(self)


def stated(options: Any) -> dict[str, Any]:
    """What was given of a group of options, by the names of a configuration."""
    given = {entry.name: getattr(options, entry.name) for entry in fields(options) if entry.name not in _NOT_CONFIG}
    named = {_RENAMED.get(name, name): value for name, value in given.items()}
    return {
        name: str(value) if isinstance(value, Path) else value for name, value in named.items() if value is not None
    }


def make_config(
    models: list[str],
    prompts: PromptOptions,
    options: RunOptions,
    output: Path | None,
    base: Mapping[str, Any] | None = None,
) -> BenchmarkConfig:
    """One configuration from what was given, over ``base``, over the user's settings.

    Raises:
        ValidationError: Something given is impossible.
    """
    given = {**(base or {}), **prompts.resolve(), **options.resolve()}
    return BenchmarkConfig.create(models=models, **with_settings(given, output))


def with_settings(given: dict[str, Any], output: Path | None) -> dict[str, Any]:
    """``given`` with the output folder, and with device, folder and level from the settings where nothing was said."""
    from vid_diffusion_bench.settings import load_settings

    settings = load_settings()
    filled = {
        "device": settings.device,
        "output_dir": str(settings.output_dir),
        **settings.prices(),
        **settings.level(),
        **given,
    }
    if settings.price and "price" not in given:
        filled["price"] = settings.price
    return filled | ({"output_dir": str(output)} if output else {})
