"""Clips in the terminal."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from example_run import make_run
from vid_diffusion_bench.report import ContactSheet
from vid_diffusion_bench.report.pictures import half_blocks

PROMPTS = ["a red circle moving left on a black background", "a blue star spinning on a white background"]


def printed(renderable, width=100, color="truecolor"):
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=color, markup=False)
    console.print(renderable)
    return console.file.getvalue()


def test_a_character_is_two_pixels_in_their_own_colours():
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    frames[0, :2] = (255, 0, 0)  # the upper half red
    frames[1, :, 2:] = (0, 0, 255)  # the right half blue
    text = half_blocks(frames, 2)
    assert text.plain == "▀▀ ▀▀"
    colours = [(span.style.color.triplet, span.style.bgcolor.triplet) for span in text.spans]
    red, blue, black = (255, 0, 0), (0, 0, 255), (0, 0, 0)
    assert colours == [(red, black), (red, black), (black, black), (blue, blue)]


def test_the_sheet_has_three_frames_a_model_and_says_why_one_is_missing(tmp_path):
    run = make_run(tmp_path / "run", prompts=PROMPTS)
    text = printed(ContactSheet(run.result, run.folder))
    assert all(prompt in text for prompt in PROMPTS)
    assert "GENERATION_TIMEOUT" in text
    assert max(line.count("▀") for line in text.splitlines()) <= 100 - 2 * 3


def test_no_pictures_without_the_colours_or_the_room_for_them(tmp_path):
    run = make_run(tmp_path / "run", prompts=PROMPTS)
    sheet = ContactSheet(run.result, run.folder)
    assert printed(sheet, color="256") == ""
    assert printed(sheet, width=50) == ""


def test_a_long_prompt_stays_on_one_line(tmp_path):
    run = make_run(tmp_path / "run", ("shapes-base",), prompts=["long\n" * 1999])
    assert max(map(len, printed(ContactSheet(run.result, run.folder), color="truecolor").split("\n")[:1])) < 120


def test_a_preview_that_is_gone_is_said(tmp_path):
    run = make_run(tmp_path / "run", ("shapes-base",))
    for path in (run.folder / "previews").iterdir():
        path.unlink()
    assert "does not exist" in printed(ContactSheet(run.result, run.folder), width=160)
