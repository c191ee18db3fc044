"""Clips in the terminal: the first, middle and last frame of some, drawn with half blocks in 24-bit colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.cells import set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.report.board import Board
from vid_diffusion_bench.results import BenchmarkResult, SampleRecord
from vid_diffusion_bench.video import Frames, read_video, sample_frames

FRAMES, SIDE, LEAST_SIDE = 3, 14, 6


class ContactSheet:
    """Frames of the first ``prompts`` prompts, a column a model; nothing where the terminal has no 24-bit colour."""

    def __init__(self, result: BenchmarkResult, folder: Path, *, prompts: int = 2) -> None:
        self.folder = folder
        self.models = Board.of(result).models
        self.prompts = list(dict.fromkeys(result.config.prompts))[:prompts]
        records = [record for model in result.models for record in model.records if record.index == 0]
        self.records = {(record.prompt, record.model): record for record in records}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        side = min(SIDE, (options.max_width // max(1, len(self.models)) - 2) // FRAMES - 1)
        if console.color_system != "truecolor" or side < LEAST_SIDE:
            return
        for prompt in self.prompts:
            yield Text(set_cell_size(" ".join(prompt.split()), min(options.max_width, 78)).rstrip(), style="italic")
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_row(*(Text(model, style="dim") for model in self.models))
            table.add_row(*(self._strip(self.records.get((prompt, model)), side) for model in self.models))
            yield table
            yield Text()

    def _strip(self, record: SampleRecord | None, side: int) -> Text:
        if record is None or record.clip is None or not (path := record.clip.path or record.clip.preview):
            return Text(record.failure.code if record and record.failure else "no clip", style="red")
        try:
            frames = read_video(self.folder / path).frames
        except InvalidVideoError as error:
            return Text(error.message, style="red")
        return half_blocks(frames[sample_frames(len(frames), FRAMES)], side)


def half_blocks(frames: Frames, side: int) -> Text:
    """Frames (T, H, W, 3) side by side, each ``side`` characters wide; a character is two pixels, upper and lower."""
    height = max(2, round(side * frames.shape[1] / frames.shape[2] / 2) * 2)
    small = [_shrunk(frame, height, side) for frame in frames]
    lines = []
    for row in range(0, height, 2):
        cells = [Text.assemble(*(_cell(frame[row, x], frame[row + 1, x]) for x in range(side))) for frame in small]
        lines.append(Text(" ").join(cells))
    return Text("\n").join(lines)


def _shrunk(frame: Frames, height: int, width: int) -> Frames:
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BOX))


def _cell(upper: Any, lower: Any) -> tuple[str, Style]:
    return "▀", Style(color=f"rgb({upper[0]},{upper[1]},{upper[2]})", bgcolor=f"rgb({lower[0]},{lower[1]},{lower[2]})")
