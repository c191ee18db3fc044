"""An analysis as one HTML page that opens from disk, with no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.report.frame import assets, render
from vid_diffusion_bench.research import plots, summary
from vid_diffusion_bench.research.analysis import ExperimentAnalysis
from vid_diffusion_bench.research.experiment import written
from vid_diffusion_bench.research.outcome import write_text

MOST_ROWS = 200
"""Conditions in the page's table; the others are in the data bundle."""


def write_page(analysis: ExperimentAnalysis, path: Path) -> Path:
    """Write the page.

    Raises:
        StorageError: The file cannot be written.
    """
    return write_text(path, render("experiment.html.j2", _context(analysis)))


def _context(analysis: ExperimentAnalysis) -> dict[str, Any]:
    figures, shown = _figures(analysis)
    return {
        "analysis": analysis,
        "experiment": analysis.results.experiment,
        "version": __version__,
        "words": summary,
        "written": written,
        "cards": _cards(analysis),
        "shown": shown,
        "conditions": analysis.conditions[:MOST_ROWS],
        "figures": {"plots": figures},
        **assets(),
    }


def _figures(analysis: ExperimentAnalysis) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Figures by id, and for each metric the (id, caption) of its own."""
    figures: dict[str, Any] = {}
    shown: list[dict[str, Any]] = []
    for number, metric in enumerate(analysis.metrics):
        groups: dict[str, list[tuple[str, str]]] = {}
        kinds: dict[str, dict[str, dict[str, Any] | None]] = {
            "main": {**plots.main_effects(metric)},
            "both": {**plots.interactions(metric)},
            "residuals": {"against fitted values": plots.residuals(metric), "against normal": plots.quantiles(metric)},
        }
        for kind, found in kinds.items():
            for place, (caption, figure) in enumerate(found.items()):
                if figure:
                    figures[f"{kind}-{number}-{place}"] = figure
                    groups.setdefault(kind, []).append((f"{kind}-{number}-{place}", caption.replace(":", " × ")))
        shown.append({"metric": metric, **{kind: groups.get(kind, []) for kind in kinds}})
    return figures, shown


def _cards(analysis: ExperimentAnalysis) -> list[tuple[str, str, str]]:
    """The figures at the top: title, value, remark."""
    experiment, clips = analysis.results.experiment, analysis.results.clips
    completed = sum(clip.status == "completed" for clip in clips)
    tested = [effect for metric in analysis.metrics for effect in metric.effects if effect.p_value is not None]
    power = experiment.power[0] if experiment.power else None
    cards = [
        ("Conditions", f"{len(experiment.conditions)}", experiment.design.replace("_", " ")),
        (
            "Prompts",
            f"{experiment.blocking.prompts}",
            "complete blocks" if experiment.blocking.complete else "incomplete blocks",
        ),
        ("Usable clips", f"{completed:,} of {len(clips):,}", f"status: {analysis.results.status}"),
        ("Effects found", f"{sum(bool(e.significant) for e in tested)} of {len(tested)}", "after Holm's correction"),
    ]
    if power:
        what = "d" if power.metric is None else power.metric
        cards.append(("Planned power", f"{power.power:.2f}", f"{what} = {power.effect:g}"))
    return cards
