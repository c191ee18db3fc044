"""RMS contrast (Peli 1990) as a metric for vid-bench."""

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Measurement, PerClipMetric


class Contrast(PerClipMetric):
    """Standard deviation of all pixels of a clip, mean over clips."""

    name = "contrast"
    unit = "grey levels 0..127.5"
    higher_is_better = None
    formula = "standard deviation of uint8 RGB over pixels, channels and frames"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(float(clip.video.frames.std()))
