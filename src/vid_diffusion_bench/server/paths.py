"""Paths that a client sends: inside the data root, or refused."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.exceptions import NotFoundError, PermissionDeniedError


def inside(root: Path, text: str) -> Path:
    """The existing file or folder that ``text`` names within ``root``, symbolic links followed.

    Raises:
        PermissionDeniedError: It is outside: absolute, by ``..``, or by a link.
        NotFoundError: There is none.
    """
    if not text or "\0" in text or len(text) > 4096 or Path(text).is_absolute():
        raise _outside(text)
    base = root.resolve()
    try:
        found = (base / text).resolve()
    except (OSError, RuntimeError) as error:
        raise NotFoundError(f"there is no {text[:200]!r} in the data root") from error
    if not found.is_relative_to(base):
        raise _outside(text)
    if not found.exists():
        raise NotFoundError(f"there is no {text[:200]!r} in the data root", details={"path": text[:200]})
    return found


def _outside(text: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"{text[:200]!r} is not inside the data root", remedy="send a path relative to the server's data root"
    )
