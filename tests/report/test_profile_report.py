"""A profile for people and for tools: the table, the page, the trace."""

from __future__ import annotations

import io
import json
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console

from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.optimization import BASELINE
from vid_diffusion_bench.profiling import (
    CallProfile,
    LevelProfile,
    MemorySample,
    PeakRate,
    ProfileReport,
    StageProfile,
    TimedSpan,
)
from vid_diffusion_bench.report import ProfileTable, profile_html, trace, write_trace
from vid_diffusion_bench.report.profile import amount, bar, memory_rows, money_rows
from vid_diffusion_bench.report.profile_page import memory, timeline
from vid_diffusion_bench.results import Cost, Manifest, MetricResult

GIB = 1024**3
REASON = "this machine shows no energy counter"


def call(kind, start, latency):
    spans = [("text_encoder", 0.0, 0.1), ("denoiser", 0.1, 0.3), ("denoiser", 0.35, 0.55), ("decoder", 0.6, 0.8),
             ("post_processing", 0.8, latency + 2e-6)]  # fmt: skip
    steps = [("step 1", 0.1, 0.35), ("step 2", 0.35, 0.6)]
    timed = kind != "load"
    return CallProfile(
        kind=kind, start=start, prompts=["a <b>red</b> circle"] if timed else [],
        cost=Cost(latency=latency, peak_rss=GIB, sampled_rss=GIB, reasons={"peak_vram": "no CUDA device"}),
        spans=[TimedSpan(name=n, start=a, end=b) for n, a, b in spans] if timed else [],
        steps=[TimedSpan(name=n, start=a, end=b) for n, a, b in steps] if timed else [],
        memory=[MemorySample(time=0.0, rss=10**9), MemorySample(time=latency, rss=2 * 10**9, device_vram=5 * 10**9)],
    )  # fmt: skip


@pytest.fixture
def report():
    absent = {name: MetricResult(name=name, value=None, reason=REASON)
              for name in ("energy_per_clip_joules", "energy_per_video_second_joules", "avg_power_watts")}  # fmt: skip
    level = LevelProfile(
        level=BASELINE, load_seconds=0.5, first_call_seconds=1.5, steady_seconds=1.0, first_call_extra=0.5,
        compile_seconds=0.0, step=0.25, performance=absent, warnings=["other processes took 84% of the processor"],
        stages=[
            StageProfile(name="text_encoder", seconds=0.1, share=0.1, parameters=1200),
            StageProfile(name="denoiser", seconds=0.5, share=0.5, parameters=3_950_000, flops=16_900_000_000,
                         flops_per_second=33.8e9, peak_share=0.435),
            StageProfile(name="other", seconds=0.4, share=0.4),
        ],
        calls=[call("load", 0.0, 0.5), call("first", 0.5, 1.5), call("steady", 2.5, 1.0)],
    )  # fmt: skip
    return ProfileReport(
        model="shapes-<i>base", parameters={"num_frames": 17, "height": 64, "width": 64, "num_inference_steps": 2},
        batch_size=1, peak=PeakRate(flops_per_second=77.7e9, size=1024, precision="fp32", runs=7), levels=[level],
        manifest=Manifest(packages={"torch": "2"}, python="3.11", platform="Linux", processor="EPYC", cpu_count=2,
                          memory_gb=8.0, device="cpu", precision="fp32", threads=1),
        sampling_interval=0.01, counted="matrix products", detailed=True,
    )  # fmt: skip


