"""The file that ``vid-bench optimize`` wrote, as the base of a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def read_params(model: str, path: Path) -> dict[str, Any]:
    """The fields of a configuration that are the best setting in ``path``; says so when it is another model's.

    Raises:
        ValidationError: The file is not there, or is none of that kind.
    """
    from vid_diffusion_bench.ai_optimization import read_result

    found = read_result(path)
    if found.model != model:
        sys.stderr.write(f"warning: the parameters of {path} were found for {found.model}, not for {model}\n")
    return found.config_fields()
