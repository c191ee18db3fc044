"""Does the clip end where it began, so that it can be played in a loop?"""

from __future__ import annotations

from collections.abc import Mapping

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class LoopScore(PerClipMetric):
    """min(1, S / E): the mean change S of one frame to the next against the change E from the last frame to the first.

    1 means that played in a loop the seam is no larger a step than any other; 1/5 that it is a jump five times as
    large. Both are mean absolute differences.
    """

    name = "loop_score"
    unit = "score 0..1"
    higher_is_better = None
    needs = ("frame-changes", "frame-repeats")
    formula = "min(1, S/E); S: mean over t of mean|I_t - I_t+1|, E: mean|I_T-1 - I_0| on uint8 RGB; 1 where E = 0"

    def measure(self, clip: Clip) -> Measurement:
        changes = clip.feature("frame-changes")
        if len(changes.total) < 2:
            raise MetricComputationError("a loop needs 3 frames or more")
        step = float(changes.total.mean())
        value = min(1.0, step / changes.ends) if changes.ends else 1.0
        return Measurement(value, {"frozen_share": float(clip.feature("frame-repeats").is_frozen())})

    def warnings(self, facts: Mapping[str, float]) -> list[str]:
        """As every metric, and how many clips loop only because they are one picture."""
        frozen = facts.get("frozen_share")
        line = [f"{frozen:.0%} of the clips are frozen, and loop for that reason"] if frozen else []
        return super().warnings(facts) + line
