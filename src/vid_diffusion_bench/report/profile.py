"""A profile in the terminal: where the time goes, what is computed, memory, energy and money."""

from __future__ import annotations

from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.profiling import LevelProfile, ProfileReport
from vid_diffusion_bench.report.numbers import ABSENT, compact, duration, number
from vid_diffusion_bench.results import GIB, MetricResult

_BAR, _EIGHTHS = 20, " ▏▎▍▌▋▊▉"
FIGURES = {
    "energy_per_clip_joules": "energy a clip",
    "energy_per_video_second_joules": "energy a second of video",
    "avg_power_watts": "mean power",
    "cost_per_clip": "cost a clip",
    "cost_per_video_second": "cost a second of video",
}
"""Figures of a model's performance that a profile shows, and what they are called for people."""
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class ProfileTable:
    """A rich renderable of a profile, one block a level."""

    def __init__(self, report: ProfileReport) -> None:
        self.report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(headline(self.report), style="bold")
        yield Text(setting(self.report), style="dim")
        for level in self.report.levels:
            yield Text()
            yield _phases(level)
            yield Text()
            yield _stages(level, wide=options.max_width >= 100)
            yield Text()
            yield _rows("Memory, peak", memory_rows(level))
            yield Text()
            yield _rows("Energy and cost", money_rows(level))
            yield Text()
            yield from (Text(f"⚠ {warning}", style="yellow") for warning in level.warnings)
        yield Text(footnote(self.report), style="dim")


def headline(report: ProfileReport) -> str:
    """What a call takes, and which stage takes most of it."""
    level = report.levels[0]
    first = f"{report.model}: {duration(level.steady_seconds)} a call"
    stages = [stage for stage in level.stages if stage.name != "other"]
    if not stages:
        return f"{first}; it has no parts that could be timed apart"
    most = max(stages, key=lambda stage: stage.seconds)
    return f"{first}, {most.share:.0%} of it in the {_words(most.name)}"


def setting(report: ProfileReport) -> str:
    """What was run, on what."""
    asked, about = report.parameters, report.manifest
    size = f"{asked['num_frames']} frames" if "num_frames" in asked else "clips"
    if "height" in asked and "width" in asked:
        size += f" of {asked['height']}×{asked['width']}"
    parts = [size]
    if "num_inference_steps" in asked:
        parts.append(f"{asked['num_inference_steps']} steps")
    parts += [f"starting from {_source(name, value)}" for name, value in report.inputs.items()]
    if report.batch_size > 1:
        parts.append(f"{report.batch_size} clips a call")
    calls = sum(call.kind == "steady" for call in report.levels[0].calls)
    parts.append(f"{calls} steady call{'s' * (calls != 1)} after the first")
    threads = f"{about.threads} thread{'s' * (about.threads != 1)}"
    return f"{', '.join(parts)}; {about.device_name or about.processor}, {about.precision}, {threads}"


def _source(name: str, value: Any) -> str:
    """Where an image or a clip came from: rendered, made by a model, or a file."""
    if isinstance(value, dict):
        return f"an {name} that another model made"
    return f"{'an' if name == 'image' else 'a'} {name} of {value}" if " " in value else f"the {name} given"


def footnote(report: ProfileReport) -> str:
    """What the operations are, and the peak they are held against."""
    peak = report.peak
    return (
        f"Operations: {report.counted}. Peak: {rate(peak.flops_per_second)}, the fastest of {peak.runs} products of "
        f"two {peak.size}×{peak.size} matrices in {peak.precision} here. Memory sampled every "
        f"{report.sampling_interval * 1000:g} ms from another process."
    )


