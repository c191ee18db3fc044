"""Searches a model's parameters for the best by an objective, with Optuna; importing it imports no torch."""

from vid_diffusion_bench.ai_optimization.objectives import OptimizationObjective
from vid_diffusion_bench.ai_optimization.optimizer import AIOptimizationEngine, Options
from vid_diffusion_bench.ai_optimization.result import OptimizationResult, read_result
from vid_diffusion_bench.ai_optimization.samplers import STRATEGIES
from vid_diffusion_bench.ai_optimization.space import SearchSpace, read_space

__all__ = [
    "STRATEGIES",
    "AIOptimizationEngine",
    "OptimizationObjective",
    "OptimizationResult",
    "Options",
    "SearchSpace",
    "read_result",
    "read_space",
]
