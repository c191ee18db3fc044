"""SHA-256 of big files, computed once and remembered by size and time of change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, hex; read again only when its size or time of change differ.

    Raises:
        OSError: The file cannot be read.
    """
    target = path.resolve()
    stat = target.stat()
    state = [stat.st_size, stat.st_mtime_ns]
    known = read_json(index_file()).get(str(target))
    if isinstance(known, list) and known[:2] == state and len(known) == 3 and _is_sha256(known[2]):
        return str(known[2])
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    update_json(index_file(), {str(target): [*state, sha256]}, required=False)
    return sha256


def combined_sha256(digests: Mapping[str, str]) -> str:
    """One SHA-256 for several files: of the lines ``DIGEST  NAME``, sorted by name, as ``sha256sum`` prints them."""
    lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def index_file() -> Path:
    """Where hashes are remembered."""
    from vid_diffusion_bench.settings import load_settings

    return load_settings().cache_dir / "weights-index.json"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object's content; empty when the file is absent or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def update_json(path: Path, changes: Mapping[str, Any], *, required: bool = True) -> None:
    """Put ``changes`` into the object at ``path``, whole or not at all.

    Args:
        required: Raise ``OSError`` where the folder cannot be written, instead of leaving the file as it was.
    """
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(path.with_name(f".{path.name}.lock")), timeout=30):
            _write(path, {**read_json(path), **changes})
    except OSError:
        if required:
            raise


def _write(path: Path, content: Mapping[str, Any]) -> None:
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        unfinished.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")
