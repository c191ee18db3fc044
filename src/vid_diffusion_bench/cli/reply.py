"""What a command gives back; the edge of the process decides whether people or a program read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Reply:
    """``data`` is plain JSON data for ``--json``; ``view`` is what rich prints for people."""

    data: Any
    view: Any
    exit_code: int = DONE
