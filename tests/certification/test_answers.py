"""From changes to words."""

from __future__ import annotations

import pytest

from vid_diffusion_bench.certification.answers import Step, Yardstick, classify

UNIT = Yardstick(1.0, "one", appreciable=0.1)


def judged(*changes, expected="worse", higher=True, interval=None, unit=UNIT, missing=None):
    steps = [Step(f"rung {index}", change, interval) for index, change in enumerate(changes, 1)]
    return classify(steps, unit, expected, missing, higher_is_better=higher)


@pytest.mark.parametrize(
    ("changes", "options", "answer", "surprising"),
    [
        ((-0.2, -0.5, -2), {}, "worse", False),
        ((0.2, 0.5, 2), {"higher": False}, "worse", False),
        ((0.2, 0.5, 2), {}, "better", True),
        ((0.2, 0.5, 2), {"expected": "better"}, "better", False),
        ((0.2, 0.5, 2), {"expected": "either"}, "better", True),
        ((-0.2, -0.5, -2), {"expected": "either"}, "worse", False),
        ((-0.2, -0.5, -2), {"expected": "unmoved"}, "worse", True),
        ((0.2, 0.5, 2), {"higher": None, "expected": "either"}, "moves", False),
        ((0.09, -0.09, 0.0), {}, "unmoved", True),
        ((0.09, -0.09, 0.0), {"expected": "unmoved"}, "unmoved", False),
        ((0.0, 0.0), {"expected": "either"}, "unmoved", False),
        ((-2, -0.5, -3), {}, "uneven", True),
        ((-2, -1.95, -3), {}, "worse", False),
        ((-1, 1.5), {"expected": "either"}, "uneven", False),
        ((-1, -2, -0.01), {}, "uneven", True),
        ((-2.0,), {"interval": (-4.1, 0.1)}, "unmoved", True),
        ((-2.0,), {"interval": (-3.0, -0.1)}, "worse", False),
        ((-1e-6,), {"unit": Yardstick(None, "none")}, "worse", False),
        ((-1e-12,), {"unit": Yardstick(None, "none")}, "unmoved", True),
    ],
)  # fmt: skip
def test_the_word_for_the_changes(changes, options, answer, surprising):
    found = judged(*changes, **options)
    assert (found.answer, found.surprising) == (answer, surprising)


def test_where_it_turns_is_named():
    assert judged(-2, -0.5, -3).finding.endswith("turns back at rung 2")


def test_no_value_is_told_with_the_reason():
    found = judged(missing="the clip moves")
    assert (found.answer, found.finding, found.surprising) == ("not measured", "the clip moves", True)


def test_a_size_within_the_noise_is_said_to_be():
    assert "does not tell from zero" in judged(-2.0, interval=(-4.1, 0.1)).finding
