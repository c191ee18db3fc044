"""Comparison: runs in, and out of them what differs, how surely, and which models nobody beats."""

from vid_diffusion_bench.comparison.compare import Question, compare
from vid_diffusion_bench.comparison.plan import SamplePlan, plan
from vid_diffusion_bench.comparison.result import (
    Comparison,
    Difference,
    FigureComparison,
    Frontier,
    RankInfo,
    Refusal,
    SequentialInfo,
)
from vid_diffusion_bench.comparison.subjects import Run

__all__ = [
    "Comparison",
    "Difference",
    "FigureComparison",
    "Frontier",
    "Question",
    "RankInfo",
    "Refusal",
    "Run",
    "SamplePlan",
    "SequentialInfo",
    "compare",
    "plan",
]
