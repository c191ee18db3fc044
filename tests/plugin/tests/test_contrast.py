from vidbench_contrast import Contrast

from vid_diffusion_bench.testing import MetricContract


class TestContrast(MetricContract):
    def make_metric(self) -> Contrast:
        return Contrast()
