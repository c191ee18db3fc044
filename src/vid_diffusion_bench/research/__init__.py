"""For papers: designed experiments on models and their parameters, and every metric that applies to two sets."""

from vid_diffusion_bench.research.analysis import ExperimentAnalysis
from vid_diffusion_bench.research.experiment import Experiment
from vid_diffusion_bench.research.framework import ExperimentalFramework
from vid_diffusion_bench.research.novel_metrics import NovelVideoMetrics
from vid_diffusion_bench.research.outcome import ExperimentResults

__all__ = ["Experiment", "ExperimentAnalysis", "ExperimentResults", "ExperimentalFramework", "NovelVideoMetrics"]
