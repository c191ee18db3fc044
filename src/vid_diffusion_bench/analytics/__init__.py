"""What a server's benchmarks showed over time: summaries, trends, models compared, reports and exports.

Values of different protocols are never averaged: every figure says which protocol it is of and lists the others.
"""

from vid_diffusion_bench.analytics.aggregate import AGGREGATIONS, Aggregate, Aggregation, OtherProtocol, aggregate
from vid_diffusion_bench.analytics.compare import ComparedModel, ModelComparison, compare_models
from vid_diffusion_bench.analytics.figures import Figure, read_figures
from vid_diffusion_bench.analytics.overview import Overview, TopModel, overview
from vid_diffusion_bench.analytics.pairs import Pair
from vid_diffusion_bench.analytics.period import PERIODS, Period, Span

__all__ = [
    "AGGREGATIONS",
    "PERIODS",
    "Aggregate",
    "Aggregation",
    "ComparedModel",
    "Figure",
    "ModelComparison",
    "OtherProtocol",
    "Overview",
    "Pair",
    "Period",
    "Span",
    "TopModel",
    "aggregate",
    "compare_models",
    "overview",
    "read_figures",
]
