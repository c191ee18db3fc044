"""Writes the page of all commands: ``python -m vid_diffusion_bench.cli.docs docs/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vid_diffusion_bench.cli.app import app

_HEAD = "<!-- Written by `make docs` from the commands themselves; a test compares. -->\n\n"


def page() -> str:
    """The page, in Markdown."""
    with _called("vid-bench"):
        text = app.generate_docs(output_format="markdown", recursive=True).strip()
        # A heading keeps the dashes of an option in its anchor; Cyclopts' links drop them.
        return _HEAD + text.replace("(#vid-bench-install-completion)", "(#vid-bench---install-completion)") + "\n"


@contextmanager
def _called(name: str) -> Iterator[None]:
    """Cyclopts reads the name of the program off the command line, and cannot take ``python -m`` apart."""
    before = sys.argv
    sys.argv = [name]
    try:
        yield
    finally:
        sys.argv = before


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