def phase_rows(level: LevelProfile) -> list[tuple[str, str]]:
    """Load, first call, compiling, steady state."""
    extra = level.first_call_extra
    steady = sum(call.kind == "steady" for call in level.calls)
    switched = [(name.replace("_", " "), _said(done)) for name, done in level.optimization.items()]
    precision = [("precision", level.manifest.precision)] if level.manifest else []
    return [
        *precision,
        *switched,
        ("load", duration(level.load_seconds)),
        ("first call", duration(level.first_call_seconds)),
        ("more than a steady one", duration(extra) if extra > 0 else "no"),
        ("of it compiling", duration(level.compile_seconds) if level.compile_seconds else "nothing compiled"),
        (f"steady call (median of {steady})", duration(level.steady_seconds)),
        ("denoising step (median)", duration(level.step)),
    ]


def _said(done: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {what}" for name, what in done.items())


def memory_rows(level: LevelProfile) -> list[tuple[str, str, str]]:
    """Peaks over the steady calls: what, the figure, the reason or remark."""
    costs = [call.cost for call in level.calls if call.kind == "steady"]
    fields = {
        "peak_rss": ("resident", "the whole process, by the kernel's mark"),
        "sampled_rss": ("resident, sampled", "a check of the line above"),
        "peak_vram": ("GPU, given out by the allocator", ""),
        "peak_vram_reserved": ("GPU, kept by the allocator", ""),
        "process_vram": ("GPU, this process (driver)", "with its CUDA context"),
    }
    rows, reasons = [], costs[0].reasons
    for name, (title, remark) in fields.items():
        known = [peak for cost in costs if (peak := getattr(cost, name)) is not None]
        if known:
            rows.append((title, f"{number(max(known) / GIB, 3)} GiB", remark))
        elif name in {"peak_rss", "peak_vram"} or "CUDA" not in reasons.get(name, ""):
            rows.append((title, ABSENT, reasons.get(name, "not measured")))
    return rows


def money_rows(level: LevelProfile) -> list[tuple[str, str, str]]:
    """Energy, power and cost: what, the figure with its unit, the reason."""
    found = [(title, level.performance[name]) for name, title in FIGURES.items() if name in level.performance]
    if all(result.value is None and result.reason == found[0][1].reason for _, result in found):
        return [("energy, power", ABSENT, found[0][1].reason or "")]
    return [(title, _figure(result), result.reason or "; ".join(result.warnings)) for title, result in found]


def rate(flops_per_second: float | None) -> str:
    """Operations a second, with a unit that fits."""
    return ABSENT if flops_per_second is None else f"{amount(flops_per_second)}FLOP/s"


def amount(count: float) -> str:
    """A count to three digits with the letter of its power of ten: ``16.9 G``; the unit follows."""
    for power, letter in _UNITS:
        if count >= power:
            return f"{count / power:.3g} {letter}"
    return f"{count:.3g} "


def _figure(result: MetricResult) -> str:
    return ABSENT if result.value is None else f"{compact(result.value)} {result.unit}".strip()


def _phases(level: LevelProfile) -> RenderableType:
    return _rows(f"Level {level.level}", [(name, value, "") for name, value in phase_rows(level)])


def _stages(level: LevelProfile, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold cyan", title_justify="left")
    table.add_column("Stage", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("share", no_wrap=True)
    if wide:
        for title in ("parameters", "operations", "rate", "of peak"):
            table.add_column(title, justify="right", no_wrap=True)
    for stage in level.stages:
        cells: list[RenderableType] = [_words(stage.name), duration(stage.seconds), bar(stage.share)]
        if wide:
            cells += [
                f"{amount(stage.parameters)}".strip() if stage.parameters else "",
                f"{amount(stage.flops)}FLOP" if stage.flops else "",
                rate(stage.flops_per_second) if stage.flops_per_second else "",
                f"{stage.peak_share:.1%}" if stage.peak_share else "",
            ]
        table.add_row(*cells)
    if level.flops_reason and wide:
        table.caption = level.flops_reason
    return table


def bar(share: float) -> Text:
    """A bar of a share of the call, with its per cent."""
    eighths = round(share * _BAR * 8)
    drawn = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return Text.assemble((drawn.ljust(_BAR), "blue"), f" {share:6.1%}")


def _rows(title: str, rows: list[tuple[str, str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    table.add_row(Text(title, style="bold cyan"))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")
