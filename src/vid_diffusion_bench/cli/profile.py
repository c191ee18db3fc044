"""``vid-bench profile``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from vid_diffusion_bench.cli.options import Names, stated, with_settings
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError

DEFAULT_PROMPTS = 5
_FILES = {".txt", ".json", ".csv"}
_REPORT = Path("profile_report.json")


@Parameter(name="*")
@dataclass(frozen=True)
class ProfileOptions:
    """How clips are made while they are profiled; what is left out is the model's own default."""

    num_frames: int | None = None
    """Frames a clip."""

    height: int | None = None
    """Pixels."""

    width: int | None = None
    """Pixels."""

    num_inference_steps: Annotated[int | None, Parameter(name=("--num-inference-steps", "--steps"))] = None
    """Denoising steps."""

    guidance_scale: float | None = None
    """Weight of classifier-free guidance."""

    scheduler: str | None = None
    """Class of a diffusers scheduler, such as DDIMScheduler."""

    image: Path | None = None
    """Picture that an image-to-video model starts from. Default: one that the built-in world renders."""

    video: Path | None = None
    """Clip that a video-to-video model starts from. Default: one that the built-in world renders."""

    first_frame_model: str | None = None
    """Text-to-image model (hf:ORG/NAME or folder) that makes the picture to start from; its time is in no figure."""

    lora: Names = None
    """LoRA weights to lay over the model's own: FILE.safetensors or FILE.safetensors:SCALE."""

    batch_size: int | None = None
    """Clips made together in one call."""

    timeout: float | None = None
    """Seconds a call may take; looked at after each denoising step."""

    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""

    precision: str | None = None
    """fp32, bf16 or fp16."""

    price_per_hour: float | None = None
    """What an hour of this machine costs. Default: the setting of that name."""

    price_per_kwh: float | None = None
    """What a kWh costs. Default: the setting of that name."""

    def resolve(self) -> dict[str, Any]:
        """The fields of a configuration that were given."""
        return stated(self)


def profile(
    model: str,
    /,
    *,
    test_prompts: Names = None,
    optimization_levels: Names = None,
    detailed: Annotated[bool, Parameter(negative=())] = False,
    output: Path | None = None,
    options: ProfileOptions = ProfileOptions(),
) -> Reply:
    """Find out where a model's time, memory and energy go: load, first call, steady calls, stage by stage.

    Nothing is stored but the report, and nothing is scored.

    Args:
        model: A name of `vid-bench models list`, `hf:ORG/NAME`, or a diffusers folder.
        test_prompts: How many prompts of a standard set, a file of prompts, or prompts, each in quotes. Default: 5.
        optimization_levels: Levels to profile one after the other: baseline, balanced, performance. Default: the
            setting `optimization_level`.
        detailed: Also write the timeline beside OUTPUT: as a page (.html) and as a Chrome trace (.trace.json).
        output: JSON file for the report. With --detailed the default is profile_report.json.
        options: How clips are made.
    """
    if output and output.suffix.lower() == ".html":
        raise ValidationError(f"{output} is the JSON report's name", remedy="end it in .json; --detailed adds the page")
    config = _config(model, test_prompts, options)
    from vid_diffusion_bench.cli.interrupt import stop_on_interrupt
    from vid_diffusion_bench.cli.progress import watch

    with watch() as listener, stop_on_interrupt(listener.say) as stop:
        from vid_diffusion_bench import engine

        found = engine.profile(config, levels=optimization_levels, detailed=detailed, listener=listener, stop=stop)
    return _finish(found, output or (_REPORT if detailed else None))


def _finish(found: Any, output: Path | None) -> Reply:
    from rich.console import Group
    from rich.text import Text

    from vid_diffusion_bench import report

    data = found.model_dump(mode="json")
    written = []
    if output:
        report.write_file(output, f"{found.model_dump_json(indent=2)}\n".encode())
        written.append(output)
    if found.detailed and output:
        written.append(report.profile_html(found, output.with_suffix(".html")))
        written.append(report.write_trace(found, output.with_suffix(".trace.json")))
    lines = [Text(f"Written: {path}") for path in written]
    return Reply(data, Group("", report.ProfileTable(found), *lines))


def _config(model: str, test_prompts: Names, options: ProfileOptions) -> BenchmarkConfig:
    given = {"prompts": _prompts(model, test_prompts or [str(DEFAULT_PROMPTS)]), "metrics": [], **options.resolve()}
    return BenchmarkConfig.create(models=[model], **with_settings(given, None))


def _prompts(model: str, given: list[str]) -> list[str]:
    """A number of prompts of the set that fits the model, those of a file, or the words themselves."""
    from vid_diffusion_bench.prompts import prompt_set_for, read_prompts

    if len(given) > 1:
        return given
    (only,) = given
    if only.isascii() and only.isdecimal():
        chosen = prompt_set_for([model])
        if not 1 <= int(only) <= len(chosen):
            raise ValidationError(
                f"{chosen.name} has {len(chosen)} prompts", remedy=f"a number from 1 to {len(chosen)}"
            )
        return chosen[: int(only)]
    return read_prompts(only) if Path(only).suffix.lower() in _FILES else given
