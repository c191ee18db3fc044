"""The engine: plan, generate, record, score; resumable. Importing it imports no torch."""

from vid_diffusion_bench.engine.plan import Plan, PlannedModel, PlannedSample, make_plan, sample_key
from vid_diffusion_bench.engine.run import rescore, run

__all__ = ["Plan", "PlannedModel", "PlannedSample", "make_plan", "rescore", "run", "sample_key"]
