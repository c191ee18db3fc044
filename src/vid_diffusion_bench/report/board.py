"""The one view that every report reads: models in order of rank, and columns whose values may stand side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from vid_diffusion_bench.report import numbers
from vid_diffusion_bench.results import BenchmarkResult, MetricResult, ModelResult
from vid_diffusion_bench.statistics import pareto_front

Group = Literal["quality", "performance"]
RANKED_BY = "overall_score"
LATENCY = "avg_latency_ms"


@dataclass(frozen=True)
class Column:
    """Results of one metric under one protocol; ``cells`` maps a model to its result.

    A metric whose results follow different protocols makes several columns, so that nothing incomparable is ever
    ranked together.
    """

    name: str
    group: Group
    cells: Mapping[str, MetricResult]
    split: bool = False

    @cached_property
    def first(self) -> MetricResult:
        """A result that speaks for the column: the first that has a value, if any has."""
        return next(iter([*self.measured.values(), *self.cells.values()]))

    @property
    def title(self) -> str:
        return f"{self.name} ({self.first.protocol_fingerprint[:6]})" if self.split else self.name

    @property
    def key(self) -> str:
        return f"{self.name}:{self.first.protocol_fingerprint}"

    @cached_property
    def measured(self) -> dict[str, MetricResult]:
        """Cells that have a value."""
        return {model: cell for model, cell in self.cells.items() if cell.value is not None}

    @cached_property
    def higher_is_better(self) -> bool | None:
        return next((c.higher_is_better for c in self.cells.values() if c.higher_is_better is not None), None)

    @property
    def arrow(self) -> str:
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]

    @property
    def unit(self) -> str:
        """The unit, unless the name already ends in it (``avg_latency_ms``)."""
        unit = self.first.unit
        return "" if self.name.endswith(f"_{unit.lower()}") else unit

    @cached_property
    def shared_warnings(self) -> list[str]:
        """Warnings that every measured cell has."""
        cells = list(self.measured.values())
        return [w for w in (cells[0].warnings if cells else ()) if all(w in cell.warnings for cell in cells)]

    @property
    def shared_reason(self) -> str | None:
        """Why nothing was measured, when it is the same for every model."""
        reasons = {cell.reason for cell in self.cells.values()}
        return self.first.reason if len(reasons) == 1 else None

    @cached_property
    def digits(self) -> int:
        return numbers.decimals(self.cells.values())

    def value(self, model: str) -> str:
        cell = self.cells.get(model)
        return numbers.number(cell.value if cell else None, self._digits_of(cell))

    def interval(self, model: str) -> str:
        cell = self.cells.get(model)
        return numbers.interval(cell.confidence_interval if cell else None, self._digits_of(cell))

    def beside(self, model: str) -> str:
        """The interval, and for comparisons of sets N and the noise floor."""
        cell = self.cells.get(model)
        return numbers.beside(cell, self._digits_of(cell))

    def _digits_of(self, cell: MetricResult | None) -> int:
        """The column's digits, unless the cell is of another order of magnitude (9 ms beside 4,210 ms)."""
        own = numbers.decimals([cell] if cell else [])
        return own if cell and cell.value is not None and abs(own - self.digits) > 1 else self.digits

    @cached_property
    def best(self) -> frozenset[str]:
        """Models with the best value; none where no direction is better, or where all are equal."""
        values = {model: cell.value or 0.0 for model, cell in self.measured.items()}
        if self.higher_is_better is None or len(set(values.values())) < 2:
            return frozenset()
        top = (max if self.higher_is_better else min)(values.values())
        return frozenset(model for model, value in values.items() if value == top)

    def order(self) -> list[str]:
        """Measured models, best first."""
        return sorted(
            self.measured, key=lambda model: self.measured[model].value or 0.0, reverse=self.higher_is_better is True
        )

    def span(self) -> tuple[float, float] | None:
        """Least and greatest number in the column, intervals included."""
        ends = [end for cell in self.measured.values() for end in (cell.value, *(cell.confidence_interval or ()))]
        known = [end for end in ends if end is not None]
        return (min(known), max(known)) if known else None


@dataclass(frozen=True)
class Board:
    """``models`` by rank, every column with the one that ranks first, and that one (``None``: nothing was measured)."""

    models: list[str]
    columns: list[Column]
    ranked_by: Column | None

    @classmethod
    def of(cls, result: BenchmarkResult) -> Board:
        """Lay out a result. The rank is by ``overall_score``, else by the first quality metric that has a value."""
        columns = [*_columns(result, "quality"), *_columns(result, "performance")]
        ranked_by = _ranking(columns)
        columns.sort(key=lambda column: column is not ranked_by)
        ranked = ranked_by.order() if ranked_by else []
        names = [model.model_name for model in result.models]
        return cls([*ranked, *(name for name in names if name not in ranked)], columns, ranked_by)

    def group(self, group: Group) -> list[Column]:
        return [column for column in self.columns if column.group == group]

    def column(self, name: str) -> Column | None:
        """The first column of a metric that holds a value."""
        return next((column for column in self.columns if column.name == name and column.measured), None)

    def frontier(self, quality: Column, cost: Column) -> list[str]:
        """Models that no other beats in both columns (those with both values), in order of rank."""
        both = [model for model in self.models if model in quality.measured and model in cost.measured]
        if not both:
            return []
        points = np.array([[column.measured[model].value for column in (quality, cost)] for model in both])
        front = pareto_front(points, [quality.higher_is_better is True, cost.higher_is_better is True])
        return [model for model, on_front in zip(both, front, strict=True) if on_front]


def _columns(result: BenchmarkResult, group: Group) -> Iterator[Column]:
    for name in dict.fromkeys(name for model in result.models for name in _results(model, group)):
        by_protocol: dict[str, dict[str, MetricResult]] = {}
        for model in result.models:
            if (cell := _results(model, group).get(name)) is not None:
                by_protocol.setdefault(cell.protocol_fingerprint, {})[model.model_name] = cell
        apart = _joined(by_protocol)
        for cells in apart:
            yield Column(name, group, cells, split=len(apart) > 1)


def _joined(by_protocol: dict[str, dict[str, MetricResult]]) -> list[dict[str, MetricResult]]:
    """One group a protocol; results that were not measured join the first, because they compare with nothing."""
    measured = [cells for cells in by_protocol.values() if any(cell.value is not None for cell in cells.values())]
    absent = [cells for cells in by_protocol.values() if cells not in measured]
    first, *others = measured or [{}]
    for cells in absent:
        first = {**first, **cells}
    return [first, *others]


def _results(model: ModelResult, group: Group) -> dict[str, MetricResult]:
    return model.metric_results if group == "quality" else model.performance_results


def _ranking(columns: list[Column]) -> Column | None:
    candidates = [c for c in columns if c.measured and c.higher_is_better is not None]
    quality = [c for c in candidates if c.group == "quality"]
    overall = [c for c in quality if c.name == RANKED_BY]
    return next(iter([*overall, *quality, *candidates]), None)
