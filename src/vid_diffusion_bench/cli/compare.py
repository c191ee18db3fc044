"""``vid-bench compare``."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.cli.options import PromptOptions, RunOptions, make_config
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.exceptions import ValidationError


def compare(
    *models: str,
    prompts: PromptOptions = PromptOptions(),  # noqa: B008 - frozen
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    output: Path | None = None,
) -> Reply:
    """Run several models on the same prompts and seeds, and rank them.

    Args:
        models: Names of `vid-bench models list`, `hf:ORG/NAME`, `endpoint:URL#MODEL`, or diffusers folders.
        prompts: Where the prompts come from.
        options: How clips are made and scored.
        output: A folder for everything; or FILE.json for the result, with the rest in the folder FILE beside it.
            Default: the setting `output_dir`.
    """
    if not models:
        raise ValidationError("no models are given", remedy="vid-bench compare A B --prompts …")
    from vid_diffusion_bench.cli.execute import execute

    as_file = output is not None and output.suffix.lower() == ".json"
    folder = output.with_suffix("") if output and as_file else output
    config = make_config(list(models), prompts, options, folder)
    return execute(config, options, copy_to=output if as_file else None)
