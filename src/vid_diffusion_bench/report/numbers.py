"""How numbers are written for people: as many digits as their interval supports, and units that fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from vid_diffusion_bench.results import MetricResult

ABSENT = "—"
MAX_DECIMALS = 4
_SMALLEST = 12


def decimals(results: Iterable[MetricResult]) -> int:
    """Decimals that every value of one column is written with.

    Enough to show two digits of the median half-width of the intervals, or four significant digits of the largest
    value where there is no interval; at most four, unless four would show nothing of any value.
    """
    measured = [result for result in results if result.value is not None]
    largest = max((abs(result.value or 0.0) for result in measured), default=0.0)
    if 0 < largest < 10**-MAX_DECIMALS:
        return _digits(largest)
    widths = [high - low for low, high in _intervals(measured) if high > low]
    if widths:
        return _clamp(1 - math.floor(math.log10(median(widths) / 2)))
    return _digits(largest) if largest else 1


def _intervals(results: Sequence[MetricResult]) -> list[tuple[float, float]]:
    return [result.confidence_interval for result in results if result.confidence_interval is not None]


def _digits(value: float) -> int:
    """Decimals for four significant digits; of what four decimals would show as nothing, two."""
    power = math.floor(math.log10(value))
    return _clamp(3 - power) if power >= -MAX_DECIMALS else min(_SMALLEST, 1 - power)


def _clamp(digits: int) -> int:
    return max(0, min(MAX_DECIMALS, digits))


def number(value: float | None, digits: int) -> str:
    """``value`` with ``digits`` decimals and thousands set apart, or a dash; never ``-0``.

    Where even more than four decimals show nothing, it is ``0``.
    """
    if value is None:
        return ABSENT
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        return "0" if digits > MAX_DECIMALS else text.removeprefix("-")
    return text


def interval(bounds: tuple[float, float] | None, digits: int) -> str:
    """``[low, high]``, or nothing."""
    return f"[{number(bounds[0], digits)}, {number(bounds[1], digits)}]" if bounds else ""


def beside(result: MetricResult | None, digits: int) -> str:
    """What stands beside a value: its interval, or of a comparison of sets N and the noise floor at that N."""
    if result is None or result.value is None:
        return ""
    lines = [interval(result.confidence_interval, digits)]
    if sizes := _set_sizes(result):
        floor = result.metadata.get("noise_floor")
        lines.append(f"N {sizes}" + ("" if floor is None else f", floor {number(floor, digits)}"))
    return " ".join(filter(None, lines))


def _set_sizes(result: MetricResult) -> str:
    """Clips a set, or of the generated and the real one where they differ; nothing where no sets were compared."""
    names = ("n_per_set", "n_generated", "n_real")
    return " / ".join(dict.fromkeys(f"{result.metadata[name]:,}" for name in names if name in result.metadata))


def compact(value: float | None) -> str:
    """One value on its own, to four significant digits."""
    if value is None:
        return ABSENT
    if value == 0:
        return "0"
    return number(value, _digits(abs(value)))


def signed(value: float) -> str:
    """A difference to three significant digits, with its sign."""
    text = f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}" if abs(value) >= 1e-4 else f"{value:+.1e}"
    return text.replace("-", "−") if value else "0"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: ``0.35 s``, ``42 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds is None:
        return ABSENT
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.3g} ms"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """Bytes as kB, MB or GB (powers of ten, as file managers show them)."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
