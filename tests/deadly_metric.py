"""A metric whose process dies, as one that the kernel kills for its memory."""

import os

from vid_diffusion_bench.metrics import PerClipMetric


class Deadly(PerClipMetric):
    name = "deadly"
    unit = "deaths"

    def measure(self, clip):
        os.kill(os.getpid(), 9)
