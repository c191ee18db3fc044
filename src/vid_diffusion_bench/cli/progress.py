"""Progress on stderr: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from vid_diffusion_bench import events
from vid_diffusion_bench.events import Event

LINES_A_RUN = 20
WORTH_SAYING = 60
"""Seconds: shorter estimates are not shown."""

Count = Callable[[int, int], None]


_DETAILS = {events.ModelLoading: "loading", events.ModelLoaded: "", events.WarmUpStarted: "warming up"}


class Watcher(Protocol):
    """A listener that can also say a line of its own."""

    def __call__(self, event: Event) -> None: ...
    def say(self, text: str) -> None: ...
    def count(self, label: str, done: int, total: int) -> None: ...


@contextmanager
def watch() -> Iterator[Watcher]:
    """The listener that fits where stderr goes."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=None),
        MofNCompleteColumn(), TextColumn("{task.fields[detail]}", markup=False), TimeRemainingColumn(compact=True),
    )  # fmt: skip
    with Progress(*columns, console=console, expand=True, transient=True) as progress:
        yield Bars(progress)


class Bars:
    """One bar for the clips of the run, one for each thing that is scored or counted."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        # Loading the libraries takes seconds; the spinner turns from the first moment.
        self._clips = progress.add_task("starting", total=None, detail="")
        self._counted: dict[str, TaskID] = {}
        self._failed = 0

    def say(self, text: str) -> None:
        self.progress.console.print(text, style="yellow", markup=False)

    def __call__(self, event: Event) -> None:
        match event:
            case events.RunStarted():
                self.progress.update(self._clips, description="clips", total=event.total, completed=event.done)
            case events.ModelLoading() | events.ModelLoaded() | events.WarmUpStarted():
                self._update(event.model, detail=_DETAILS[type(event)])
            case events.StepCompleted():
                steps = f"step {event.step}/{event.total}" if event.total else f"step {event.step}"
                self._update(event.model, detail=steps + self._failures())
            case events.SampleCompleted():
                self._failed += event.record.status == "failed"
                self._update(event.record.model, completed=event.done, detail=self._failures().strip(" ·"))
            case events.ScoringProgress():
                self.count(f"scoring {event.model}", event.done, event.total)
            case events.TrialCompleted():
                self._trial(event)
            case events.ModelFailed():
                self.say(f"{event.model} could not be run. {event.failure.code}: {event.failure.message}")
            case events.Warned() | events.DurationEstimated() if text := _remark(event):
                self.say(text)

    def _trial(self, event: events.TrialCompleted) -> None:
        self._failed += event.state == "failed"
        self.progress.update(self._clips, total=event.total)
        self._update(f"{event.model}: {event.phase}", completed=event.done, detail=self._failures().strip(" ·"))

    def _update(self, model: str, *, detail: str, completed: int | None = None) -> None:
        self.progress.update(self._clips, description=model, completed=completed, detail=detail)

    def _failures(self) -> str:
        return f" · {self._failed} failed" if self._failed else ""

    def count(self, label: str, done: int, total: int) -> None:
        """``done`` of ``total`` of what is neither made nor scored, such as files that are checked."""
        if label not in self._counted:
            never_made_clips = self.progress.tasks[0].total is None
            self.progress.update(self._clips, visible=not never_made_clips)
            self._counted[label] = self.progress.add_task(label, total=total, detail="")
        self.progress.update(self._counted[label], completed=done, total=total)


class Lines:
    """Lines for logs: every change of state, and at most about twenty a run for its clips."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def count(self, label: str, done: int, total: int) -> None:
        if _due(done, total, 4):
            self.say(f"{label}: {done}/{total}")

    def __call__(self, event: Event) -> None:
        match event:
            case events.RunStarted():
                kept = f", {event.done} already made" if event.done else ""
                self.say(f"{event.benchmark_id}: {event.total} clip{'s' * (event.total != 1)}{kept}")
            case events.ModelLoading():
                self.say(f"{event.model}: loading")
            case events.ModelLoaded():
                self.say(f"{event.model}: loaded in {event.seconds:.1f} s")
            case events.SampleCompleted():
                self._sample(event)
            case events.TrialCompleted():
                self.say(trial_line(event))
            case events.ScoringProgress() if _due(event.done, event.total, 4):
                self.say(f"{event.model}: scored {event.done}/{event.total}")
            case events.ModelFailed():
                self.say(f"{event.model}: could not be run. {event.failure.code}: {event.failure.message}")
            case events.Warned() | events.DurationEstimated() if text := _remark(event):
                self.say(text)

    def _sample(self, event: events.SampleCompleted) -> None:
        clip = f"{event.record.model}: clip {event.done}/{event.total}"
        if failure := event.record.failure:
            self.say(f"{clip} failed. {failure.code}: {failure.message}")
        elif _due(event.done, event.total, LINES_A_RUN):
            self.say(clip)


def trial_line(event: events.TrialCompleted) -> str:
    """One setting of a search as a line."""
    setting = ", ".join(f"{name} {value}" for name, value in event.setting.items()) or "the model's own setting"
    figures = " ".join(f"{value:.4g}" for value in event.values)
    ended = f"{event.state} {figures}".strip() + (f": {event.reason}" if event.reason else "")
    return f"{event.model}: {event.phase} {event.done}/{event.total}: {setting}: {ended}"


def _due(done: int, total: int, lines: int) -> bool:
    """Whether ``done`` is where one of ``lines`` evenly spread lines falls."""
    return done == total or done * lines // max(1, total) > (done - 1) * lines // max(1, total)


@contextmanager
def scoring(generated: Path, real: Path | None) -> Iterator[tuple[Count, Count]]:
    """Two counters, of the generated and the real clips, for scoring folders."""
    with watch() as listener:
        yield _counter(listener, generated.name), _counter(listener, real.name if real else "")


def _counter(listener: Watcher, label: str) -> Count:
    return lambda done, total: listener(events.ScoringProgress(label, done, total))


def _remark(event: events.Warned | events.DurationEstimated) -> str | None:
    """The line that is said; a short duration is not worth one."""
    if isinstance(event, events.Warned):
        return f"warning: {event.message}"
    if event.seconds < WORTH_SAYING:
        return None
    minutes = event.seconds / 60
    time = f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
    return f"{event.model}: {event.clips} clips will take about {time} (an estimate: {event.method})"


@contextmanager
def bytes_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar of bytes for a download: on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
