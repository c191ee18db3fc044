"""The contracts hold for what is in the package, and notice what breaks them."""

from typing import ClassVar

import numpy as np
import pytest

from small_models import Painter
from vid_diffusion_bench.metrics import Measurement, PerClipMetric
from vid_diffusion_bench.metrics.distribution.fvd import Fvd
from vid_diffusion_bench.metrics.paired.psnr import Psnr
from vid_diffusion_bench.models import get_model
from vid_diffusion_bench.models.oracle import OracleModel
from vid_diffusion_bench.storage import RunStore
from vid_diffusion_bench.testing import MetricContract, RunStoreContract, VideoModelContract
from vid_diffusion_bench.video import Video


class TestOracle(VideoModelContract):
    parameters: ClassVar = {"num_frames": 5, "height": 32, "width": 32}
    same_in_a_batch = 0

    def make_model(self):
        return OracleModel()


class TestPainter(VideoModelContract):
    def make_model(self):
        return Painter()


class TestTinyPipeline(VideoModelContract):
    parameters: ClassVar = {"num_frames": 9, "height": 32, "width": 32, "num_inference_steps": 2}

    @pytest.fixture(autouse=True)
    def _folder(self, tiny):
        self.folder = tiny("cogvideox")

    def make_model(self):
        return get_model(str(self.folder))


class TestRunStore(RunStoreContract):
    def open_store(self, folder):
        return RunStore(folder)


class Forgetful(Painter):
    """Ignores the seed, the order and the callback."""

    def generate(self, requests, on_step):
        frames = np.random.default_rng().integers(0, 256, (5, 24, 32, 3), np.uint8)
        return [Video(frames, 8.0) for _ in requests]


@pytest.mark.parametrize(
    "broken",
    [
        "test_the_seed_decides_the_pixels",
        "test_loading_again_changes_nothing",
        "test_steps_are_told_and_can_abort",
        "test_a_batch_keeps_the_order_of_its_requests",
    ],
)
def test_the_contract_notices_a_model_that_breaks_it(broken):
    class Contract(VideoModelContract):
        def make_model(self):
            return Forgetful()

    with pytest.raises(AssertionError):
        getattr(Contract(), broken)()


class TestPsnr(MetricContract):
    def make_metric(self):
        return Psnr()


class TestFvd(MetricContract):
    def make_metric(self):
        return Fvd()


class Careless(PerClipMetric):
    """Counts the clips it has seen, writes into them, and has no unit."""

    name = "careless"
    seen = 0

    def measure(self, clip):
        Careless.seen += 1
        clip.video.frames[:] += 1
        return Measurement(float(Careless.seen))

    def protocol(self):
        return {**super().protocol(), "seen": (Careless.seen,)}


@pytest.mark.parametrize(
    "broken",
    [
        "test_it_says_what_it_is",
        "test_its_protocol_is_plain_and_repeatable",
        "test_measuring_again_gives_the_same_bits",
        "test_measuring_leaves_the_clip_as_it_was",
    ],
)
def test_the_contract_notices_a_metric_that_breaks_it(broken):
    class Contract(MetricContract):
        def make_metric(self):
            return Careless()

    with pytest.raises(AssertionError):
        getattr(Contract(), broken)()


class OrderBound(Fvd):
    """Takes the clips in the order in which they came."""

    def compute(self, state, context):
        return super().compute(state, context).model_copy(update={"value": float(next(iter(state.generated))[-1])})


def test_the_contract_notices_a_metric_that_depends_on_order():
    class Contract(MetricContract):
        def make_metric(self):
            return OrderBound()

    with pytest.raises(AssertionError):
        Contract().test_order_and_shards_change_not_a_bit()
