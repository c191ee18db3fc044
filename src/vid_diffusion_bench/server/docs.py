"""Writes the tables of the server's page: ``python -m vid_diffusion_bench.server.docs docs/server.md``."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from vid_diffusion_bench.exceptions import error_classes
from vid_diffusion_bench.server.app import create_app
from vid_diffusion_bench.server.examples import operations
from vid_diffusion_bench.server.rate_limits import FACTORS, OTHER, TABLE
from vid_diffusion_bench.server.settings import ServerSettings


def written(page: str) -> str:
    """``page`` with its tables as they are now; each stands between ``<!-- NAME -->`` and ``<!-- end -->``."""
    tables = {"routes": _routes(), "settings": _settings(), "limits": _limits(), "errors": _errors()}
    for name, lines in tables.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        table = "\n".join(lines).replace("\\", r"\\")
        page, found = re.subn(marks, rf"\g<1>{table}\n\g<2>", page, flags=re.DOTALL)
        if not found:
            raise ValueError(f"the page has no place for its table of {name}")
    return page


def _routes() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServerSettings(data_root=Path(folder), database_url=None))
        schema = app.openapi()
        app.state.services.database.close()
    rows = [(f"`{name}`", _needs(said), said["description"].split("\n")[0]) for name, said in operations(schema)]
    return _table(("route", "needs", "does"), rows)


def _needs(operation: dict[str, Any]) -> str:
    needed = str(operation["x-permission"])
    return {"public": "nothing", "known": "any key or token"}.get(needed, f"`{needed}`")


def _settings() -> list[str]:
    rows = []
    for name, field in ServerSettings.model_fields.items():
        plain = field.default is not PydanticUndefined and field.default is not None
        value = getattr(field.default, "get_secret_value", lambda field=field: field.default)() if plain else ""
        rows.append((f"`VIDBENCH_{name.upper()}`", f"`{value}`" if plain else "", str(field.description)))
    return _table(("variable", "default", "meaning"), rows)


def _limits() -> list[str]:
    rows = []
    for limit in (*TABLE.values(), OTHER):
        tiers = (f"{limit.requests * f:,}, {limit.burst * f:,}" if f else "none" for f in FACTORS.values())
        rows.append((f"`/{limit.name}`" if limit is not OTHER else "all other", *tiers))
    return _table(("paths", *FACTORS), rows)


def _errors() -> list[str]:
    rows = []
    for error in error_classes():
        status = f"{error.http_status} {HTTPStatus(error.http_status).phrase}"
        meaning = (error.__doc__ or "").split("\n")[0]
        rows.append((f"`{error.code}`", error.reference or "", status, f"`{error.__name__}`", meaning))
    return _table(("code", "first reference", "status", "class", "meaning"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(written(target.read_text(encoding="utf-8")), encoding="utf-8")
