"""``vid-bench prompts``."""

from __future__ import annotations

from cyclopts import App

from vid_diffusion_bench.cli.reply import Reply

app = App(name="prompts", help="List and show the standard prompt sets.")


@app.command(name="list")
def list_sets() -> Reply:
    """List the standard prompt sets."""
    from rich.table import Table

    from vid_diffusion_bench.prompts import list_prompt_sets

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("set", "prompts", "what it is for"):
        table.add_column(title, justify="right" if title == "prompts" else "left", no_wrap=title == "set")
    sets = list_prompt_sets()
    for entry in sets:
        table.add_row(entry.name, str(len(entry)), entry.description)
    data = [
        {
            "name": entry.name,
            "version": entry.version,
            "description": entry.description,
            "categories": entry.categories,
            "prompts": len(entry),
            "fingerprint": entry.fingerprint,
        }
        for entry in sets
    ]
    return Reply({"prompt_sets": data}, table)


@app.command
def show(name: str, /, *, category: str | None = None) -> Reply:
    """Print the prompts of a set, one a line: a prompt file to start from.

    Args:
        name: The set.
        category: Only this category.
    """
    from vid_diffusion_bench.prompts import prompt_set

    chosen = prompt_set(name)
    names = [category] if category else chosen.categories
    groups = {group: chosen.category(group) for group in names}
    blocks = ["\n".join([f"# {group}", *prompts]) for group, prompts in groups.items()]
    data = {"name": chosen.name, "version": chosen.version, "fingerprint": chosen.fingerprint, "prompts": groups}
    return Reply(data, "\n\n".join(blocks))
