"""How long ``torch.compile`` has worked in this process."""

from __future__ import annotations

import sys


def compile_seconds() -> float:
    """Wall seconds spent compiling so far; 0 where nothing was ever compiled. A difference of two is a block's."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    if dynamo is None:
        return 0.0
    return float(dynamo.calculate_time_spent().get("total_wall_time", 0.0))
