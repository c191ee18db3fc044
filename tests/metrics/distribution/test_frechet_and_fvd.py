"""Witnesses: closed forms, 50-digit eigenvalues (mpmath), SciPy's matrix root, torchmetrics."""

import hashlib

import mpmath
import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.fid import _compute_fid

from vid_diffusion_bench.metrics import Context, MetricRegistry, Row, State
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance


def draw(seed, n, d, shift=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(100 + d).normal(size=(d, d))
    return shift + scale * rng.normal(size=(n, d)) @ mixing


def exact(first, second, digits=50):
    """The distance by eigenvalues of S1 S2 in ``digits`` digits."""
    with mpmath.workdps(digits):
        parts = []
        for x in (first, second):
            rows = mpmath.matrix(x.tolist())
            n, d = rows.rows, rows.cols
            mean = [mpmath.fsum(rows[i, j] for i in range(n)) / n for j in range(d)]
            centred = mpmath.matrix(n, d)
            for i in range(n):
                for j in range(d):
                    centred[i, j] = rows[i, j] - mean[j]
            parts.append((mean, centred.T * centred / (n - 1)))
        (m1, s1), (m2, s2) = parts
        values = mpmath.eig(s1 * s2, left=False, right=False)
        root = mpmath.fsum(mpmath.sqrt(abs(mpmath.re(v))) for v in values)
        gap = mpmath.fsum((a - b) ** 2 for a, b in zip(m1, m2, strict=True))
        trace = mpmath.fsum(s1[i, i] + s2[i, i] for i in range(s1.rows))
        return float(gap + trace - 2 * root)


@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 4), (3, 3, 6), (5, 5, 5), (12, 12, 4), (4, 9, 6), (9, 4, 6)])
def test_it_equals_the_fifty_digit_value(n, m, d):
    first, second = draw(0, n, d), draw(1, m, d, shift=0.4, scale=1.3)
    assert frechet_distance(first, second) == pytest.approx(exact(first, second), rel=1e-10)


def test_one_dimension_has_a_closed_form():
    first, second = draw(0, 30, 1), draw(1, 30, 1, shift=2.0, scale=3.0)
    expected = (first.mean() - second.mean()) ** 2 + (first.std(ddof=1) - second.std(ddof=1)) ** 2
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(300, 32), (64, 16)])
def test_it_agrees_with_scipy_and_torchmetrics(n, d):
    first, second = draw(0, n, d), draw(1, n, d, shift=0.2, scale=1.5)
    s1, s2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    m1, m2 = first.mean(0), second.mean(0)
    scipys = np.square(m1 - m2).sum() + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real)
    theirs = float(_compute_fid(*(torch.from_numpy(x) for x in (m1, s1, m2, s2))))
    ours = frechet_distance(first, second)
    assert ours == pytest.approx(scipys, rel=1e-8)
    assert ours == pytest.approx(theirs, rel=1e-8)


def test_ill_conditioned_covariances_keep_their_digits():
    scales = np.logspace(0, -6, 6)
    first, second = draw(0, 40, 6) * scales, draw(1, 40, 6, scale=2.0) * scales
    assert frechet_distance(first, second) == pytest.approx(exact(first, second), rel=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 20), st.integers(1, 20), st.integers(0, 10**6))
def test_identical_sets_are_at_zero_and_the_distance_is_symmetric(n, d, seed):
    first, second = draw(seed, n, d), draw(seed + 1, n, d, shift=1.0)
    scale = np.square(first).sum()
    assert frechet_distance(first, first) <= 1e-12 * scale
    assert frechet_distance(first, first[::-1]) <= 1e-12 * scale
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def rows(features, prefix=""):
    return {f"{prefix}{i}": Row(str(i), feature) for i, feature in enumerate(features)}


def fvd(generated, real, **context):
    return MetricRegistry.get("fvd").compute(State(rows(generated), rows(real, "r")), Context("fvd", **context))


def by_hash(features, prefix=""):
    keys = [f"{prefix}{i}" for i in range(len(features))]
    order = sorted(range(len(keys)), key=lambda i: hashlib.sha256(keys[i].encode()).hexdigest())
    return features[order]


@pytest.mark.usefixtures("tiny_extractors")
def test_unequal_sets_are_refused_or_cut_on_request_and_said_to_be():
    generated, real = draw(0, 10, 6), draw(1, 25, 6, shift=1.0)
    refused = fvd(generated, real, reference="abc")
    assert refused.value is None
    assert "10 generated and 25 real" in refused.reason
    assert "--subsample" in refused.reason
    result = fvd(generated, real, reference="abc", subsample=True)
    ordered = by_hash(real, "r")
    assert result.value == pytest.approx(frechet_distance(generated, ordered[:10]), rel=1e-10)
    assert result.metadata["noise_floor"] == pytest.approx(frechet_distance(ordered[:10], ordered[10:20]), rel=1e-10)
    assert any("10 each were compared" in line for line in result.warnings)
    assert result.protocol["n_per_set"] == 10
    assert result.protocol["reference"] == "abc"
    assert result.label == "fvd[shapes-v1]"
    assert result.higher_is_better is False
    assert result.confidence_interval is None
    assert "bootstrap" in result.interval_reason


@pytest.mark.usefixtures("tiny_extractors")
def test_distances_at_different_n_or_against_other_sets_are_not_comparable():
    real = draw(1, 25, 6)
    ten, nine = (fvd(draw(0, n, 6), real, reference="abc", subsample=True) for n in (10, 9))
    other = fvd(draw(0, 10, 6), real, reference="abd", subsample=True)
    assert len({result.protocol_fingerprint for result in (ten, nine, other)}) == 3


@pytest.mark.usefixtures("tiny_extractors")
@pytest.mark.parametrize(
    ("n", "m", "said"), [(1, 9, "2 clips"), (9, 1, "2 clips"), (9, 0, "no real folder"), (0, 9, "no clip to score")]
)
def test_too_few_clips_have_no_distance(n, m, said):
    result = fvd(draw(0, n, 6), draw(1, m, 6), reference_reason="no real folder")
    assert result.value is None
    assert said in result.reason


@pytest.mark.usefixtures("tiny_extractors")
def test_a_small_set_is_warned_about():
    result = fvd(draw(0, 4, 6), draw(1, 4, 6))
    assert any("256" in line for line in result.warnings)
    assert any("covariance" in line for line in result.warnings)
    assert result.metadata["noise_floor"] is None
    assert result.metadata["noise_floor_reason"]
