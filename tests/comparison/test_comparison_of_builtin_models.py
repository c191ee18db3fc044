"""The small version of ``benchmarks/builtin_order.py``: plan from a pilot, find the order, find nothing in nothing."""

from __future__ import annotations

import importlib.util
import sys
from itertools import combinations
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "builtin_order.py"


@pytest.fixture(scope="module")
def order():
    spec = importlib.util.spec_from_file_location("builtin_order", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["builtin_order"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["builtin_order"]


def test_a_better_model_is_found_with_the_planned_number_of_prompts(order, tmp_path):
    models = ("shapes-oracle", "shapes-small")
    (plan,) = order.planned(tmp_path, order.Sizes(pilot=6), models, difference=35.0)
    assert plan.observed_difference > 0
    n = plan.sizes[0].prompts
    assert 6 <= n <= 20
    assert order.order_found(order.confirmed(tmp_path, n, 1, models))


def test_a_model_against_itself_with_other_seeds_is_hardly_ever_found(order, tmp_path):
    run = order.make(
        tmp_path, ["shapes-base"], order.captions(8, 1000), 0,
        samples_per_prompt=4, num_inference_steps=2, metrics=["overall_score"],
    )  # fmt: skip
    subjects = order.seed_sets(run, tmp_path)
    assert [len(subject.result.records) for subject in subjects] == [8] * 4
    pairs = list(combinations(range(4), 2))
    assert order.null_findings(subjects, pairs, ("overall_score",))["overall_score"] <= 1
