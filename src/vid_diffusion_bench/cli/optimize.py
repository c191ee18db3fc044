"""``vid-bench optimize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vid_diffusion_bench.cli.options import Names, PromptOptions
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.exceptions import ValidationError

if TYPE_CHECKING:
    from rich.table import Table

    from vid_diffusion_bench.ai_optimization import OptimizationResult


def optimize(
    model: str,
    /,
    *,
    objective: str = "quality",
    strategy: str = "bayesian",
    max_evaluations: int = 50,
    output: Path | None = None,
    prompts: PromptOptions = PromptOptions(),  # noqa: B008 - frozen
    space: Path | None = None,
    set: Annotated[Names, Parameter(name="--set")] = None,  # noqa: A002 - the option's name
    repeats: int = 1,
    quality_metric: str | None = None,
    memory_metric: str | None = None,
    max_seconds: float | None = None,
    max_cost: float | None = None,
    pruner: str = "auto",
    top: int = 3,
    seed: int = 0,
    folder: Path | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    device: str | None = None,
) -> Reply:
    """Search a model's parameters for the best by an objective, and measure the best again on fresh seeds.

    The same command in the same folder goes on where it stopped; several may run at once and share the work.

    Args:
        model: A name of `vid-bench models list`, `hf:ORG/NAME`, or a diffusers folder.
        objective: quality, latency, memory, efficiency, balanced or pareto (quality and latency).
        strategy: bayesian, gp, random, grid, evolutionary or multi_objective.
        max_evaluations: Different settings to try.
        output: File for the result, which `vid-bench benchmark --params` takes.
        prompts: Where the prompts come from. Default: the first 8 of a set that fits the model.
        space: YAML or JSON file with the search space; see docs/optimizing.md. Default: steps, guidance, schedulers.
        set: What is the same for all settings: num_frames=17 width=64.
        repeats: Clips of each prompt, each with a seed of its own.
        quality_metric: What quality is. Default: overall_score.
        memory_metric: peak_vram_gb or peak_ram_gb. Default: peak_vram_gb.
        max_seconds: End the search after so many seconds.
        max_cost: End the search when the machine has cost so much, by the setting price_per_hour.
        pruner: wilcoxon or median: give a setting up on part of the prompts. auto or none.
        top: So many of the best are measured on fresh seeds.
        seed: Of the sampler.
        folder: Where clips and the study are kept. Default: a folder under the setting output_dir.
        resume: Only go on with a search that is there.
        device: auto, cpu, cuda, cuda:N or mps.
    """
    _check_output(output, folder, resume=resume)
    from vid_diffusion_bench.cli.interrupt import stop_on_interrupt
    from vid_diffusion_bench.cli.progress import watch

    with watch() as listener, stop_on_interrupt(listener.say) as stop:
        from vid_diffusion_bench import BenchmarkSuite
        from vid_diffusion_bench.ai_optimization import AIOptimizationEngine, Options, read_space

        given: dict[str, Any] = {"quality_metric": quality_metric, "memory_metric": memory_metric}
        options = Options(
            repeats=repeats,
            max_seconds=max_seconds,
            max_cost=max_cost,
            pruner=pruner,
            top=top,
            seed=seed,
            **{name: value for name, value in given.items() if value},
        )
        chosen = prompts.resolve() if _any(prompts) else {"prompts": None}
        found = AIOptimizationEngine(BenchmarkSuite(device=device)).optimize_benchmark_parameters(
            model,
            objective,
            strategy,
            read_space(space) if space else None,
            max_evaluations,
            options=options,
            output_dir=folder,
            listener=listener,
            stop=stop,
            **chosen,
            **_fixed(set or []),
        )
    return _finish(found, output)


def _check_output(output: Path | None, folder: Path | None, *, resume: bool) -> None:
    if output and output.is_dir():
        raise ValidationError(f"{output} is a folder", remedy="name a file; --folder says where clips are kept")
    if resume:
        from vid_diffusion_bench.ai_optimization.study import JOURNAL

        if folder is None or not (folder / JOURNAL).is_file():
            raise ValidationError("there is no search to go on with", remedy="give the --folder of one")


def _any(prompts: PromptOptions) -> bool:
    return bool(prompts.prompts or prompts.prompts_file or prompts.prompt_set)


def _fixed(given: list[str]) -> dict[str, Any]:
    """``NAME=VALUE`` to fields of a configuration, values as YAML reads them."""
    import yaml

    fixed: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValidationError(f"--set {text!r} is not NAME=VALUE", remedy="--set num_frames=17")
        fixed[name] = yaml.safe_load(value)
    return fixed


def _finish(found: OptimizationResult, output: Path | None) -> Reply:
    from rich.console import Group
    from rich.text import Text

    from vid_diffusion_bench.ai_optimization.optimizer import PAGE
    from vid_diffusion_bench.ai_optimization.page import headline

    lines = [Text(f"warning: {warning}", style="yellow") for warning in found.warnings]
    lines += [Text(f"left out: {name}: {reason}") for name, reason in found.left_out.items()]
    if output:
        lines.append(Text(f"Parameters: {found.save(output)}"))
    lines.append(Text(f"Report: {Path(found.folder) / PAGE}"))
    summary = Text(f"{headline(found)}.", style="bold")
    against: list[Text | Table] = [Text(), _table(found)] if found.comparisons else []
    return Reply(found.model_dump(mode="json"), Group(summary, *against, "", Text(_score(found)), *lines))


def _score(found: OptimizationResult) -> str:
    from vid_diffusion_bench.ai_optimization.page import figure, span

    seen = f"; the search saw {found.search_score:.4g}" if found.search_score is not None else ""
    return (
        f"best_score {found.best_score:.4g} {span(found.best_interval)} on fresh seeds{seen}; "
        f"the model's own {figure(found.default_score)}. {len(found.trials)} settings, {found.sampler}, "
        f"{found.elapsed_time:.0f} s, ended by {found.stopped_because}."
    )


def _table(found: OptimizationResult) -> Table:
    from rich.table import Table

    from vid_diffusion_bench.ai_optimization.page import figure, span, verdict

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("figure", "the model's own", "best", "difference", "95 % interval", "verdict"):
        table.add_column(title, justify="left" if title in ("figure", "verdict") else "right")
    for c in found.comparisons:
        figures = [figure(v) if v is not None else "–" for v in (c.default, c.value, c.difference)]
        table.add_row(f"{c.axis} {c.unit}".strip(), *figures, span(c.difference_interval), verdict(c))
    return table
