"""``vid-bench models``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cyclopts import App

from vid_diffusion_bench.cli.reply import Reply

app = App(name="models", help="List models and what they need.")
_STYLES = {"available": "green", "not_downloaded": "yellow", "missing_dependency": "yellow", "unconfigured": "yellow"}


@app.command(name="list")
def list_all() -> Reply:
    """List the models known by name, and whether each could run now."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.models import list_models

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("model", "parameters", "largest", "frames", "status"):
        table.add_column(title, justify="right" if title in {"parameters", "largest", "frames"} else "left")
    models = list_models()
    for model in models:
        status = Text(model.status.replace("_", " "), style=_STYLES[model.status])
        table.add_row(
            model.name, _count(model.parameters), model.max_resolution or "—", str(model.max_frames or "—"), status
        )
    note = Text("\nAny other diffusers video model works as hf:ORG/NAME or as a folder.", style="dim")
    return Reply({"models": [model.model_dump(mode="json") for model in models]}, Group(table, note))


@app.command
def download(name: str, /, *, cache_dir: Path | None = None, revision: str | None = None) -> Reply:
    """Download a model from the hub; after a failure the same command fetches what is lacking.

    Only what a pipeline is loaded from is fetched: safetensors, configuration, tokenizers and scheduler. The commit is
    written down, and the model is that one from then on. Gated models need `hf auth login` or HF_TOKEN.

    Args:
        name: A name or alias, or `hf:ORG/NAME`.
        cache_dir: In place of the Hugging Face cache.
        revision: A branch, tag or commit. Default: main.
    """
    from vid_diffusion_bench.cli.progress import bytes_bar
    from vid_diffusion_bench.models import download_model

    with bytes_bar(name) as progress:
        found = download_model(name, revision, cache_dir=cache_dir, progress=progress)
    data = {**asdict(found), "folder": str(found.folder)}
    return Reply(data, f"{name}: {found.size_bytes / 1e9:.2f} GB at {found.commit}\n{found.folder}")


@app.command
def info(name: str, /) -> Reply:
    """Show what is known of a model: what it needs, its licence, its links, whether it could run now.

    Args:
        name: A name or alias.
    """
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.models import model_info

    model = model_info(name)
    data = model.model_dump(mode="json")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for field, value in data.items():
        if value not in (None, [], {}, False):
            table.add_row(Text(field.replace("_", " "), style="bold"), Text(_text(value), overflow="fold"))
    return Reply(data, table)


def _count(parameters: int | None) -> str:
    if parameters is None:
        return "—"
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.1f} M"


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(entry)}" for key, entry in value.items() if entry not in (None, [], {}))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
