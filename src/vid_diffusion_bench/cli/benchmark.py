"""``vid-bench benchmark``."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.cli.options import PromptOptions, RunOptions, make_config
from vid_diffusion_bench.cli.params import read_params
from vid_diffusion_bench.cli.reply import Reply


def benchmark(
    model: str,
    /,
    *,
    prompts: PromptOptions = PromptOptions(),  # noqa: B008 - frozen
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    params: Path | None = None,
    output: Path | None = None,
) -> Reply:
    """Make clips with one model, time each while it is made, and score them.

    A run that was interrupted continues when the same command is given again: what is already in the output folder
    is not made twice.

    Args:
        model: A name of `vid-bench models list`, `hf:ORG/NAME`, `endpoint:URL#MODEL`, or a diffusers folder.
        prompts: Where the prompts come from.
        options: How clips are made and scored.
        params: File that `vid-bench optimize` wrote; its best parameters hold where nothing is said here.
        output: Folder for clips, records, results.json and report.html. Default: the setting `output_dir`.
    """
    from vid_diffusion_bench.cli.execute import execute

    base = read_params(model, params) if params else {}
    return execute(make_config([model], prompts, options, output, base), options)
