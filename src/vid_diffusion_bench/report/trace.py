"""A profile's timeline in Chrome's trace event format, which chrome://tracing, Perfetto and speedscope open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.profiling import CallProfile, ProfileReport, TimedSpan
from vid_diffusion_bench.report.exporters import write_file

_PID = 1
_EIGHTHS = 8
"""Of a microsecond. They are exact in binary, and so is ``ts + dur``: a rounded sum that passes the next start by the
last bit would be an event that overlaps its neighbour, which readers that keep a stack cannot close."""
CALL_NAMES = {"load": "load", "first": "first call", "steady": "steady call"}
"""What a kind of call is called for people."""


def write_trace(report: ProfileReport, path: Path | str) -> Path:
    """Write the trace of ``report``.

    Raises:
        StorageError: The file cannot be written.
    """
    path = Path(path)
    write_file(path, json.dumps(trace(report), ensure_ascii=False, allow_nan=False).encode())
    return path


def trace(report: ProfileReport) -> dict[str, Any]:
    """The trace as plain data: one thread a level, calls over steps over stages, and a counter of memory.

    Format: "Trace Event Format" (Google, 2016): complete events ``X``, counters ``C`` and metadata ``M``, in
    microseconds; on one thread, what lies inside another event is nested in it.
    """
    spans = sorted(_spans(report), key=lambda event: (event["tid"], event["ts"], -event["dur"]))
    return {
        "traceEvents": [*_names(report), *spans, *_memory(report)],
        "displayTimeUnit": "ms",
        "otherData": {"model": report.model, "version": __version__, "created_at": report.created_at},
    }


def _names(report: ProfileReport) -> Iterator[dict[str, Any]]:
    yield {"name": "process_name", "ph": "M", "pid": _PID, "tid": 0, "args": {"name": report.model}}
    for thread, level in enumerate(report.levels, 1):
        yield {"name": "thread_name", "ph": "M", "pid": _PID, "tid": thread, "args": {"name": level.level}}


def _spans(report: ProfileReport) -> Iterator[dict[str, Any]]:
    for thread, level in enumerate(report.levels, 1):
        for call in level.calls:
            end = call.cost.latency
            whole = TimedSpan(name=CALL_NAMES[call.kind], start=0.0, end=end)
            yield _event(whole, "call", thread, call, {"prompts": call.prompts} if call.prompts else {})
            # Marks of a GPU and the wall clock differ by microseconds: nothing may stick out of its call.
            for category, spans in (("step", call.steps), ("stage", call.spans)):
                for span in spans:
                    kept = TimedSpan(name=span.name, start=min(span.start, end), end=min(span.end, end))
                    yield _event(kept, category, thread, call, {})


def _event(span: TimedSpan, category: str, thread: int, call: CallProfile, about: dict[str, Any]) -> dict[str, Any]:
    start, end = (_microseconds(call.start + moment) for moment in (span.start, span.end))
    return {
        "name": span.name.replace("_", " "),
        "cat": category,
        "ph": "X",
        "ts": start,
        "dur": max(0.0, end - start),
        "pid": _PID,
        "tid": thread,
        **({"args": about} if about else {}),
    }


def _microseconds(seconds: float) -> float:
    return round(1e6 * seconds * _EIGHTHS) / _EIGHTHS


def _memory(report: ProfileReport) -> Iterator[dict[str, Any]]:
    """Megabytes over time, one series for each kind of memory that was seen."""
    for call in (call for level in report.levels for call in level.calls):
        for sample in call.memory:
            known = {"resident": sample.rss, "process on GPU": sample.process_vram, "GPU": sample.device_vram}
            series = {name: round(count / 1e6, 3) for name, count in known.items() if count is not None}
            if series:
                at = _microseconds(call.start + sample.time)
                yield {"name": "memory (MB)", "ph": "C", "ts": at, "pid": _PID, "tid": 0, "args": series}
