"""Writes the pinned values: ``python -m vid_diffusion_bench.certification.pin FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from vid_diffusion_bench.certification.parity import pinned_outcomes
from vid_diffusion_bench.metrics import MetricRegistry, unavailable
from vid_diffusion_bench.metrics.built_in import BUILT_IN
from vid_diffusion_bench.profiling import read_manifest


def pinned() -> dict[str, Any]:
    """The values of every built-in metric that can run here, with where they are from."""
    metrics = {name: MetricRegistry.get(name) for name in BUILT_IN}
    running = {name: metric for name, metric in metrics.items() if unavailable(metric) is None}
    found, inputs = pinned_outcomes(running)
    manifest = read_manifest("cpu", "fp32")
    return {
        "origin": "computed by this package on its own; the formulas are proved against independent witnesses in tests",
        "packages": manifest.packages,
        "python": manifest.python,
        "processor": manifest.processor,
        "inputs_sha256": inputs,
        "values": {
            name: {"label": metric.label, "version": metric.version, "value": found[name].value}
            for name, metric in sorted(running.items())
            if found[name].value is not None
        },
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(pinned(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
