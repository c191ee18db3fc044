"""A search as one HTML page that opens from disk with no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.ai_optimization import plots
from vid_diffusion_bench.ai_optimization.result import Comparison, OptimizationResult
from vid_diffusion_bench.report.exporters import write_file
from vid_diffusion_bench.report.frame import assets, render
from vid_diffusion_bench.report.numbers import compact, duration

_TEMPLATES = Path(__file__).parent / "templates"
_ROUNDING = 1e-9


def write_page(result: OptimizationResult, path: Path | str) -> Path:
    """Write the page of ``result``.

    Raises:
        StorageError: The file cannot be written.
    """
    path = Path(path)
    context = _context(result)
    page = render("optimization.html.j2", context, folder=_TEMPLATES, compact=figure, words=plots.words, span=span)
    write_file(path, page.encode("utf-8", "replace"))
    return path


def headline(result: OptimizationResult) -> str:
    """What was found, in one sentence."""
    if not result.best_parameters:
        return f"Nothing that was tried beats {result.model}'s own setting"
    if result.beats_default is None:
        return f"{plots.words(result.best_parameters)}: the best found, and too few prompts to say that it is better"
    if not result.beats_default:
        return f"{plots.words(result.best_parameters)}: the best found, not shown to beat the model's own"
    return f"{plots.words(result.best_parameters)} beats {result.model}'s own setting"


def verdict(found: Comparison) -> str:
    """One axis in a word."""
    if found.better is None:
        return found.reason or "–"
    low, high = found.difference_interval or (0.0, 0.0)
    return "better" if found.better else "not told apart" if low <= 0 <= high else "worse"


def _context(result: OptimizationResult) -> dict[str, Any]:
    figures = plots.figures(result)
    return {
        "result": result,
        "version": __version__,
        "headline": headline(result),
        "verdict": verdict,
        "cards": _cards(result),
        "parameters": [name for name in plots.varied(result) if f"parameter-{name}" in figures],
        "figures": {"plots": figures},
        **assets(),
    }


def _cards(result: OptimizationResult) -> list[tuple[str, str, str]]:
    name = result.score.partition(":")[0]
    best = f"{compact(result.best_score)}{f' {span(result.best_interval)}' if result.best_interval else ''}"
    searched = compact(result.search_score) if result.search_score is not None else "–"
    return [
        (f"Best {name}, fresh seeds", best, f"the model's own: {figure(result.default_score)}"),
        ("What the search saw of it", searched, "best of many noisy values: too good"),
        ("Settings tried", str(len(result.trials)), f"{result.strategy}: {result.sampler}"),
        ("Ended by", result.stopped_because.replace("_", " "), f"{len(result.prompts)} prompts × {result.repeats}"),
        ("Time taken", duration(result.elapsed_time), f"measuring: {duration(result.measuring_seconds)}"),
    ]


def figure(value: float) -> str:
    """A figure for people; what only rounding keeps from 0 is 0."""
    return compact(0.0 if abs(value) < _ROUNDING else value)


def span(interval: tuple[float, float] | None) -> str:
    """An interval in brackets; nothing where there is none."""
    return f"[{figure(interval[0])}, {figure(interval[1])}]" if interval else ""
