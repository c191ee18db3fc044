"""``vid-bench config``."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from vid_diffusion_bench.cli.reply import Reply

app = App(name="config", help="Show and change the settings.")


@app.command
def show() -> Reply:
    """Show the settings in force, and the file they are kept in."""
    from vid_diffusion_bench.settings import load_settings

    return _reply(load_settings())


@app.command(name="set")
def set_value(name: str, value: str, /) -> Reply:
    """Change a setting for good.

    Args:
        name: The setting; `vid-bench config show` lists them.
        value: Its value.
    """
    from vid_diffusion_bench.settings import save_setting

    stored = save_setting(name, value).model_dump(mode="json")[name]
    return Reply({name: stored}, f"{name} = {stored}")


@app.command
def reset() -> Reply:
    """Go back to the defaults."""
    from vid_diffusion_bench.settings import load_settings, reset_settings

    reset_settings()
    return _reply(load_settings())


def _reply(settings: Any) -> Reply:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.settings import settings_file

    values = settings.model_dump(mode="json")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for name, value in values.items():
        table.add_row(
            name,
            Text(str(value), overflow="fold"),
            Text(type(settings).model_fields[name].description or "", style="dim"),
        )
    note = Text(f"\nKept in {settings_file()}; VIDBENCH_<NAME> in the environment goes first.", style="dim")
    return Reply({**values, "file": str(settings_file())}, Group(table, note))
