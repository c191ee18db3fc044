"""FID on DINOv2 and KVD on VideoMAE through the real classes at random weights, held against the formulas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.linalg

from tiny_networks import noise_clip
from vid_diffusion_bench.metrics import Context, MetricRegistry, State

pytestmark = pytest.mark.usefixtures("tiny_networks")


def sets(shape, n):
    generated = [noise_clip(seed, shape) for seed in range(n)]
    real = [noise_clip(100 + seed, shape) for seed in range(n)]
    for clip in real:
        clip.video.frames[:, : shape[1] // 2] //= 2
    return generated, real


def computed(name, generated, real):
    metric, state = MetricRegistry.get(name), State()
    for side, clips in ((False, generated), (True, real)):
        for clip in clips:
            metric.update(state, clip, reference=side)
    return metric.compute(state, Context(name, reference="abc"))


@pytest.mark.parametrize(
    ("name", "extractor", "label"),
    [
        ("fid:dinov2", "dinov2-large-fd", "fid[dinov2-large]"),
        ("fd_dinov2", "dinov2-large-fd", "fid[dinov2-large]"),
        ("fid:dinov2-base", "dinov2-base-fd", "fid[dinov2-base]"),
    ],
)
def test_fid_on_dinov2_is_the_distance_between_the_class_tokens_of_all_frames(name, extractor, label):
    generated, real = sets((9, 30, 40, 3), 4)
    result = computed(name, generated, real)
    sides = [np.concatenate([clip.feature(extractor) for clip in side]).astype(float) for side in (generated, real)]
    (m1, s1), (m2, s2) = ((x.mean(axis=0), np.cov(x, rowvar=False)) for x in sides)
    expected = np.square(m1 - m2).sum() + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real)
    assert result.value == pytest.approx(expected, rel=1e-8)
    assert expected > 0.1
    assert result.label == label
    assert result.metadata["frames"] == {"generated": 36, "real": 36}
    assert extractor in result.protocol["features"]


def test_kvd_on_videomae_is_the_cubic_u_statistic_written_out():
    generated, real = sets((16, 30, 40, 3), 5)
    result = computed("kvd:videomae", generated, real)
    first, second = ([clip.feature("videomae-base").astype(float) for clip in side] for side in (generated, real))

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    within = sum(k(x, y) for side in (first, second) for x, y in itertools.permutations(side, 2)) / (5 * 4)
    expected = within - 2 * np.mean([k(x, y) for x in first for y in second])
    assert result.value == pytest.approx(expected, rel=1e-10)
    assert result.label == "kvd[videomae-base]"
    assert result.confidence_interval is not None
