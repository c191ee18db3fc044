"""What a clip on disk is known by: its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def content_hash(path: Path) -> str | None:
    """SHA-256 of a file's suffix and bytes, or of the names and bytes of a folder's files.

    ``None`` where not all of it can be read (a dangling link, a pipe, no permission): reading will say so.
    """
    digest = hashlib.sha256()
    folder = path.is_dir()
    try:
        for part in sorted(path.iterdir()) if folder else [path]:
            if not part.is_file():
                return None
            digest.update((part.name if folder else part.suffix).encode("utf-8", "surrogatepass"))
            with part.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
