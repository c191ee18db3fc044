"""The terminal's table at the widths people have."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from example_run import make_run
from vid_diffusion_bench import report


def printed(result, width):
    console = Console(width=width, file=io.StringIO(), markup=False)
    console.print(report.table(result))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_lost(run, width):
    text = printed(run.result, width)
    assert max(map(len, text.splitlines())) <= width
    for number in ("95.0", "[93.8, 96.2]", "85.0", "55.0", "512", "204.9"):
        assert number in text


def test_three_models_stand_side_by_side_at_80_columns(run):
    assert any(
        line.split() == ["1", "shapes-oracle", "2", "shapes-base", "3", "shapes-small"]
        for line in printed(run.result, 80).splitlines()
    )


def test_more_models_than_fit_continue_below(tmp_path):
    run = make_run(tmp_path, ("shapes-oracle", "shapes-base", "shapes-small"))
    text = printed(run.result, 50)
    assert text.count("Quality") == 3


def test_a_missing_number_is_a_dash_with_a_footnote_said_once(run):
    text = printed(run.result, 120)
    line = next(line for line in text.splitlines() if line.startswith("motion_smoothness"))
    assert line.count("—") == 3
    assert text.count("one clip where many are needed") == 1


def test_a_name_that_looks_like_markup_is_printed_as_it_is(tmp_path):
    run = make_run(tmp_path)
    models = [run.result.models[0].model_copy(update={"model_name": "[red]a"})]
    assert "[red]a" in printed(run.result.model_copy(update={"models": models}), 100)
