"""What a search found: :class:`OptimizationResult`, and the file of parameters that a benchmark takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
from pydantic import Field

from vid_diffusion_bench.ai_optimization.applied import config_fields
from vid_diffusion_bench.ai_optimization.measured import Measured
from vid_diffusion_bench.exceptions import StorageError, ValidationError
from vid_diffusion_bench.results import Manifest, Value, utc_now

SCHEMA_VERSION = 1


class Trial(Value):
    """One setting of the search. ``values`` are in the order of the axes, empty where it failed for ``reason``.

    A ``pruned`` setting was measured on part of the prompts only; its values are of those.
    """

    number: int
    setting: dict[str, Any]
    state: str
    values: list[float] = Field(default_factory=list)
    reason: str = ""
    measured: Measured | None = None
    seconds: float | None = None
    worker: int = 0


class Comparison(Value):
    """A setting against the default on one axis, pair by pair on the same prompts and seeds.

    ``difference`` is the mean of setting minus default, with its 95 % interval by bootstrap of prompts. ``better`` is
    whether the interval lies on the better side of 0; ``None`` for ``reason``.
    """

    axis: str
    unit: str
    value: float | None
    default: float | None
    interval: tuple[float, float] | None = None
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    better: bool | None = None
    reason: str = ""


class Confirmed(Value):
    """A setting measured on seeds that the search never saw, and what the search itself had thought of it."""

    setting: dict[str, Any]
    seed: int
    searched: list[float] = Field(default_factory=list)
    measured: Measured | None = None
    comparisons: list[Comparison] = Field(default_factory=list)
    on_front: bool = False
    reason: str = ""


class OptimizationResult(Value):
    """The end of a search.

    ``best_score`` is measured on fresh seeds, which neither the search nor the choice among its best settings saw, with
    ``best_interval`` (95 %). ``search_score`` is what the search itself saw of the same setting: the best of many noisy
    values, so too good. For the objective pareto, the best is the setting of the front with the highest ``balanced``
    figure, of those that are no worse than the default in any axis if there are such (the default is one of them, where
    it is on the front); that figure is its score. ``best_parameters`` are empty when the default is the best.

    ``selection`` are the default (first) and the few best of the search on a second set of seeds, among which the best
    was chosen, or which make the front; ``confirmation`` are the default and the best on a third.
    """

    model: str
    objective: str
    definition: str
    axes: list[dict[str, Any]]
    score: str
    strategy: str
    sampler: str
    sampler_reason: str
    pruner: str
    pruner_reason: str
    seed: int
    prompts: list[str]
    prompts_fingerprint: str
    repeats: int
    fixed: dict[str, Any]
    space: dict[str, Any]
    left_out: dict[str, str]
    default: Measured
    trials: list[Trial]
    best_parameters: dict[str, Any]
    best_score: float
    best_interval: tuple[float, float] | None
    interval_reason: str | None = None
    search_score: float | None
    default_score: float
    selection: list[Confirmed]
    confirmation: list[Confirmed]
    hypervolume: float | None = None
    hypervolume_reference: list[float] = Field(default_factory=list)
    importance: dict[str, dict[str, float]] = Field(default_factory=dict)
    importance_method: str = ""
    elapsed_time: float
    measuring_seconds: float
    cost: float | None = None
    currency: str = ""
    stopped_because: str
    folder: str
    provenance: dict[str, Any]
    manifests: dict[str, Manifest] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    created_at: str = Field(default_factory=utc_now)
    schema_version: int = SCHEMA_VERSION

    @property
    def comparisons(self) -> list[Comparison]:
        """The best against the default, axis by axis, on fresh seeds; empty when the default is the best."""
        return self.confirmation[-1].comparisons

    @property
    def beats_default(self) -> bool | None:
        """Whether the best is better than the default on fresh seeds; ``None`` where there is no interval to say so.

        For several axes: better on at least one, and on none worse in the mean.
        """
        if not self.best_parameters:
            return False
        own = [found for found in self.comparisons if found.axis in {axis["name"] for axis in self.axes}]
        if any(found.better is None for found in own):
            return None
        return any(found.better for found in own) and all(self._no_worse(found) for found in own)

    @property
    def front(self) -> list[Confirmed]:
        """The settings that no other beats in all axes, on fresh seeds."""
        return [found for found in self.selection if found.on_front]

    def config_fields(self) -> dict[str, Any]:
        """The fields of a :class:`~vid_diffusion_bench.config.BenchmarkConfig` that are the best setting."""
        return {**self.fixed, **config_fields(self.best_parameters)}

    def save(self, path: Path | str) -> Path:
        """Write the file that ``vid-bench benchmark --params`` takes; it is the whole result.

        Raises:
            StorageError: It cannot be written.
        """
        path = Path(path)
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
            return unfinished.replace(path)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error

    def _no_worse(self, found: Comparison) -> bool:
        up = next(axis["maximize"] for axis in self.axes if axis["name"] == found.axis)
        return found.difference is not None and (found.difference if up else -found.difference) >= 0


def read_result(path: Path | str) -> OptimizationResult:
    """The result that :meth:`OptimizationResult.save` wrote.

    Raises:
        ValidationError: The file is not there or is none.
    """
    try:
        return OptimizationResult.model_validate(json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ValidationError(f"{path} is not there", remedy="a file that vid-bench optimize wrote") from error
    except (OSError, ValueError, pydantic.ValidationError) as error:
        raise ValidationError(
            f"{path} holds no optimised parameters: {error}", remedy="a file that vid-bench optimize wrote"
        ) from error
