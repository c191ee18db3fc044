"""Contract tests for those who write a model, a metric or a store: inherit, give the thing, pytest collects the rest.

::

    from vid_diffusion_bench.testing import MetricContract, VideoModelContract

    class TestMyModel(VideoModelContract):
        parameters = {"num_frames": 9, "height": 32, "width": 32, "num_inference_steps": 2}

        def make_model(self):
            return MyModel()

    class TestMyMetric(MetricContract):
        def make_metric(self):
            return MyMetric()
"""

from vid_diffusion_bench.testing.clips import noise_clip
from vid_diffusion_bench.testing.metrics import MetricContract
from vid_diffusion_bench.testing.models import VideoModelContract
from vid_diffusion_bench.testing.stores import RunStoreContract, failed_record

__all__ = ["MetricContract", "RunStoreContract", "VideoModelContract", "failed_record", "noise_clip"]
