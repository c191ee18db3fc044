"""VBench's dynamic degree: the share of clips that move."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import ShareMetric


class DynamicDegree(ShareMetric):
    """Share of clips in which enough pairs of frames move fast.

    At about 8 frames a second and n frames, a clip moves when at least round(4 n / 16) pairs (one or more) have a mean
    flow of the fastest 5 % of pixels above 6 min(H, W) / 256. Neither direction is better by itself: noise moves too.
    VBench counts more as better, and takes a clip of one or two frames as moving, which is mended here.

    Args:
        name: What it is registered as.
        extractor: The label's.
        speeds: Extractor of the fastest 5 % a pair, pixels.
    """

    unit = "share of clips"
    higher_is_better = None
    formula = "vbench: max(1, round(4n/16)) pairs at 8 fps with mean of top 5 % |flow| > 6 min(H,W)/256"

    def __init__(self, name: str, extractor: str, speeds: str) -> None:
        self.name, self.extractor = name, extractor
        self.needs = (speeds,)

    def measure(self, clip: Clip) -> Measurement:
        speeds = clip.feature(self.needs[0])
        _, height, width, _ = clip.shape
        threshold = 6.0 * min(height, width) / 256
        enough = max(1, round(4 * (len(speeds) + 1) / 16))
        return Measurement(float((speeds > threshold).sum() >= enough))


DIS = DynamicDegree("dynamic_degree", "dis", "motion-8fps")
RAFT = DynamicDegree("dynamic_degree:raft", "raft", "raft-motion-8fps")
