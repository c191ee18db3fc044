"""What is expected of metrics, as data; a metric that is not named here is judged by its kind alone.

Nothing here decides whether a metric runs. An expectation that is missed is a finding of the ladder, never a failure.
"""

from __future__ import annotations

from collections.abc import Mapping

from vid_diffusion_bench.certification.certificate import Expected
from vid_diffusion_bench.certification.observe import Nature
from vid_diffusion_bench.metrics import Metric

SIMILARITIES: Mapping[str, float] = {
    "psnr": 60.0, "ssim": 1.0, "ms_ssim": 1.0, "precision": 1.0, "recall": 1.0, "coverage": 1.0,
}  # fmt: skip
"""What equal clips give, by metric; where nothing is said, a distance gives 0 and no other thing is judged by value."""

UNBIASED = frozenset({"kvd", "jedi_unbiased", "fvd_infinity"})
"""Estimators that may fall below 0 or stay above it for equal sets of finite size."""

ONE_SIDED = frozenset({"i2v_subject"})
"""Paired metrics whose two sides have different parts: a clip and the picture it was made from."""

FRAMEWISE = frozenset({
    "aesthetic_quality", "black_share", "blockiness", "clip_score", "clip_similarity", "colorfulness", "exposure",
    "fid", "inception_score", "is_inception_frame", "sharpness",
})  # fmt: skip
"""Metrics that look at one frame at a time and average: the order of the frames is nothing to them.

``clip_score``, ``clip_similarity`` and ``inception_score`` only on an image network: see :data:`VIDEO_NETWORKS`.
"""

VIDEO_NETWORKS = frozenset({"shapes-v1", "c3d-ucf101", "x-clip-base-32"})
"""Extractors that see time, so that what reads them is not blind to the order of the frames."""

_TIME = ("shuffle", "reverse")
_LOOKS = ("blur", "noise", "h264", "hue", "desaturate")

BY_METRIC: Mapping[str, Mapping[str, Expected]] = {
    "temporal_consistency": {
        "noise": "worse", "h264": "worse", "shuffle": "worse", "jitter": "either", "flicker": "worse",
        "hue": "unmoved", "desaturate": "unmoved", "reverse": "unmoved",
    },
    "motion_smoothness": {
        "noise": "worse", "h264": "worse", "shuffle": "worse", "drop": "worse", "jitter": "worse", "flicker": "worse",
        "hue": "unmoved", "desaturate": "unmoved", "reverse": "unmoved",
    },
    "temporal_flickering": {
        "noise": "worse", "flicker": "worse", "reverse": "unmoved",
    },
    "dynamic_degree": {"shuffle": "either", "hue": "unmoved", "desaturate": "unmoved", "reverse": "unmoved"},
    "blockiness": {"h264": "worse", "reverse": "unmoved", "shuffle": "unmoved"},
}  # fmt: skip
"""Metric (without its variant) to distortion to expectation; what is left out of a metric's own row is ``either``."""


def identity_value(metric: Metric) -> float | None:
    """What clips compared with themselves must give; ``None`` where no value is known."""
    name = _plain(metric)
    if name in SIMILARITIES:
        return SIMILARITIES[name]
    return 0.0 if metric.higher_is_better is False and name not in UNBIASED else None


def is_similarity(metric: Metric, *, reads_pair: bool) -> bool:
    """Whether a clip must be at least as near to itself as a blurred one is, though no value is known."""
    return reads_pair and metric.higher_is_better is True and _plain(metric) not in ONE_SIDED


def is_symmetric(metric: Metric, *, reads_pair: bool) -> bool:
    """Whether the sides may be exchanged: distances of sets, and paired metrics but those of :data:`ONE_SIDED`."""
    if metric.uses_reference:
        return metric.higher_is_better is False
    return reads_pair and _plain(metric) not in ONE_SIDED


def expected(metric: Metric, nature: Nature, distortion: str) -> Expected:
    """What ``distortion`` should do to ``metric``; one that calls no direction better has no better and no worse."""
    said = _expected(metric, nature, distortion)
    return "either" if metric.higher_is_better is None and said != "unmoved" else said


def _expected(metric: Metric, nature: Nature, distortion: str) -> Expected:
    name = _plain(metric)
    if nature.reads_pair and name not in ONE_SIDED:
        return "worse"
    if name in BY_METRIC:
        return BY_METRIC[name].get(distortion, "either")
    if name in FRAMEWISE and metric.extractor.partition(":")[0] not in VIDEO_NETWORKS and distortion in _TIME:
        return "unmoved"
    compares_sets = metric.uses_reference and metric.higher_is_better is False
    return "worse" if compares_sets and distortion in _LOOKS else "either"


def _plain(metric: Metric) -> str:
    return metric.name.partition(":")[0]
