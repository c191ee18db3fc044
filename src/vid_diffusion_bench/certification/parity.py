"""Parity: the pinned inputs scored here beside the values that were published with this package.

``python -m vid_diffusion_bench.certification.pin FILE`` writes the values again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from vid_diffusion_bench.certification.certificate import ParityResult
from vid_diffusion_bench.certification.inputs import pinned_inputs
from vid_diffusion_bench.certification.observe import Metrics, Outcome, Tick, both, no_tick, observe, outcomes, relative
from vid_diffusion_bench.metrics import Metric

PINNED = Path(__file__).parent / "pinned.json"
EXACT_TOLERANCE = 1e-6
"""Relative, for metrics that read pixels only."""
EXTRACTED_TOLERANCE = 1e-3
"""Relative, for metrics that read a network or an optical flow, whose float32 sums differ between processors."""


def check_parity(metrics: Metrics, tick: Tick = no_tick) -> dict[str, ParityResult]:
    """Every metric's value of the pinned inputs, beside the pinned one."""
    pinned = read_pinned()
    found, inputs = pinned_outcomes(metrics, tick)
    if inputs != pinned["inputs_sha256"]:
        why = f"the inputs made here are others ({inputs[:12]}) than those that were pinned: another renderer"
        return {name: ParityResult(status="not pinned", detail=why) for name in metrics}
    return {name: _compared(metric, found[name], pinned["values"].get(name)) for name, metric in metrics.items()}


def pinned_outcomes(metrics: Metrics, tick: Tick = no_tick) -> tuple[dict[str, Outcome], str]:
    """What comes of the pinned inputs here, and the SHA-256 of the inputs."""
    generated, real, inputs = pinned_inputs()
    seen = both(observe(generated, metrics, tick), observe(real, metrics, tick, real=True))
    return outcomes(metrics, seen), inputs


@cache
def read_pinned() -> dict[str, Any]:
    """The pinned values with their origin."""
    pinned: dict[str, Any] = json.loads(PINNED.read_text(encoding="utf-8"))
    return pinned


def tolerance(metric: Metric) -> float:
    """How far, relatively, this metric may be from its pinned value."""
    return EXTRACTED_TOLERANCE if metric.needs else EXACT_TOLERANCE


def _compared(metric: Metric, found: Outcome, pinned: dict[str, Any] | None) -> ParityResult:
    if pinned is None:
        return ParityResult(status="not pinned", detail="no value of this metric was published", value=found.value)
    if (metric.label, metric.version) != (pinned["label"], pinned["version"]):
        was = f"{pinned['label']} version {pinned['version']}"
        return ParityResult(status="not pinned", detail=f"what was published is {was}", value=found.value)
    allowed = tolerance(metric)
    if found.value is None:
        return ParityResult(status="differs", detail=f"no value here: {found.reason}", pinned=pinned["value"])
    apart = relative(pinned["value"], found.value)
    return ParityResult(
        status="agrees" if apart <= allowed else "differs",
        detail=f"apart by a relative {apart:.1e}" if apart else "equal to the last bit",
        pinned=pinned["value"], value=found.value, tolerance=allowed,
    )  # fmt: skip
