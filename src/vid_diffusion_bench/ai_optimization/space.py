"""What may be varied: :class:`SearchSpace`, as a value, from a file, and as every point of its grid."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vid_diffusion_bench.exceptions import ValidationError

Choice = str | bool | int | float | None
Setting = dict[str, Any]
"""Parameter name to value; parameters whose condition does not hold are not in it."""
Conditions = Mapping[str, Mapping[str, Sequence[Choice]]]
GRID_POINTS = 5
_FIELDS = ("continuous_params", "discrete_params", "categorical_params", "conditions")


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of a search, each in one of three groups.

    Args:
        continuous_params: Name to (low, high), or (low, high, "log") to search by orders of magnitude.
        discrete_params: Name to the numbers it may take, in any order; they are searched as ordered.
        categorical_params: Name to the values it may take, which have no order.
        conditions: Name to {another name: the values that it must have}: the parameter is there only when all hold,
            and is left at the model's default otherwise. The other is discrete or categorical.

    Names are those of generation parameters (``num_inference_steps``, ``guidance_scale``, ``scheduler`` ...), of an
    :class:`~vid_diffusion_bench.optimization.OptimizationProfile` (``precision``, ``compile_model`` ...), or of the
    pipeline's own call (``eta``, ``guidance_rescale`` ...).

    Raises:
        ValidationError: It is empty or contradicts itself; all mistakes are named.
    """

    continuous_params: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    discrete_params: Mapping[str, Sequence[float]] = field(default_factory=dict)
    categorical_params: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups = (self.continuous_params, self.discrete_params, self.categorical_params, self.conditions)
        if not all(isinstance(group, Mapping) for group in groups):
            raise ValidationError("a search space maps names to values", remedy="see docs/optimizing.md")
        if nameless := [name for name in self.names if not isinstance(name, str) or not name.strip()]:
            raise ValidationError(f"a parameter is called {nameless[0]!r}", remedy="names are texts")
        problems = [*self._doubles(), *self._ranges(), *self._lists(), *self._wrong_conditions()]
        if not self.names:
            problems = ["there is nothing to search: no parameter is in the search space"]
        if not problems and self.order is None:
            problems = ["the conditions go round in a circle"]
        if problems:
            raise ValidationError(
                "; ".join(problems), remedy="see docs/optimizing.md for search spaces", details={"problems": problems}
            )

    @property
    def names(self) -> list[str]:
        return [*self.continuous_params, *self.discrete_params, *self.categorical_params]

    @property
    def order(self) -> list[str] | None:
        """The names, each after those its condition asks about; ``None`` when there is no such order."""
        ordered: list[str] = []
        waiting = self.names
        while waiting:
            ready = [name for name in waiting if set(self.conditions.get(name, ())) <= set(ordered)]
            if not ready:
                return None
            ordered += ready
            waiting = [name for name in waiting if name not in ready]
        return ordered

    def holds(self, name: str, setting: Mapping[str, Any]) -> bool:
        """Whether ``name`` is there beside what ``setting`` says of the parameters before it."""
        asked = self.conditions.get(name, {})
        return all(other in setting and setting[other] in values for other, values in asked.items())

    def values(self, name: str) -> list[Any]:
        """The values of a discrete parameter in ascending order, of a categorical one as given."""
        if name in self.discrete_params:
            return sorted(self.discrete_params[name])
        return list(self.categorical_params[name])

    def grid(self, points: int = GRID_POINTS) -> Iterator[Setting]:
        """Every setting once; a continuous parameter has ``points`` values, both ends among them."""
        return self._extended({}, self.order or [], points)

    def without(self, names: Mapping[str, object], kept: Mapping[str, Sequence[Any]]) -> SearchSpace:
        """This space without the parameters ``names``, with only the values ``kept`` of others.

        Conditions on what is gone go with it when they can never hold, together with their parameter.
        """
        gone = set(names)
        while more := {name for name in set(self.names) - gone if not self._possible(name, gone, kept)}:
            gone |= more
        return SearchSpace(
            {n: v for n, v in self.continuous_params.items() if n not in gone},
            {n: kept.get(n, v) for n, v in self.discrete_params.items() if n not in gone},
            {n: kept.get(n, v) for n, v in self.categorical_params.items() if n not in gone},
            {n: self._kept_condition(c, kept) for n, c in self.conditions.items() if n not in gone},
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as :func:`read_space` reads it."""
        plain = {
            "continuous_params": {name: list(values) for name, values in self.continuous_params.items()},
            "discrete_params": {name: list(values) for name, values in self.discrete_params.items()},
            "categorical_params": {name: list(values) for name, values in self.categorical_params.items()},
            "conditions": {n: {o: list(v) for o, v in c.items()} for n, c in self.conditions.items()},
        }
        return {name: group for name, group in plain.items() if group}

    @classmethod
    def from_dict(cls, data: Any) -> SearchSpace:
        """The space that plain data of a file says.

        Raises:
            ValidationError: It says none.
        """
        if not isinstance(data, dict) or (unknown := [name for name in data if name not in _FIELDS]):
            what = f"has no part {unknown[0]!r}" if isinstance(data, dict) else "is a mapping"
            raise ValidationError(f"a search space {what}", remedy=f"its parts are {', '.join(_FIELDS)}")
        return cls(**{name: value or {} for name, value in data.items()})

    def _extended(self, setting: Setting, names: Sequence[str], points: int) -> Iterator[Setting]:
        if not names:
            yield setting
            return
        name, *rest = names
        if not self.holds(name, setting):
            yield from self._extended(setting, rest, points)
            return
        for value in self._grid_values(name, points):
            yield from self._extended({**setting, name: value}, rest, points)

    def _grid_values(self, name: str, points: int) -> list[Any]:
        if name not in self.continuous_params:
            return self.values(name)
        low, high, *scale = self.continuous_params[name]
        steps = [index / (points - 1) for index in range(points)] if points > 1 else [0.5]
        if scale:
            return [low * (high / low) ** step for step in steps]
        return [low + (high - low) * step for step in steps]

    def _doubles(self) -> list[str]:
        return [f"{n} is in two groups" for n, same in itertools.groupby(sorted(self.names)) if len(list(same)) > 1]

    def _ranges(self) -> Iterator[str]:
        for name, given in self.continuous_params.items():
            if not isinstance(given, Sequence) or isinstance(given, str) or len(given) not in (2, 3):
                yield f"{name} is not (low, high)"
            elif not all(_is_number(end) for end in given[:2]):
                yield f"{name}: its ends are finite numbers, not {given[0]!r} and {given[1]!r}"
            elif given[0] >= given[1]:
                yield f"{name}: its low end {given[0]} is not below its high end {given[1]}"
            elif len(given) == 3 and (given[2] != "log" or given[0] <= 0):
                yield f"{name}: the third word is log, for ends above 0"

    def _lists(self) -> Iterator[str]:
        for group, numbers in ((self.discrete_params, True), (self.categorical_params, False)):
            for name, given in group.items():
                if not isinstance(given, Sequence) or isinstance(given, str) or not given:
                    yield f"{name} has no list of values"
                elif numbers and not all(_is_number(value) for value in given):
                    yield f"{name}: discrete values are finite numbers; others go to categorical_params"
                elif not all(isinstance(value, str | bool | None) or _is_number(value) for value in given):
                    yield f"{name}: values are texts, finite numbers, true, false and null"
                elif len(set(given)) < len(given):
                    yield f"{name} has a value twice"

    def _wrong_conditions(self) -> Iterator[str]:
        for name, asked in self.conditions.items():
            if name not in self.names:
                yield f"a condition is on {name}, which is not in the search space"
            elif not isinstance(asked, Mapping) or not asked:
                yield f"the condition of {name} is not {{another name: [values]}}"
            else:
                yield from (problem for other in asked if (problem := self._wrong(name, other, asked[other])))

    def _wrong(self, name: str, other: str, wanted: Any) -> str | None:
        if other in self.continuous_params or other not in self.names:
            kind = "is continuous" if other in self.continuous_params else "is not in the search space"
            return f"{name} depends on {other}, which {kind}"
        if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
            return f"the condition of {name} gives no list of values for {other}"
        never = [value for value in wanted if value not in self.values(other)]
        return f"{name} depends on {other} being {never[0]!r}, which it never is" if never else None

    def _possible(self, name: str, gone: set[str], kept: Mapping[str, Sequence[Any]]) -> bool:
        """Whether the condition of ``name`` can still hold."""
        asked = self.conditions.get(name, {})
        return all(other not in gone and _common(values, kept.get(other)) for other, values in asked.items())

    def _kept_condition(
        self, asked: Mapping[str, Sequence[Choice]], kept: Mapping[str, Sequence[Any]]
    ) -> dict[str, list[Choice]]:
        return {other: _common(values, kept.get(other)) for other, values in asked.items()}


def read_space(path: Path | str) -> SearchSpace:
    """A search space from a YAML or JSON file.

    Raises:
        ValidationError: The file cannot be read, or holds none.
    """
    import yaml

    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValidationError(f"{path} cannot be read as YAML or JSON: {error}") from error
    return SearchSpace.from_dict(data)


def _common(values: Sequence[Choice], kept: Sequence[Any] | None) -> list[Choice]:
    return [value for value in values if kept is None or value in kept]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
