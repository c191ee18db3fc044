"""The engine: plan, generate, record, score; resumable. Importing it imports no torch."""

from vid_diffusion_bench.engine.conditions import Made, block_of, run_conditions
from vid_diffusion_bench.engine.early_stop import run_until_clear
from vid_diffusion_bench.engine.levels import optimization_levels
from vid_diffusion_bench.engine.plan import Plan, PlannedModel, PlannedSample, make_plan, sample_key
from vid_diffusion_bench.engine.profile import profile
from vid_diffusion_bench.engine.run import rescore, run

__all__ = [
    "Made",
    "Plan",
    "PlannedModel",
    "PlannedSample",
    "block_of",
    "make_plan",
    "optimization_levels",
    "profile",
    "rescore",
    "run",
    "run_conditions",
    "run_until_clear",
    "sample_key",
]
