"""Every metric at once, on lists of video files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vid_diffusion_bench.metrics import BrokenMetric, MetricRegistry, unavailable
from vid_diffusion_bench.results import MetricResult
from vid_diffusion_bench.scoring import absent_result, score_files


class NovelVideoMetrics:
    """Runs every registered metric that applies, in one pass, and says of the others why they do not.

    Args:
        metrics: Names to run instead of all that are registered.
    """

    def __init__(self, metrics: Sequence[str] | None = None) -> None:
        self.metrics = list(metrics) if metrics else None

    def compute_comprehensive_metrics(
        self,
        real_videos: Sequence[Path | str],
        generated_videos: Sequence[Path | str],
        *,
        prompts: Sequence[str | None] | None = None,
        subsample: bool = False,
        workers: int = 1,
    ) -> dict[str, MetricResult]:
        """Results by name of metric; ``value`` is ``None`` with a ``reason`` where a metric does not apply.

        A real and a generated video at the same place of lists of equal length are a pair for the metrics that compare
        pairs. ``prompts``, one for each generated video, are for the metrics that read them.

        Raises:
            InvalidVideoError: A video is not there, or there is no generated one.
            MetricNotFoundError: An unknown metric.
            ValidationError: A video is named twice, or ``prompts`` are not as many as the generated videos.
        """
        every = {} if self.metrics else MetricRegistry.every()
        broken = {name: metric for name, metric in every.items() if isinstance(metric, BrokenMetric)}
        names = self.metrics or [name for name in every if name not in broken]
        scores = score_files(
            real_videos, generated_videos, names, prompts=prompts, subsample=subsample, workers=workers
        )
        return scores.results | {
            name: absent_result(metric, name, unavailable(metric) or "", total=len(generated_videos))
            for name, metric in broken.items()
        }
