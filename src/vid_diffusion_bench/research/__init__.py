"""For papers: every metric that applies to two sets of videos."""

from vid_diffusion_bench.research.novel_metrics import NovelVideoMetrics

__all__ = ["NovelVideoMetrics"]
