"""The page of all commands is what the commands say."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.cli.docs import page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == page(), "run `make docs`"


def test_the_page_names_no_folder_of_this_machine():
    assert str(Path.home()) not in page()
