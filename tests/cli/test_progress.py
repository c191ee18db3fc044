"""What people see while a run goes on."""

from __future__ import annotations

import io
import re

from rich.console import Console
from rich.progress import Progress, TextColumn

from vid_diffusion_bench import events
from vid_diffusion_bench.cli.progress import Bars, Lines
from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.results import Failure, SampleRecord

FAILURE = Failure(code="GENERATION_TIMEOUT", message="too [slow]", stage="generate")


def record(failure=None):
    return SampleRecord(
        key="k", model="m", prompt="p", prompt_id="i", index=0, seed=0, parameters=GenerationParameters(),
        status="failed" if failure else "completed", failure=failure,
    )  # fmt: skip


def story(total):
    yield events.RunStarted("bench_1", ["m"], total, 1)
    yield events.ModelLoading("m")
    yield events.ModelLoaded("m", 1.5)
    yield events.WarmUpStarted("m")
    for done in range(2, total + 1):
        yield events.StepCompleted("m", "p", 3, 12)
        yield events.SampleCompleted(record(FAILURE if done == 3 else None), done, total)
    yield events.ScoringProgress("m", 1, 1)
    yield events.Warned("careful [now]")


def test_lines_are_few_name_failures_and_end_at_the_end():
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    for event in story(1000):
        lines(event)
    text = out.getvalue()
    assert len(text.splitlines()) < 30
    assert "bench_1: 1000 clips, 1 already made" in text
    assert "m: loaded in 1.5 s" in text
    assert "clip 3/1000 failed. GENERATION_TIMEOUT: too [slow]" in text
    assert "m: clip 1000/1000" in text
    assert "m: scored 1/1" in text
    assert "warning: careful [now]" in text


def test_what_is_counted_is_not_said_to_be_scored():
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    lines(events.RunStarted("bench_1", ["m"], 1, 0))
    for done in range(1, 101):
        lines.count("files", done, 100)
    assert out.getvalue().splitlines() == ["bench_1: 1 clip", *(f"files: {n}/100" for n in (25, 50, 75, 100))]


def test_the_bar_shows_clip_step_and_failures():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    columns = (TextColumn("{task.description}|{task.completed}/{task.total}|{task.fields[detail]}", markup=False),)
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        bars = Bars(progress)
        seen = []
        for event in story(5):
            bars(event)
            task = progress.tasks[0]
            seen.append((task.description, task.completed, task.fields["detail"]))
    assert seen[0] == ("clips", 1, "")
    assert seen[1] == ("m", 1, "loading")
    assert seen[3] == ("m", 1, "warming up")
    assert ("m", 1, "step 3/12") in seen
    assert ("m", 3, "1 failed") in seen
    assert ("m", 3, "step 3/12 · 1 failed") in seen
    assert [task.description for task in progress.tasks] == ["m", "scoring m"]
    assert "careful [now]" in re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())


def test_scoring_without_making_clips_shows_only_its_own_bar():
    with Progress(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False) as progress:
        bars = Bars(progress)
        assert [task.description for task in progress.tasks if task.visible] == ["starting"]
        bars(events.ScoringProgress("generated", 1, 4))
        assert [task.description for task in progress.tasks if task.visible] == ["scoring generated"]
