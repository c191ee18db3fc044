"""VBench's dynamic degree: the share of clips that move."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import ShareMetric


class DynamicDegree(ShareMetric):
    """Share of clips in which enough pairs of frames move fast.

    At about 8 frames a second and n frames, a clip moves when at least round(4 n / 16) pairs (one or more) have a mean
    flow of the fastest 5 % of pixels above 6 min(H, W) / 256. Neither direction is better by itself: noise moves too.
    VBench counts more as better, and takes a clip of two frames as moving whatever it shows (round(4 * 2 / 16) is 0),
    which is mended unless its own protocol is asked for.

    Args:
        name: What it is registered as.
        extractor: The label's.
        speeds: Extractor of the fastest 5 % a pair, pixels.
        least: Pairs that must move however short the clip is.
    """

    unit = "share of clips"
    higher_is_better = None

    def __init__(self, name: str, extractor: str, speeds: str, *, least: int = 1) -> None:
        self.name, self.extractor, self.least = name, extractor, least
        self.needs = (speeds,)
        enough = f"max({least}, round(4n/16))" if least else "round(4n/16)"
        self.formula = f"vbench: {enough} pairs at 8 fps with mean of top 5 % |flow| > 6 min(H,W)/256"

    def measure(self, clip: Clip) -> Measurement:
        speeds = clip.feature(self.needs[0])
        _, height, width, _ = clip.shape
        threshold = 6.0 * min(height, width) / 256
        enough = max(self.least, round(4 * (len(speeds) + 1) / 16))
        return Measurement(float((speeds > threshold).sum() >= enough))


DIS = DynamicDegree("dynamic_degree", "dis", "motion-8fps")
RAFT = DynamicDegree("dynamic_degree:raft", "raft", "raft-motion-8fps")
VBENCH = DynamicDegree("dynamic_degree:vbench-0.1.5", "vbench-0.1.5", "raft-motion-8fps", least=0)
