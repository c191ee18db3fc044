"""Comparison: runs in, and out of them what differs, how surely, and which models nobody beats."""

from vid_diffusion_bench.comparison.compare import Question, compare
from vid_diffusion_bench.comparison.differences import ALL_EQUAL
from vid_diffusion_bench.comparison.figures import OF_CLIPS
from vid_diffusion_bench.comparison.plan import SamplePlan, plan
from vid_diffusion_bench.comparison.result import (
    Comparison,
    Difference,
    FigureComparison,
    Frontier,
    Objective,
    RankInfo,
    Refusal,
    SequentialInfo,
)
from vid_diffusion_bench.comparison.subjects import Run, joined, run_folder

__all__ = [
    "ALL_EQUAL",
    "OF_CLIPS",
    "Comparison",
    "Difference",
    "FigureComparison",
    "Frontier",
    "Objective",
    "Question",
    "RankInfo",
    "Refusal",
    "Run",
    "SamplePlan",
    "SequentialInfo",
    "compare",
    "joined",
    "plan",
    "run_folder",
]
