"""What people see of a model's fit and health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from vid_diffusion_bench.engine.fit import Fit
    from vid_diffusion_bench.engine.health import Health


def fit_table(fit: Fit) -> Table:
    """The estimate, marked as one."""
    table = _two_columns()
    size = f"{fit.num_frames}x{fit.height}x{fit.width} in {fit.precision} on {fit.device}"
    rows = {
        "asked": size + (f", {fit.batch_size} together" if fit.batch_size > 1 else ""),
        "parameters": ", ".join(f"{part.name} {part.parameters:,}" for part in fit.components),
        "estimated weights": _gib(fit.estimated_weights_gb),
        "estimated denoiser": _gib(fit.estimated_denoiser_gb),
        "estimated decoder": _gib(fit.estimated_decoder_gb),
        "estimated peak": _gib(fit.estimated_peak_gb),
        "free": _gib(fit.available_gb),
        "estimated to fit": _verdict(fit),
        "cheapest remedy": " and ".join(fit.cheapest.changes) if fit.cheapest else None,
        "estimated time a clip": _time(fit),
        "method": fit.method,
    }
    return _filled(table, rows)


def health_table(health: Health) -> Table:
    """The finding; what was not reached is left out."""
    rows = {
        "status": health.status,
        "checked": f"{health.last_check}, believed until {health.valid_until}",
        "load": None if health.load_time_ms is None else f"{health.load_time_ms / 1000:.2f} s",
        "one step": None if health.test_generation_ms is None else f"{health.test_generation_ms / 1000:.2f} s",
        "peak memory": _gib(health.memory_usage_gb),
        "failure": f"{health.failure.code}: {health.failure.message}" if health.failure else None,
    }
    return _filled(_two_columns(), rows)


def _two_columns() -> Table:
    return Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))


def _filled(table: Table, rows: dict[str, Any]) -> Table:
    for name, value in rows.items():
        if value is not None:
            table.add_row(Text(name, style="bold"), Text(str(value), overflow="fold"))
    return table


def _gib(size: float | None) -> str | None:
    return None if size is None else f"{size:.2f} GiB" if size >= 0.1 else f"{size * 1024:.1f} MiB"


def _verdict(fit: Fit) -> str:
    if fit.certain_not_to_fit:
        return "no, certainly: the weights alone are larger than the device"
    return {True: "yes", False: "no", None: "not known"}[fit.estimated_fits]


def _time(fit: Fit) -> str | None:
    if fit.estimated_seconds_a_clip is None:
        return None
    return f"{fit.estimated_seconds_a_clip:.1f} s ({fit.seconds_method})"
