"""``vid-bench run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vid_diffusion_bench.cli.options import Names, PromptOptions, RunOptions, make_config, with_settings
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError


def run(
    *,
    models: Names = None,
    prompts: Path | None = None,
    config: Path | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    output: Path | None = None,
) -> Reply:
    """Run models on a prompt file, or a whole configuration file.

    A configuration is YAML with `models`, `prompts`, `metrics` and the other options by their names, flat or under
    `config:`. An option given here goes over the file's.

    Args:
        models: Names of `vid-bench models list`, `hf:ORG/NAME`, `endpoint:URL#MODEL`, or diffusers folders.
        prompts: One prompt a line (.txt; # starts a comment), a JSON list, or CSV with a `prompt` column.
        config: A YAML file.
        options: How clips are made and scored.
        output: Folder for clips, records, results.json and report.html.
    """
    from vid_diffusion_bench.cli.execute import execute

    if config is None:
        if not models:
            raise ValidationError("nothing to run", remedy="give --models A B --prompts FILE, or --config FILE.yaml")
        chosen = make_config(models, PromptOptions(prompts_file=prompts), options, output)
    else:
        chosen = _from_file(config, models, prompts, options, output)
    return execute(chosen, options)


def _from_file(
    path: Path, models: list[str] | None, prompts: Path | None, options: RunOptions, output: Path | None
) -> BenchmarkConfig:
    stored = BenchmarkConfig.from_yaml(path)
    given: dict[str, Any] = {name: getattr(stored, name) for name in stored.model_fields_set}
    given |= options.resolve()
    given |= {"models": models} if models else {}
    given |= PromptOptions(prompts_file=prompts).resolve() if prompts else {}
    return BenchmarkConfig.create(**with_settings(given, output))
