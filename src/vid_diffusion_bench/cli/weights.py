"""``vid-bench weights``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from vid_diffusion_bench.cli.reply import Reply

if TYPE_CHECKING:
    from vid_diffusion_bench.weights import WeightsFile
    from vid_diffusion_bench.weights.store import WeightsState

app = App(name="weights", help="Weights of published feature extractors: what is here, add, fetch.")
_STYLES = {"present": "green", "missing": "yellow", "damaged": "red", "hash mismatch": "red"}
_VERIFIED = {
    "published": "its SHA-256 is the published one",
    "recorded": "its SHA-256 is recorded here, no published hash of it is known",
}


@app.command(name="list")
def list_all() -> Reply:
    """List the weights that metrics can need, and whether each is on this machine.

    A file that is new here is hashed once, which takes seconds for the largest.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.weights import catalogue
    from vid_diffusion_bench.weights.places import weights_folder
    from vid_diffusion_bench.weights.store import inspect

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("weights", "status", "what needs them", "where"):
        table.add_column(title, no_wrap=title != "where", overflow="fold")
    states = [inspect(entry) for entry in catalogue()]
    for state in states:
        status = Text(_status(state), style=_STYLES[state.status])
        table.add_row(state.entry.name, status, state.entry.needed_by, _where(state))
    note = Text(f"\nLooked for in {weights_folder()}, hub models also in the Hugging Face cache.", style="dim")
    data = {"folder": str(weights_folder()), "weights": [_data(state) for state in states]}
    return Reply(data, Group(table, note))


@app.command(name="add")
def add_file(path: Path, /, *, name: str | None = None) -> Reply:
    """Check a file, or the folder of a hub model, and copy it into the weights folder.

    Args:
        path: The file or folder; a file is recognised by its content or its name.
        name: What it is, as `vid-bench weights list` names it.
    """
    from vid_diffusion_bench.weights.add import add

    return _reply(add(path.expanduser(), name))


@app.command(name="fetch")
def fetch_one(name: str, /) -> Reply:
    """Download weights into the weights folder; a download that broke off goes on where it stopped.

    Args:
        name: As `vid-bench weights list` names them.
    """
    from vid_diffusion_bench.cli.progress import bytes_bar
    from vid_diffusion_bench.weights.fetch import fetch

    with bytes_bar(name) as progress:
        return _reply(fetch(name, progress))


def _reply(found: WeightsFile) -> Reply:
    data = {"name": found.name, "path": str(found.path), "sha256": found.sha256, "verified": found.verified}
    return Reply(data, f"{found.name}: {found.path}\n{_VERIFIED[found.verified]}: {found.sha256}")


def _status(state: WeightsState) -> str:
    return "present, recorded here" if state.verified == "recorded" else state.status


def _where(state: WeightsState) -> str:
    if state.path is not None:
        return str(state.path)
    return state.entry.file or f"hf:{state.entry.hub}"


def _data(state: WeightsState) -> dict[str, Any]:
    from vid_diffusion_bench.weights.places import expected_path, weights_folder

    found = {"status": state.status, "path": str(state.path) if state.path else None, "verified": state.verified}
    goes_to = str(expected_path(state.entry, weights_folder()))
    entry = asdict(state.entry)
    published = {"published_sha256": entry.pop("sha256")}
    return {**entry, **published, **found, "sha256": state.sha256, "reason": state.reason, "goes_to": goes_to}
