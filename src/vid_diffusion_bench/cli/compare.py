"""``vid-bench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vid_diffusion_bench.cli.comparison_options import ComparisonOptions
from vid_diffusion_bench.cli.options import PromptOptions, RunOptions, make_config
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.exceptions import ValidationError

if TYPE_CHECKING:
    from vid_diffusion_bench.comparison import Comparison

Folders = Annotated[list[Path] | None, Parameter(consume_multiple=True, negative=())]


def compare(
    *models: str,
    runs: Folders = None,
    stop_early: str | None = None,
    looks: int = 4,
    prompts: PromptOptions = PromptOptions(),  # noqa: B008 - frozen
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    asked: ComparisonOptions = ComparisonOptions(),  # noqa: B008 - frozen
    output: Path | None = None,
) -> Reply:
    """Run several models on the same prompts and seeds, rank them, and test whether their differences are real.

    With --runs nothing is made: runs that are there already are compared, pair by pair where they share prompts and
    seeds.

    Args:
        models: Names of `vid-bench models list`, `hf:ORG/NAME`, `endpoint:URL#MODEL`, or diffusers folders. With
            --runs: which models of the runs.
        runs: Folders of runs to compare as they are.
        stop_early: A metric of single clips, for two models: the prompts are run in looks, and the run ends as soon as
            one model is found better by it; the error over all looks stays --alpha.
        looks: How many looks, with --stop-early.
        prompts: Where the prompts come from.
        options: How clips are made and scored.
        asked: What is asked of the comparison.
        output: A folder for everything; or FILE.json for the result with the comparison, with the rest in the folder
            FILE beside it. With --runs: a file for the comparison (.json, .csv, .md, .tex). Default: the setting
            `output_dir`.
    """
    if runs:
        return _of_runs(list(models), runs, prompts, options, asked, output)
    if not models:
        raise ValidationError("no models are given", remedy="vid-bench compare A B --prompts …, or --runs RUN1 RUN2")
    if len(set(models)) < 2:
        raise ValidationError(
            "one model alone is compared with nothing", remedy="name a second one, or use vid-bench benchmark"
        )
    from vid_diffusion_bench.cli.execute import Sequential, execute

    as_file = output is not None and output.suffix.lower() == ".json"
    folder = output.with_suffix("") if output and as_file else output
    config = make_config(list(models), prompts, options, folder)
    sequential = Sequential(stop_early, looks, asked.alpha) if stop_early else None
    question = asked.question()
    asked.check_names(config.metrics)
    return execute(config, options, copy_to=output if as_file else None, question=question, sequential=sequential)


def _of_runs(
    models: list[str],
    runs: list[Path],
    prompts: PromptOptions,
    options: RunOptions,
    asked: ComparisonOptions,
    output: Path | None,
) -> Reply:
    """Compare what is there."""
    given = [name for name, value in options.resolve().items() if name != "metrics" and value is not None]
    given += [name for name in ("prompts", "prompts_file", "prompt_set") if getattr(prompts, name)]
    if given:
        raise ValidationError(
            f"--{given[0].replace('_', '-')} is for making clips, and --runs makes none", remedy="leave one of them out"
        )
    from vid_diffusion_bench import comparison
    from vid_diffusion_bench.report import comparison_table

    found = comparison.compare(runs, models or None, asked.question(options.metrics))
    if found.reason:
        raise ValidationError(found.reason, remedy="give runs of two models or more on the same prompts")
    if output:
        _write(found, output)
    return Reply(found.model_dump(mode="json"), comparison_table(found))


def _write(found: Comparison, output: Path) -> None:
    from vid_diffusion_bench.report.exporters import render_comparison, write_file

    formats = {".json": "json", ".csv": "csv", ".md": "markdown", ".tex": "latex"}
    chosen = formats.get(output.suffix.lower())
    if chosen is None:
        raise ValidationError(
            f"{output} is no kind of file that a comparison is written as", remedy=f"one of {', '.join(formats)}"
        )
    write_file(output, render_comparison(found, chosen))
