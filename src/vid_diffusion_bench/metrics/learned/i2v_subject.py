"""VBench-I2V's subject: does the clip keep what the image it was made from shows?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import InvalidVideoError, MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.learned.frames import adjacent_cosines, cosines_to, static_share
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.video import Video

LIKEST, MEAN, WORST = 0.4, 0.3, 0.3


class I2vSubject(PerClipMetric):
    """0.4 of the frame likest the image, 0.3 of the mean and 0.3 of the worst likeness of adjacent frames; 0 to 1.

    The image is the first frame of the real clip of the same name. A frozen clip of the image scores 1: read it beside
    ``static_share``.
    """

    name = "i2v_subject"
    extractor = "dino-vit-b-16"
    unit = "score 0..1"
    needs = ("dino-vit-b-16", "motion")
    formula = "0.4 max_t c(image, f_t) + 0.3 mean_t c(f_t-1, f_t) + 0.3 min_t c(f_t-1, f_t), c = max(0, cos)"

    def measure(self, clip: Clip) -> Measurement:
        image = _image(clip)
        value = conformity(image.feature(self.extractor)[0], clip.feature(self.extractor))
        return Measurement(value, static_share(clip))


def conformity(image: npt.NDArray[np.float32], features: npt.NDArray[np.float32]) -> float:
    """The formula on the embeddings of the image (D,) and of the frames (T, D), T >= 2; 0..1.

    VBench's ``vbench2_beta_i2v/i2v_subject.py``.
    """
    to_image = np.maximum(cosines_to(image, features), 0.0)
    adjacent = np.maximum(adjacent_cosines(features), 0.0)
    return float(LIKEST * to_image.max() + MEAN * adjacent.mean() + WORST * adjacent.min())


def _image(clip: Clip) -> Clip:
    """A clip of one frame: the image ``clip`` was made from."""
    try:
        paired = clip.paired
    except InvalidVideoError as error:
        raise MetricComputationError(f"the real clip of this name is broken: {error.message}") from error
    if paired is None:
        raise MetricComputationError("no real clip of this name whose first frame is the image")
    return Clip(f"{clip.key}:image", clip.cluster, lambda: Video(paired.frames[:1], paired.fps))
