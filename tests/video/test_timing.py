"""Frames a second from time stamps: regular clips keep the container's rate, the others get their average."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.video.timing import frame_rate

RATES = st.sampled_from(
    [Fraction(8), Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)]
)
TICKS = st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 12800)])


def stamps_of(rate, tick, count, start=0):
    return [start + round(index / rate / tick) for index in range(count)]


@settings(max_examples=100)
@given(RATES, TICKS, st.integers(2, 200), st.integers(-(10**12), 10**12))
def test_a_regular_clip_keeps_the_stored_rate_and_has_no_notes(rate, tick, count, start):
    fps, notes = frame_rate(stamps_of(rate, tick, count, start), tick, rate)
    assert fps == float(rate)
    assert notes == ()


@settings(max_examples=100)
@given(RATES, TICKS, st.integers(50, 200))
def test_a_regular_clip_whose_container_says_otherwise_has_the_rate_of_its_stamps(rate, tick, count):
    fps, notes = frame_rate(stamps_of(rate, tick, count), tick, 2 * rate)
    assert fps == pytest.approx(float(rate), rel=0.01)
    assert notes == ()


@settings(max_examples=100)
@given(st.lists(st.integers(10, 1000), min_size=2, max_size=50))
def test_any_rate_is_the_average_of_the_stamps(steps):
    stamps = [sum(steps[:index]) for index in range(len(steps) + 1)]
    fps, notes = frame_rate(stamps, Fraction(1, 1000), None)
    assert fps == pytest.approx(1000 * len(steps) / sum(steps))
    if max(steps) - min(steps) > 0.5 * sum(steps) / len(steps):
        assert any("variable frame rate" in note for note in notes)
    if max(steps) == min(steps):
        assert notes == ()


def test_rates_that_change_half_way_are_variable():
    stamps = [*range(0, 1000, 40), *range(1000, 2000, 50)]
    fps, notes = frame_rate(stamps, Fraction(1, 1000), Fraction(25))
    assert fps == pytest.approx(44 / 1.95)
    assert "variable frame rate" in notes[0]


@pytest.mark.parametrize("stamps", [[None, None, None], [0, None, 2], [0, 2, 1], [5, 5, 5], [3, 2, 1]])
def test_stamps_that_are_no_use_leave_the_stored_rate(stamps):
    fps, notes = frame_rate(stamps, Fraction(1, 8), Fraction(24))
    assert fps == 24
    assert "time stamps" in notes[0]


@pytest.mark.parametrize("stored", [None, Fraction(0), Fraction(-1)])
def test_without_any_rate_eight_is_assumed_and_said(stored):
    assert frame_rate([0], Fraction(1, 8), stored) == (8.0, ("frame rate: none stored, 8 a second assumed",))


@pytest.mark.parametrize(
    ("stored", "implausible"), [(Fraction(24), False), (Fraction(90000), True), (Fraction(1, 99), True)]
)
def test_an_implausible_rate_is_kept_and_said(stored, implausible):
    fps, notes = frame_rate([0], Fraction(1, 8), stored)
    assert fps == float(stored)
    assert bool(notes) == implausible


def test_absurd_stamps_give_a_number():
    fps, notes = frame_rate([0, 2**62], Fraction(1, 10**9), Fraction(8))
    assert 0 < fps < 1e-8
    assert "implausible" in notes[-1]
