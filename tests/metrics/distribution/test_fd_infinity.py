"""The Fréchet distance without the bias of N: known distances, the shape of the fit, and its refusal."""

import numpy as np
import pytest

from vid_diffusion_bench.metrics import Context, Row, State
from vid_diffusion_bench.metrics.distribution.fd_infinity import ON_SHAPES, extrapolate
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance

D = 24


def pair(seed, n, shift, scale):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, D)), shift + scale * rng.normal(size=(n, D))


@pytest.mark.parametrize("ratio", [2.5, 8])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.2, 1.1), (0.5, 1.5)])
def test_it_is_near_the_true_distance_where_the_plain_one_is_not(ratio, shift, scale):
    n, draws = int(ratio * D), 30
    sets = [pair(seed, n, shift, scale) for seed in range(draws)]
    truth = D * (shift**2 + (scale - 1) ** 2)
    found = np.array([extrapolate(*both).intercept for both in sets])
    plain = np.array([frechet_distance(*both) for both in sets])
    error = found.std() / np.sqrt(draws)
    assert found.mean() == pytest.approx(truth, abs=4 * error)
    assert plain.mean() > truth + 6 * error


def test_the_fit_is_the_least_squares_line_over_one_by_n():
    first, second = pair(0, 200, 0.2, 1.1)
    fit = extrapolate(first, second)
    assert (len(fit.sizes), fit.sizes[0], fit.sizes[-1]) == (15, 50, 200)
    assert fit.distances[3] == frechet_distance(first[: fit.sizes[3]], second[: fit.sizes[3]])
    slope, intercept = np.polyfit(1 / np.array(fit.sizes), fit.distances, 1)
    assert (fit.intercept, fit.slope) == pytest.approx((intercept, slope), rel=1e-9)
    off = np.array(fit.distances) - intercept - slope / np.array(fit.sizes)
    assert fit.residual == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-6)
    assert extrapolate(*pair(0, 60, 0, 1)).sizes[0] == D


def result(n):
    sides = [{f"{side}{i}": Row(str(i), x) for i, x in enumerate(rows)} for side, rows in enumerate(pair(0, n, 0.5, 1))]
    return ON_SHAPES.compute(State(*sides), Context("fvd_infinity", reference="abc"))


@pytest.mark.usefixtures("tiny_extractors")
def test_it_is_refused_below_two_and_a_half_clips_a_feature():
    refused, given = result(59), result(60)
    assert refused.value is None
    assert "24 features need 60" in refused.reason
    assert given.value is not None
    assert given.label == "fvd_infinity[shapes-v1]"
    assert given.metadata["fvd_at_n"] == given.metadata["fit"]["distances"][-1] > given.value
    assert given.metadata["fit"]["n"][-1] == 60
    assert given.metadata["fit_residual"] >= 0
    assert given.confidence_interval is None
