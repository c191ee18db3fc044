"""Metrics that break a law are caught and the law is named; those of the package break none."""

from __future__ import annotations

import numpy as np
import pytest

from broken_metrics import (
    Brightness,
    FirstOfPass,
    Lopsided,
    NeverZero,
    OfFirstBatch,
    PairedLopsided,
    Random,
    Rolling,
)
from vid_diffusion_bench.certification.laws import LAWS, check_laws
from vid_diffusion_bench.certification.observe import natures
from vid_diffusion_bench.metrics import Measurement, MetricRegistry
from vid_diffusion_bench.metrics.base import paired_video


def checked(metric, specimens):
    """Law to status."""
    metrics = {metric.name: metric}
    results = check_laws(metrics, specimens, natures(metrics, specimens))[metric.name]
    assert [result.law for result in results] == list(LAWS)
    return {result.law: result.status for result in results}


def broken(metric, specimens):
    return {law for law, status in checked(metric, specimens).items() if status == "broken"}


@pytest.mark.parametrize(
    ("metric", "laws"),
    [
        (Rolling, {"repeat", "order", "alone", "shards", "batch", "threads"}),
        (Random, {"repeat", "order", "alone", "shards", "batch", "threads"}),
        (OfFirstBatch, {"batch"}),
        (FirstOfPass, {"order", "alone", "shards"}),
        (Lopsided, {"symmetry"}),
        (NeverZero, {"identity"}),
        (PairedLopsided, {"symmetry"}),
        (Brightness, set()),
    ],
)
def test_what_is_broken_is_named(metric, laws, specimens):
    assert broken(metric(), specimens) == laws


@pytest.mark.parametrize("name", ["fvd", "psnr", "ssim", "temporal_consistency", "clip_score", "inception_score"])
def test_metrics_of_the_package_obey(name, specimens):
    statuses = checked(MetricRegistry.get(name), specimens[:4])
    assert "broken" not in statuses.values()
    compares = name in {"fvd", "psnr", "ssim"}
    assert {statuses[law] for law in ("identity", "symmetry")} == {"holds" if compares else "not applicable"}


def test_a_value_that_is_there_one_time_only_is_broken(specimens):
    class Coy(Brightness):
        name = "coy"
        seen = 0

        def measure(self, clip):
            from vid_diffusion_bench.exceptions import MetricComputationError

            Coy.seen += 1
            if Coy.seen > 30:
                raise MetricComputationError("not today")
            return super().measure(clip)

    assert broken(Coy(), specimens) == {"alone", "shards", "batch"}
    assert broken(Coy(), specimens) == set()  # never a value: nothing to compare


def test_a_similarity_of_unknown_scale_must_put_a_clip_nearest_to_itself(specimens):
    class Farther(PairedLopsided):
        name = "farther"

        def measure(self, clip):
            return Measurement(float(np.abs(clip.video.frames.astype(int) - paired_video(clip).frames).mean()))

    class Nearer(Farther):
        name = "nearer"

        def measure(self, clip):
            return Measurement(-super().measure(clip).value)

    assert broken(Farther(), specimens) == {"identity"}
    assert broken(Nearer(), specimens) == set()


def test_a_function_is_tried_too(specimens):
    from vid_diffusion_bench.metrics.function import FunctionMetric

    def brightness(real_videos, generated_videos):
        return {"brightness": sum(video.frames.mean() for video in generated_videos) / len(generated_videos)}

    assert broken(FunctionMetric("brightness", brightness), specimens) == set()
