"""Which folder the last run wrote, so that ``export`` and ``report`` need not be told."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from vid_diffusion_bench.exceptions import BenchmarkNotFoundError
from vid_diffusion_bench.settings import APP


def _note() -> Path:
    return Path(platformdirs.user_state_dir(APP)) / "last-run"


def remember(folder: Path) -> None:
    """Note ``folder`` as the last run. A home that cannot be written costs only this convenience."""
    try:
        _note().parent.mkdir(parents=True, exist_ok=True)
        _note().write_text(str(folder.resolve()), encoding="utf-8")
    except OSError:
        return


def last_run() -> Path:
    """The folder of the last run.

    Raises:
        BenchmarkNotFoundError: There was none, or it is gone.
    """
    try:
        folder = Path(_note().read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchmarkNotFoundError("no run is known of", remedy="give the folder of a run") from error
    if not folder.is_dir():
        raise BenchmarkNotFoundError(f"the last run, {folder}, is gone", remedy="give the folder of a run")
    return folder
