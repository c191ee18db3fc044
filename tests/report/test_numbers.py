"""Digits, units and dashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.report import numbers
from vid_diffusion_bench.results import MetricResult


def result(value, bounds=None):
    reasons = {"reason": "why"} if value is None else {} if bounds else {"interval_reason": "why"}
    return MetricResult(name="m", value=value, confidence_interval=bounds, **reasons)


@pytest.mark.parametrize(
    ("value", "bounds", "written"),
    [
        (0.91234, (0.9, 0.924), "0.912"),  # half-width 0.012: two digits of it
        (95.0123, (93.8, 96.2), "95.0"),
        (512.37, (480.0, 545.0), "512"),
        (12345.6, None, "12,346"),
        (0.0123, None, "0.0123"),
        (3.14159, None, "3.142"),
        (5.23e-6, (5.22e-6, 5.24e-6), "0.0000052"),  # a cost is not nothing because it is small
        (5.23e-6, None, "0.0000052"),
        (3.4e-17, None, "0"),  # what rounding leaves of equal sets is nothing
        (-3.4e-17, (-4e-17, 0.0), "0"),
    ],
)
def test_a_value_has_the_digits_its_interval_supports(value, bounds, written):
    assert numbers.number(value, numbers.decimals([result(value, bounds)])) == written


def test_a_column_shares_its_digits():
    assert numbers.decimals([result(0.5, (0.4, 0.6)), result(None), result(100.123)]) == 2


@pytest.mark.parametrize(("value", "written"), [(-0.0001, "0.00"), (0.0, "0.00"), (-0.5, "-0.50"), (None, "—")])
def test_no_minus_zero_and_a_dash_for_nothing(value, written):
    assert numbers.number(value, 2) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0098, "9.8 ms"),
        (0.35, "0.35 s"),
        (42.2, "42 s"),
        (59.9, "1 min 0 s"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_as_people_say_them(seconds, written):
    assert numbers.duration(seconds) == written


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_what_is_written_is_within_half_a_last_digit(value):
    digits = numbers.decimals([result(value)])
    assert abs(float(numbers.number(value, digits).replace(",", "")) - value) <= 0.5 * 10.0**-digits + 1e-6 * abs(value)


@pytest.mark.parametrize(("count", "written"), [(999, "999 B"), (5_300_000, "5.3 MB"), (2e9, "2 GB")])
def test_sizes(count, written):
    assert numbers.size(count) == written


def test_beside_a_distance_stand_n_and_its_floor():
    fields = {"interval_reason": "none", "metadata": {"n_per_set": 2048, "noise_floor": 3.14159}}
    distance = MetricResult(name="fvd", value=10.0, **fields)
    assert numbers.beside(distance, 1) == "N 2,048, floor 3.1"
    no_floor = MetricResult(
        name="fvd", value=10.0, interval_reason="none", metadata={"n_per_set": 8, "noise_floor": None}
    )
    assert numbers.beside(no_floor, 1) == "N 8"
    kernel = MetricResult(
        name="kvd", value=1.0, confidence_interval=(0.5, 1.5), metadata={"n_per_set": 8, "noise_floor": 0}
    )
    assert numbers.beside(kernel, 1) == "[0.5, 1.5] N 8, floor 0.0"
    for generated, written in ((1200, "1,200 / 50"), (50, "50")):
        sizes = {"n_generated": generated, "n_real": 50, "noise_floor": None}
        assert numbers.beside(MetricResult(name="kvd", value=1.0, interval_reason="none", metadata=sizes), 1) == (
            f"N {written}"
        )
    assert numbers.beside(MetricResult(name="fvd", value=None, reason="one clip"), 1) == ""
