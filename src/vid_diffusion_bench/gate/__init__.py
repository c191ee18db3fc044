"""The gate: is a candidate run as good as its baseline, clip by clip, and no slower? For continuous integration."""

from vid_diffusion_bench.comparison.pairs import Pairing
from vid_diffusion_bench.gate.gate import gate
from vid_diffusion_bench.gate.limits import CostLimit, Limits
from vid_diffusion_bench.gate.result import Check, GateResult

__all__ = ["Check", "CostLimit", "GateResult", "Limits", "Pairing", "gate"]
