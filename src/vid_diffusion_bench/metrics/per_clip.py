"""Metrics that give each clip a number: the mean over clips, with an interval clustered on the prompt."""

from __future__ import annotations

from vid_diffusion_bench.metrics.base import Context, Metric, Row, State, unmeasured
from vid_diffusion_bench.results import MetricResult
from vid_diffusion_bench.statistics import cluster_bootstrap, interval_caution, mean, wilson_interval


class PerClipMetric(Metric):
    """A metric whose rows are numbers; the result is their mean, clips of one prompt resampled together."""

    aggregation = "mean over clips; 95 % percentile bootstrap of prompts, 2000 resamples, seed 0"

    def compute(self, state: State, context: Context) -> MetricResult:
        rows = [row for _, row in sorted(state.generated.items()) if row.value is not None]
        if not rows:
            return self.result(context, state.generated, value=None, reason=unmeasured(state.generated))
        interval, about = self.interval(rows)
        return self.result(
            context,
            state.generated,
            value=self.average(rows),
            confidence_interval=interval,
            interval_reason=None if interval else about,
            metadata={"interval_method": about} if interval else {},
            warnings=self.cautions(rows) if interval else [],
        )

    def average(self, rows: list[Row]) -> float:
        """What the value is of the measured ``rows``."""
        return mean([row.value for row in rows])

    def interval(self, rows: list[Row]) -> tuple[tuple[float, float] | None, str]:
        """The interval and its method, or ``None`` and the reason."""
        clusters = {row.cluster for row in rows}
        if len(clusters) < 2:
            return None, "an interval needs clips of two prompts or more"
        return self.bootstrap(rows), f"bootstrap of {len(clusters)} prompts"

    def cautions(self, rows: list[Row]) -> list[str]:
        """What the interval of ``rows`` cannot promise."""
        said = interval_caution([row.value for row in rows], [row.cluster for row in rows])
        return [said] if said else []

    def bootstrap(self, rows: list[Row]) -> tuple[float, float]:
        """The interval of :meth:`average`, clips of one prompt resampled together."""
        return cluster_bootstrap([row.value for row in rows], [row.cluster for row in rows])


class ShareMetric(PerClipMetric):
    """A metric whose rows are 0.0 or 1.0; the result is the share of ones.

    Wilson's interval where every prompt has one clip. With several, prompts are resampled; where that cannot differ
    (all ones or all zeros) it is Wilson's over prompts, as if the clips of a prompt were one.
    """

    aggregation = "share of clips; 95 % Wilson interval, or bootstrap of prompts where they have several clips"

    def interval(self, rows: list[Row]) -> tuple[tuple[float, float] | None, str]:
        return self._wilson(rows) or super().interval(rows)

    def cautions(self, rows: list[Row]) -> list[str]:
        return [] if self._wilson(rows) else super().cautions(rows)

    def _wilson(self, rows: list[Row]) -> tuple[tuple[float, float], str] | None:
        clusters = len({row.cluster for row in rows})
        ones = sum(row.value for row in rows)
        if clusters == len(rows):
            return wilson_interval(int(ones), len(rows)), "Wilson"
        if ones in (0, len(rows)):
            return wilson_interval(clusters if ones else 0, clusters), "Wilson over prompts"
        return None
