"""From the user's variables to factors, and from a combination of levels to fields of a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.optimization import OptimizationProfile, check_precision
from vid_diffusion_bench.research.experiment import Factor, Level, Target

Binding = Callable[[Any], Mapping[str, Any]]
"""What a level of a variable means: level to fields of :class:`BenchmarkConfig`, or ``model``."""

EXTRA = "extra:"
COLUMNS = frozenset({"order", "condition", "prompt", "index", "seed", "status", "failure"})
"""Columns of the data beside variables and metrics."""
_OWN = {
    "models": "write the variable as `model`",
    "prompts": "give prompts=[...] to design_experiment; they are the blocks, not a variable",
    "samples_per_prompt": "give seeds_per_prompt to design_experiment",
    "metrics": "give metrics=[...] to design_experiment",
    "extra": "name the argument itself, as `extra:NAME`",
    "output_dir": "give output_dir to execute_experiment",
}
_FIXED = frozenset({"name", "prompt_set", "images", "save_videos", "reference", "subsample", "config"})


def read_variables(
    variables: Mapping[str, Sequence[Any]], bindings: Mapping[str, Binding], *, ranges: bool
) -> tuple[list[Factor], dict[str, Level]]:
    """The factors in the order given, and the variables of one level, which are held.

    With ``ranges`` two different numbers are the ends of a continuous factor.

    Raises:
        ValidationError: A variable has no values or the same twice, cannot be one, or none of them varies.
    """
    if not isinstance(variables, Mapping) or not variables:
        raise ValidationError(
            "an experiment needs a variable", remedy='variables={"num_inference_steps": [4, 12], ...}'
        )
    factors: list[Factor] = []
    held: dict[str, Level] = {}
    for written, values in variables.items():
        name = _plain_name(written, bindings)
        if name in held or any(factor.name == name for factor in factors):
            raise ValidationError(f"variable {name!r} is given twice", remedy="leave one out")
        levels = _levels(name, values)
        target = target_of(name, bindings)
        if len(levels) == 1:
            held[name] = levels[0]
        else:
            factors.append(Factor(name=name, target=target, levels=levels, continuous=ranges and _is_range(levels)))
    if not factors:
        raise ValidationError(
            f"nothing varies: {', '.join(held)} {'has' if len(held) == 1 else 'have'} one level",
            remedy="give one of them a second value",
        )
    return factors, held


def _plain_name(name: str, bindings: Mapping[str, Binding]) -> str:
    """The name without ``extra:``, once it is sure that it means the same."""
    plain = name.removeprefix(EXTRA)
    if name != plain and target_of(plain, bindings) != "extra":
        raise ValidationError(f"{plain!r} is set by the benchmark itself", remedy=f"write the variable as {plain!r}")
    if not plain.strip() or ":" in plain or plain in COLUMNS:
        raise ValidationError(
            f"a variable cannot be called {name!r}", remedy=f"no colon, and none of {', '.join(sorted(COLUMNS))}"
        )
    return plain


def _levels(name: str, values: Any) -> list[Level]:
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise ValidationError(f"variable {name!r} is not a list of values", remedy=f"write {{{name!r}: [{values!r}]}}")
    if not values:
        raise ValidationError(f"variable {name!r} has no values", remedy="give it two, or leave it out")
    levels: list[Level] = [value.item() if isinstance(value, np.generic) else value for value in values]
    for value in levels:
        if not isinstance(value, bool | int | float | str | None):
            raise ValidationError(
                f"{value!r} of variable {name!r} is no number, text, truth value or None",
                remedy=f"name the levels and bind them: framework.bind({name!r}, function of a level)",
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ValidationError(f"variable {name!r} has the value {value}", remedy="give finite numbers")
    if len({(type(value) is bool, value) for value in levels}) < len(levels):
        raise ValidationError(f"variable {name!r} has a value twice: {levels}", remedy="give each level once")
    return levels


def _is_range(levels: Sequence[Level]) -> bool:
    return len(levels) == 2 and all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels)


def target_of(name: str, bindings: Mapping[str, Binding]) -> Target:
    """What a variable of this name changes; a name that nothing knows is an argument of the pipeline's own call.

    Raises:
        ValidationError: It is something an experiment sets itself.
    """
    if name in bindings:
        return "binding"
    if name == "model":
        return "model"
    if name in _OWN or name in _FIXED:
        raise ValidationError(f"{name!r} cannot be a variable", remedy=_OWN.get(name, "give it as parameters={...}"))
    if name in BenchmarkConfig.model_fields:
        return "parameter"
    return "optimization" if name in OptimizationProfile.model_fields else "extra"


def fields_of(settings: Mapping[str, Level], bindings: Mapping[str, Binding]) -> dict[str, Any]:
    """The fields of a configuration that a combination of levels means; ``model`` is among them if it is set.

    Raises:
        ValidationError: Two variables set the same field, a binding returns no mapping or unknown fields.
    """
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    switches: dict[str, Any] = {}
    for name, level in settings.items():
        target = target_of(name, bindings)
        if target == "binding":
            _add_bound(fields, extra, name, bindings[name](level))
        elif target == "extra":
            extra[name] = level
        elif target == "optimization":
            switches[name] = level
        else:
            _put(fields, name, name, level)
    if switches:
        profile = OptimizationProfile.create(**switches).model_dump(mode="json", exclude_defaults=True)
        _put(fields, "optimization", next(iter(switches)), profile)
    return fields | ({"extra": extra} if extra else {})


def _add_bound(fields: dict[str, Any], extra: dict[str, Any], name: str, bound: Any) -> None:
    known = {*BenchmarkConfig.model_fields, "model"} - _OWN.keys() - _FIXED | {"extra"}
    if not isinstance(bound, Mapping) or not known.issuperset(bound):
        wrong = sorted(set(bound) - known) if isinstance(bound, Mapping) else type(bound).__name__
        raise ValidationError(
            f"the binding of {name!r} returned {wrong} instead of fields of a configuration",
            remedy='return fields by name, such as {"num_frames": 16} or {"extra": {"argument": value}}',
        )
    for field, value in bound.items():
        if field == "extra":
            extra |= dict(value)
        else:
            _put(fields, field, name, value)


def _put(fields: dict[str, Any], field: str, name: str, value: Any) -> None:
    if field in fields and fields[field] != value:
        raise ValidationError(f"{field} is set twice, the second time by variable {name!r}", remedy="leave one out")
    fields[field] = value


def configuration(
    fields: Mapping[str, Any], parameters: Mapping[str, Any], prompts: Sequence[str], **more: Any
) -> BenchmarkConfig:
    """The configuration of one condition: its own ``fields`` over the ``parameters`` of all.

    Raises:
        ValidationError: No model is named, or a value is impossible.
    """
    merged = {**parameters, **fields}
    merged["extra"] = {**parameters.get("extra", {}), **fields.get("extra", {})}
    model = merged.pop("model", None)
    if not isinstance(model, str):
        raise ValidationError("no model is named", remedy='add a variable: "model": ["shapes-base"]')
    if not merged["extra"]:
        del merged["extra"]
    given = {name: value for name, value in merged.items() if value is not None}
    if (precision := given.get("precision")) is not None:
        check_precision(precision)
    return BenchmarkConfig.create(models=[model], prompts=list(prompts), **given, **more)
