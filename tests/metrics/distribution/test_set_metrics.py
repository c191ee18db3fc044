"""Kernel distances and neighbourhoods as metrics: sizes, intervals, noise floor, what stands beside the value."""

import hashlib

import numpy as np
import pytest

from vid_diffusion_bench.metrics import Context, Row, State
from vid_diffusion_bench.metrics.distribution import jedi, kvd, prdc
from vid_diffusion_bench.metrics.distribution.mmd import JEDI, KID, mmd
from vid_diffusion_bench.metrics.distribution.neighbours import coverage, density, precision

pytestmark = pytest.mark.usefixtures("tiny_extractors")


def draw(seed, n, shift=0.0):
    return shift + np.random.default_rng(seed).normal(size=(n, 6))


def rows(vectors, prefix=""):
    return {f"{prefix}{i}": Row(str(i), vector) for i, vector in enumerate(vectors)}


def computed(metric, generated, real, **context):
    return metric.compute(State(rows(generated), rows(real, "r")), Context(metric.name, reference="abc", **context))


@pytest.mark.parametrize(("metric", "kernel", "scale"), [(kvd.ON_SHAPES, KID, 1), (jedi.UNBIASED_ON_SHAPES, JEDI, 100)])
def test_the_unbiased_forms_take_sets_of_any_sizes_whole(metric, kernel, scale):
    generated, real = draw(0, 30, 0.5), draw(1, 50)
    found = mmd(generated, real, kernel)
    result = computed(metric, generated, real)
    assert result.value == pytest.approx(scale * found.unbiased, rel=1e-10)
    assert result.metadata["biased"] == pytest.approx(scale * found.biased, rel=1e-10)
    assert result.confidence_interval == pytest.approx(np.multiply(scale, found.interval()), rel=1e-9)
    assert "not valid where the two distributions are equal" in result.metadata["interval_method"]
    assert (result.metadata["n_generated"], result.metadata["n_real"]) == (30, 50)
    assert "n_per_set" not in result.protocol
    assert result.protocol["reference"] == "abc"
    few = f"30 clips a set is below the 100 that {metric.label} asks for"
    assert [line for line in result.warnings if "noise floor" not in line] == [few]
    enough = computed(metric, draw(2, 100), draw(3, 100))
    assert [line for line in enough.warnings if "noise floor" not in line] == []
    fewer = computed(metric, generated[:29], real)
    assert fewer.protocol_fingerprint == result.protocol_fingerprint


def test_real_clips_kept_for_the_noise_floor_are_not_compared():
    generated, real = draw(0, 12), draw(1, 20, 0.2)
    spare = frozenset(f"r{i}" for i in range(14, 20))
    result = computed(kvd.ON_SHAPES, generated, real, spare=spare)
    assert result.value == pytest.approx(mmd(generated, real[:14], KID).unbiased, rel=1e-10)
    assert result.metadata["noise_floor"] == pytest.approx(mmd(real[14:], real[:14], KID).unbiased, rel=1e-10)
    assert (result.metadata["n_generated"], result.metadata["n_real"]) == (12, 14)
    none = computed(kvd.ON_SHAPES, generated, real)
    assert none.metadata["noise_floor"] is None
    assert "needs 22 real clips, there are 20" in none.metadata["noise_floor_reason"]


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_clips_have_a_value_and_no_interval(n):
    result = computed(kvd.ON_SHAPES, draw(0, n), draw(1, 9))
    assert result.value is not None
    assert result.confidence_interval is None
    assert "four clips" in result.interval_reason
    assert computed(kvd.ON_SHAPES, draw(0, 1), draw(1, 9)).value is None


def test_sets_that_cannot_vary_have_no_interval():
    same = np.repeat(draw(0, 1), 8, axis=0)
    result = computed(kvd.ON_SHAPES, same, same)
    assert result.value == pytest.approx(0, abs=1e-12)
    assert "not above zero" in result.interval_reason


def test_the_published_jedi_is_biased_and_needs_equal_sets():
    generated, real = draw(0, 30, 0.5), draw(1, 30)
    found = mmd(generated, real, JEDI)
    result = computed(jedi.ON_SHAPES, generated, real)
    assert result.value == pytest.approx(100 * found.biased, rel=1e-10)
    assert result.metadata["unbiased"] == pytest.approx(100 * found.unbiased, rel=1e-10)
    assert result.confidence_interval is None
    assert "jedi_unbiased" in result.interval_reason
    assert result.protocol["n_per_set"] == 30
    assert computed(jedi.ON_SHAPES, generated[:29], real).value is None


EXPECTED = {
    "precision": lambda g, r: precision(g, r, 3),
    "recall": lambda g, r: precision(r, g, 3),
    "density": lambda g, r: density(g, r, 5),
    "coverage": lambda g, r: coverage(g, r, 5),
}


def by_hash(n, prefix=""):
    return sorted(range(n), key=lambda i: hashlib.sha256(f"{prefix}{i}".encode()).hexdigest())


@pytest.mark.parametrize("metric", [prdc.PRECISION, prdc.RECALL, prdc.DENSITY, prdc.COVERAGE])
def test_neighbourhoods_are_taken_at_their_k(metric):
    generated, real = draw(0, 40, 0.5), draw(1, 40)
    result = computed(metric, generated, real)
    assert result.value == EXPECTED[metric.name](generated, real)
    assert result.metadata["k"] == metric.k
    assert result.label == f"{metric.name}[shapes-v1]"
    assert f"k = {metric.k}" in result.protocol["formula"]
    assert any("below the 256" in line for line in result.warnings)
    more = draw(2, 90)
    cut = computed(metric, generated, more, subsample=True)
    order = by_hash(90, "r")
    assert cut.value == EXPECTED[metric.name](generated, more[order[:40]])
    assert cut.metadata["noise_floor"] == EXPECTED[metric.name](more[order[40:80]], more[order[:40]])


@pytest.mark.parametrize("metric", [prdc.PRECISION, prdc.COVERAGE])
def test_sets_no_larger_than_k_have_no_neighbourhoods(metric):
    result = computed(metric, draw(0, metric.k), draw(1, metric.k))
    assert result.value is None
    assert f"{metric.k + 1} clips or more" in result.reason
    assert computed(metric, draw(0, metric.k + 1), draw(1, metric.k + 1)).value is not None
