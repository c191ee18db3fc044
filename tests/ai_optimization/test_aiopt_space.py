"""Search spaces: what is refused, conditions, grids against a product written out, files."""

from __future__ import annotations

import itertools
import json

import pytest

from vid_diffusion_bench.ai_optimization import SearchSpace, read_space
from vid_diffusion_bench.exceptions import ValidationError


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "nothing to search"),
        ({"continuous_params": {"a": (2.0, 1.0)}}, "a: its low end 2.0 is not below its high end 1.0"),
        ({"continuous_params": {"a": (1.0, 1.0)}}, "is not below"),
        ({"continuous_params": {"a": (float("nan"), 1.0)}}, "finite"),
        ({"continuous_params": {"a": (0.0, 1.0, "log")}}, "log, for ends above 0"),
        ({"continuous_params": {"a": (0.1, 1.0, "lg")}}, "third word is log"),
        ({"continuous_params": {"a": 3}}, "a is not (low, high)"),
        ({"discrete_params": {"a": []}}, "a has no list"),
        ({"discrete_params": {"a": ["x"]}}, "categorical_params"),
        ({"discrete_params": {"a": [True]}}, "categorical_params"),
        ({"categorical_params": {"a": "ddim"}}, "a has no list"),
        ({"categorical_params": {"a": ["x", "x"]}}, "a has a value twice"),
        ({"categorical_params": {"a": [[1]]}}, "values are texts"),
        ({"categorical_params": {"a": [float("nan")]}}, "finite numbers"),
        ({"categorical_params": {"a": [1, True]}}, "a has a value twice"),
        ({"discrete_params": {"a": [1, 1.0]}}, "a has a value twice"),
        ({"discrete_params": {"a": [10**400]}}, "finite numbers"),
        ({"discrete_params": {"": [1]}}, "a parameter is called ''"),
        ({"discrete_params": {1: [1]}}, "a parameter is called 1"),
        ({"continuous_params": {"a": (0, 1)}, "discrete_params": {"a": [1]}}, "a is in two groups"),
        ({"discrete_params": {"a": [1]}, "conditions": {"b": {"a": [1]}}}, "on b, which is not in"),
        ({"discrete_params": {"a": [1]}, "conditions": {"a": {"b": [1]}}}, "depends on b, which is not in"),
        ({"discrete_params": {"a": [1], "b": [1]}, "conditions": {"a": {"b": [2]}}}, "being 2, which it never is"),
        ({"discrete_params": {"a": [1], "b": [1]}, "conditions": {"a": {"b": [1]}, "b": {"a": [1]}}}, "circle"),
        ({"discrete_params": {"a": [1]}, "conditions": {"a": {"a": [1]}}}, "circle"),
        ({"continuous_params": {"a": (0, 1)}, "discrete_params": {"b": [1]}, "conditions": {"b": {"a": [1]}}},
         "which is continuous"),
        ({"discrete_params": {"a": [1], "b": [1]}, "conditions": {"a": {"b": 1}}}, "no list of values for b"),
    ],
)  # fmt: skip
def test_a_contradictory_space_is_refused_with_the_reason(parts, said):
    with pytest.raises(ValidationError) as caught:
        SearchSpace(**parts)
    assert said in caught.value.message
    assert caught.value.remedy


def test_all_mistakes_are_named_at_once():
    with pytest.raises(ValidationError, match=r"a: its low end.*b has no list"):
        SearchSpace({"a": (2, 1)}, {"b": []})


CONDITIONED = SearchSpace(
    {"eta": (0.0, 1.0)},
    {"steps": [30, 10]},
    {"scheduler": ["ddim", "euler"]},
    {"eta": {"scheduler": ["ddim"]}},
)


def test_a_grid_is_the_product_with_conditional_parameters_only_where_they_hold():
    by_hand = [
        {"steps": steps, "scheduler": scheduler} | ({"eta": eta} if eta is not None else {})
        for steps, scheduler in itertools.product((10, 30), ("ddim", "euler"))
        for eta in ((0.0, 0.5, 1.0) if scheduler == "ddim" else (None,))
    ]
    grid = list(CONDITIONED.grid(3))
    assert len(grid) == 8
    assert all(setting in by_hand for setting in grid)
    assert all(setting in grid for setting in by_hand)


def test_a_logarithmic_range_is_spread_by_orders_of_magnitude():
    (first, middle, last) = (s["a"] for s in SearchSpace({"a": (0.01, 1.0, "log")}).grid(3))
    assert (first, middle, last) == pytest.approx((0.01, 0.1, 1.0))


def test_the_order_puts_a_parameter_after_what_it_depends_on():
    space = SearchSpace(
        {}, {"a": [1], "b": [1], "c": [1]}, {}, {"a": {"b": [1]}, "b": {"c": [1]}}
    )  # fmt: skip
    assert space.order == ["c", "b", "a"]


def test_what_is_left_out_takes_along_what_can_then_never_hold():
    left = CONDITIONED.without({}, {"scheduler": ["euler"]})
    assert left.names == ["steps", "scheduler"]
    assert CONDITIONED.without({"scheduler": "no"}, {}).names == ["steps"]
    assert CONDITIONED.without({}, {"scheduler": ["ddim"]}).conditions == {"eta": {"scheduler": ["ddim"]}}


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_space_is_read_back_from_a_file(tmp_path, suffix):
    import yaml

    path = tmp_path / f"space{suffix}"
    data = CONDITIONED.to_dict()
    path.write_text(json.dumps(data) if suffix == ".json" else yaml.safe_dump(data))
    assert read_space(path).to_dict() == data
    assert list(read_space(path).grid(3)) == list(CONDITIONED.grid(3))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "cannot be read"),
        ("- 1", "is a mapping"),
        ("steps: [1]", "no part 'steps'"),
        ("discrete_params: 3", "maps"),
    ],
)
def test_a_file_that_holds_no_space_is_refused(tmp_path, text, said):
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(ValidationError, match=said):
        read_space(tmp_path / "space.yaml")
    with pytest.raises(ValidationError, match="cannot be read"):
        read_space(tmp_path / "none.yaml")