def printed(report, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(ProfileTable(report))
    return console.export_text()


def test_the_table_says_where_the_time_goes(report):
    text = printed(report, 120)
    assert "shapes-<i>base: 1.00 s a call, 50% of it in the denoiser" in text
    assert "17 frames of 64×64, 2 steps, 1 steady call after the first; EPYC, fp32, 1 thread" in text
    line = next(line for line in text.splitlines() if line.startswith("denoiser"))
    assert "50.0%" in line
    assert "█" * 10 in line
    assert [part in line for part in ("3.95 M", "16.9 GFLOP", "33.8 GFLOP/s", "43.5%")] == [True] * 4
    assert REASON in text
    assert "⚠ other processes took 84% of the processor" in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_table_fits(report, width):
    assert all(len(line) <= width for line in printed(report, width).splitlines())


def test_amounts_and_bars():
    assert [amount(n) for n in (7, 1200, 3.95e6, 2.5e15)] == ["7 ", "1.2 k", "3.95 M", "2.5 P"]
    assert bar(0.5).plain.startswith("█" * 10 + " ")
    assert bar(0.0).plain.strip() == "0.0%"
    assert bar(1.0).plain == "█" * 20 + " 100.0%"


def test_rows_tell_the_reason_where_there_is_no_figure(report):
    (level,) = report.levels
    rows = {title: (value, remark) for title, value, remark in memory_rows(level)}
    assert rows["resident"][0] == "1.000 GiB"
    assert rows["GPU, given out by the allocator"] == ("—", "no CUDA device")
    assert money_rows(level) == [("energy, power", "—", REASON)]
    paid = MetricResult(name="cost_per_clip", value=0.0123, unit="EUR", interval_reason="x")
    with_cost = level.model_copy(update={"performance": {**level.performance, "cost_per_clip": paid}})
    assert ("cost a clip", "0.0123 EUR", "") in money_rows(with_cost)


def test_the_trace_is_valid_and_its_spans_are_nested(report, tmp_path):
    path = write_trace(report, tmp_path / "deep" / "trace.json")
    data = json.loads(path.read_text())
    assert data == trace(report)
    events = data["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X", "C"}
    for event in events:
        assert {"name", "ph", "pid", "tid"} <= set(event)
    threads = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert threads == {1: "baseline"}
    spans = [event for event in events if event["ph"] == "X"]
    assert spans == sorted(spans, key=lambda event: event["ts"])
    parents, nested = [], {}
    for span in spans:
        end = span["ts"] + span["dur"]
        while parents and span["ts"] >= parents[-1][1] - 1e-6:
            parents.pop()
        if parents:
            assert end <= parents[-1][1] + 1e-3, "a span sticks out of the one around it"
        nested.setdefault(span["cat"], set()).add(parents[-1][0] if parents else None)
        parents.append((span["name"], end))
    assert nested["call"] == {None}
    assert nested["step"] == {"first call", "steady call"}
    assert nested["stage"] == {"first call", "steady call", "step 1", "step 2"}
    steady = next(span for span in spans if span["name"] == "steady call")
    assert (steady["ts"], steady["dur"]) == (2.5e6, 1e6)
    counters = [event for event in events if event["ph"] == "C"]
    assert counters[0]["args"] == {"resident": 1000.0}
    assert counters[1]["args"] == {"resident": 2000.0, "GPU": 5000.0}


def problems_of(data):
    """What the Trace Event Format (Google, 2016) says of the object form and of the events used here, written out."""
    found = [] if isinstance(data["traceEvents"], list) and data["displayTimeUnit"] in ("ms", "ns") else ["head"]
    metadata = {"process_name": str, "process_labels": str, "thread_name": str, "thread_sort_index": int}
    for event in data["traceEvents"]:
        kind, about = event["ph"], event.get("args", {})
        right = isinstance(event["name"], str) and isinstance(about, dict)
        right &= isinstance(event["pid"], int) and isinstance(event["tid"], int)
        if kind in "XC":
            right &= isinstance(event["ts"], int | float) and event["ts"] >= 0
        if kind == "X":
            right &= isinstance(event["dur"], int | float) and event["dur"] >= 0 and isinstance(event["cat"], str)
        elif kind == "C":
            right &= bool(about) and all(isinstance(value, int | float) for value in about.values())
        elif kind == "M":
            right &= isinstance(about.get("name"), metadata.get(event["name"], type(None)))
        else:
            right = False
        found += [] if right else [event]
    return found


def test_the_trace_keeps_the_rules_of_its_format(report):
    assert problems_of(json.loads(json.dumps(trace(report)))) == []


def test_what_follows_another_begins_where_that_ends_to_the_last_bit(report):
    """Readers that open and close events on a stack (speedscope) stumble over an end behind the next start."""
    (level,) = report.levels
    marks = np.cumsum(np.random.default_rng(0).uniform(1e-6, 1e-2, 400)).tolist()
    steps = [TimedSpan(name=f"step {n}", start=a, end=b) for n, (a, b) in enumerate(pairwise(marks), 1)]
    cost = level.calls[2].cost.model_copy(update={"latency": marks[-1] + 0.1})
    busy = level.calls[2].model_copy(update={"steps": steps, "spans": [], "start": 0.1, "cost": cost})
    data = trace(report.model_copy(update={"levels": [level.model_copy(update={"calls": [busy]})]}))
    events = [event for event in data["traceEvents"] if event.get("cat") == "step"]
    assert len(events) == 399
    assert all(before["ts"] + before["dur"] == after["ts"] for before, after in pairwise(events))
    assert events[0]["ts"] == pytest.approx(1e6 * (0.1 + marks[0]), abs=0.0626)


def test_the_timeline_has_a_row_a_call_and_a_bar_a_stretch(report):
    figure = timeline(report.levels[0])
    by_stage = {traced["name"]: traced for traced in figure["data"]}
    assert figure["data"][0]["name"] == "other", "the whole call is drawn first, under its stages"
    assert by_stage["other"]["y"] == ["load", "first call", "steady call 1"]
    assert by_stage["other"]["x"] == [0.5, 1.5, 1.0]
    assert by_stage["denoiser"]["base"] == [0.1, 0.35, 0.1, 0.35]
    assert by_stage["denoiser"]["x"] == pytest.approx([0.2] * 4)
    lines = memory(report.levels[0])["data"]
    assert lines[0]["y"] == pytest.approx([1e9 / GIB, 2e9 / GIB])
    bare = report.levels[0].model_copy(
        update={"calls": [c.model_copy(update={"memory": []}) for c in report.levels[0].calls]}
    )
    assert memory(bare) is None


def test_the_page_stands_alone_and_escapes(report, tmp_path):
    text = profile_html(report, tmp_path / "profile.html").read_text(encoding="utf-8")
    head, _, scripts = text.partition('<script type="application/json"')
    assert "shapes-&lt;i&gt;base" in head
    assert "<i>" not in head
    assert "src=" not in head
    assert "Content-Security-Policy" in head
    assert "timeline-0" in scripts
    assert REASON in head


def test_a_place_that_cannot_be_written_is_one_clear_error(report, tmp_path):
    (tmp_path / "file").write_text("")
    for write in (profile_html, write_trace):
        with pytest.raises(StorageError, match="cannot be written"):
            write(report, tmp_path / "file" / "page")


@pytest.fixture
def written(report, tmp_path):
    return profile_html(report, tmp_path / "profile.html")


def test_the_page_draws_its_figures_without_an_error(opened):
    page = opened()
    assert page.locator("#timeline-0 .bars path").count() == 3 + 2 * 5
    page.click("#theme")
