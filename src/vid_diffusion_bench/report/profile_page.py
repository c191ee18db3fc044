"""A profile as one HTML page that opens from disk: the timeline of every call, memory over time, and the tables."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.profiling import CallProfile, LevelProfile, ProfileReport
from vid_diffusion_bench.report import profile as words
from vid_diffusion_bench.report.exporters import write_file
from vid_diffusion_bench.report.frame import assets, render
from vid_diffusion_bench.report.numbers import duration
from vid_diffusion_bench.report.plots import PALETTE, STAGE_PALETTE
from vid_diffusion_bench.report.trace import CALL_NAMES
from vid_diffusion_bench.results import GIB

STAGES = ("text_encoder", "denoiser", "decoder", "post_processing", "other")
_ROW_PIXELS, _FRAME_PIXELS, _MAX_CALLS = 34, 130, 40


def profile_html(report: ProfileReport, path: Path | str) -> Path:
    """Write the page of ``report``.

    Raises:
        StorageError: The file cannot be written.
    """
    path = Path(path)
    page = render("profile.html.j2", _context(report))
    write_file(path, page.encode("utf-8", "replace"))
    return path


def _context(report: ProfileReport) -> dict[str, Any]:
    plots: dict[str, Any] = {}
    for number, level in enumerate(report.levels):
        plots[f"timeline-{number}"] = timeline(level)
        plots[f"memory-{number}"] = memory(level)
    return {
        "report": report,
        "version": __version__,
        "words": words,
        "cards": _cards(report),
        "colors": dict(zip(STAGES, STAGE_PALETTE, strict=False)),
        "heights": [_FRAME_PIXELS + _ROW_PIXELS * len(_shown(level)) for level in report.levels],
        "hidden": [len(level.calls) - len(_shown(level)) for level in report.levels],
        "figures": {"plots": {name: figure for name, figure in plots.items() if figure}},
        **assets(),
    }


def _cards(report: ProfileReport) -> list[tuple[str, str, str]]:
    level = report.levels[0]
    memory = next(iter(words.memory_rows(level)))
    rows = [
        ("Steady call", duration(level.steady_seconds), "median"),
        ("Denoising step", duration(level.step), "median"),
        ("First call", duration(level.first_call_seconds), f"load: {duration(level.load_seconds)}"),
        ("Peak resident memory", memory[1], "steady calls"),
    ]
    title, value, remark = words.money_rows(level)[0]
    return [*rows, (title.capitalize(), value, remark)]


def _shown(level: LevelProfile) -> list[tuple[str, CallProfile]]:
    """The calls of the picture, each under its name; the load and at most so many others."""
    named, steady = [], 0
    for call in level.calls[:_MAX_CALLS]:
        steady += call.kind == "steady"
        named.append((CALL_NAMES[call.kind] + (f" {steady}" if call.kind == "steady" else ""), call))
    return named


def timeline(level: LevelProfile) -> dict[str, Any]:
    """A row a call from its beginning, a bar a stretch of a stage; what no bar covers is the rest of the call."""
    shown = _shown(level)
    traces = []
    for index, stage in enumerate(STAGES):
        pieces = [piece for name, call in shown for piece in _pieces(name, call, stage)]
        if not pieces:
            continue
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": stage.replace("_", " "),
                "y": [escape(name) for name, _, _ in pieces],
                "base": [start for _, start, _ in pieces],
                "x": [seconds for _, _, seconds in pieces],
                "marker": {"color": STAGE_PALETTE[index], "line": {"width": 0.6, "color": "rgba(255,255,255,.7)"}},
                "hovertemplate": "from %{base:.4~g} s, %{x:.4~g} s long<extra>%{fullData.name}</extra>",
                "width": 0.45 if stage == "other" else 0.8,
                "legendrank": index,
            }
        )
    layout = {
        "barmode": "overlay",
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"title": {"text": "seconds since the call began"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "categoryorder": "array", "categoryarray": [name for name, _ in shown]},
    }
    # The whole call lies under its stages: it is drawn first.
    return {"data": [*traces[-1:], *traces[:-1]], "layout": layout}


def _pieces(name: str, call: CallProfile, stage: str) -> list[tuple[str, float, float]]:
    if stage == "other":
        return [(name, 0.0, call.cost.latency)]
    return [(name, span.start, span.end - span.start) for span in call.spans if span.name == stage]


def memory(level: LevelProfile) -> dict[str, Any] | None:
    """Memory of every call from its beginning; ``None`` where none was kept."""
    traces = []
    kinds = {
        "rss": ("resident", "solid"),
        "process_vram": ("process, GPU", "dash"),
        "device_vram": ("GPU", "dot"),
    }
    for index, (name, call) in enumerate(_shown(level)):
        for field, (word, dash) in kinds.items():
            points = [(s.time, value) for s in call.memory if (value := getattr(s, field)) is not None]
            if points:
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "lines",
                        "name": f"{name}, {word}" if field != "rss" else name,
                        "x": [time for time, _ in points],
                        "y": [value / GIB for _, value in points],
                        "line": {"color": PALETTE[index % len(PALETTE)], "dash": dash, "width": 2},
                        "hovertemplate": "%{y:.4~g} GiB at %{x:.4~g} s<extra>%{fullData.name}</extra>",
                    }
                )
    if not traces:
        return None
    layout = {
        "xaxis": {"title": {"text": "seconds since the call began"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "GiB"}},
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
    }
    return {"data": traces, "layout": layout}
