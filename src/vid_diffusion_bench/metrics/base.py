"""What a metric is: a pure measurement of one clip, a keyed state that merges, and one summary.

``empty()`` gives a :class:`State`, ``update(state, clip)`` adds one clip, ``state.merge(other)`` joins two states, and
``compute(state, context)`` makes the :class:`~vid_diffusion_bench.results.MetricResult`. A state maps each clip's key
to its :class:`Row`, and every summary walks the rows in the order of their keys: order, batching and sharding change
not a bit of the result, and merging is associative, commutative and idempotent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from vid_diffusion_bench.exceptions import InvalidVideoError, MetricComputationError
from vid_diffusion_bench.features import Clip, Kept, get_extractor
from vid_diffusion_bench.results import MetricResult, Score
from vid_diffusion_bench.statistics import mean
from vid_diffusion_bench.video import DECODER


@dataclass(frozen=True)
class Measurement:
    """What a metric saw in one clip.

    ``value`` is a number for per-clip metrics and float64 (D,) for set metrics. ``facts`` are numbers whose mean over
    the clips belongs beside the result (``static_share``: 1.0 for a static clip).
    """

    value: Any
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One clip's entry in a state; ``value`` is ``None`` with a ``reason``. ``shape`` is (T, H, W, fps)."""

    cluster: str
    value: Any
    reason: str | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    shape: tuple[int, int, int, float] | None = None

    def score(self) -> Score:
        """The row as a record keeps it; ``None`` when what a clip contributes is no number of its own."""
        if self.value is None or isinstance(self.value, float):
            return Score(value=self.value, reason=self.reason)
        return Score(value=None, reason="a number of the whole set, not of one clip")


Rows = dict[str, Row]


@dataclass
class State:
    """Rows by clip key, of the generated and of the real set."""

    generated: Rows = field(default_factory=dict)
    reference: Rows = field(default_factory=dict)

    def merge(self, other: State) -> State:
        """The union of both.

        Raises:
            MetricComputationError: A clip is in both with different values.
        """
        return State(_union(self.generated, other.generated), _union(self.reference, other.reference))


def _union(first: Rows, second: Rows) -> Rows:
    for key in first.keys() & second.keys():
        if not _same(first[key], second[key]):
            raise MetricComputationError(f"clip {key!r} has two different values in the states to merge")
    return first | second


def _same(first: Row, second: Row) -> bool:
    by_equality = isinstance(first.value, Kept | dict)
    same = first.value == second.value if by_equality else np.array_equal(first.value, second.value)
    return first.reason == second.reason and bool(same)


@dataclass(frozen=True)
class Context:
    """What a summary needs beside the rows.

    ``name`` is the spelling that was asked for, ``total`` the clips planned (``None``: those seen), ``reference`` the
    fingerprint of the real set and ``reference_reason`` why there is none. ``subsample``: the larger of two sets may be
    cut to the size of the smaller; ``spare`` names the real clips to be cut first.
    """

    name: str
    total: int | None = None
    reference: str | None = None
    reference_description: str = ""
    reference_reason: str | None = None
    warnings: Sequence[str] = ()
    subsample: bool = False
    spare: frozenset[str] = frozenset()


class Metric(ABC):
    """One metric. Subclasses are stateless; what they say about themselves is in these attributes.

    ``name`` is what it is registered as, ``metric`` or ``metric:variant``; ``needs`` names feature extractors;
    ``extractor`` is the one in the label (``fvd[shapes-v1]``); a changed number needs a new ``version``.
    """

    name: str
    version: int = 1
    extractor: str = ""
    unit: str = ""
    higher_is_better: bool | None = True
    needs: tuple[str, ...] = ()
    formula: str = ""
    aggregation: str = ""
    uses_reference: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """The honest full name."""
        metric = self.name.partition(":")[0]
        return f"{metric}[{self.extractor}]" if self.extractor else metric

    @abstractmethod
    def measure(self, clip: Clip) -> Measurement:
        """What this clip contributes.

        Raises:
            MetricComputationError: It contributes nothing; the message is the reason.
        """

    def measure_real(self, clip: Clip) -> Measurement:
        """What this clip of the real set contributes, where its protocol treats real clips otherwise."""
        return self.measure(clip)

    @abstractmethod
    def compute(self, state: State, context: Context) -> MetricResult:
        """The result of all rows of ``state``."""

    def protocol(self) -> dict[str, Any]:
        """Everything that decides the number, as plain data; raises when an extractor cannot run here."""
        return {
            "metric": self.label,
            "version": self.version,
            "formula": self.formula,
            "aggregation": self.aggregation,
            "decoder": DECODER,
            "features": {name: get_extractor(name).identity() for name in self.needs},
        }

    def check(self) -> None:
        """Raise what keeps the metric from running here at all.

        Raises:
            ModelLoadingError: Weights are missing or damaged.
            MissingDependencyError: A library, or a metric that it is made of, is missing.
        """
        self.protocol()

    def empty(self) -> State:
        """The state of no clips."""
        return State()

    def update(self, state: State, clip: Clip, *, reference: bool = False) -> None:
        """Measure ``clip`` and put its row into ``state``, on the real side if ``reference``.

        Raises:
            InvalidVideoError: The clip itself cannot be decoded.
        """
        rows = state.reference if reference else state.generated
        shape = clip.shape
        try:
            seen = self.measure_real(clip) if reference else self.measure(clip)
            rows[clip.key] = Row(clip.cluster, _finite(seen.value), None, seen.facts, shape)
        except MetricComputationError as error:
            rows[clip.key] = Row(clip.cluster, None, error.message, {}, shape)

    def result(self, context: Context, rows: Rows, **fields: Any) -> MetricResult:
        """A result with what every metric says the same way: label, counts, coverage, clips, facts, protocol."""
        measured = [rows[key] for key in sorted(rows) if rows[key].value is not None]
        total = max(len(rows) if context.total is None else context.total, len(rows))
        facts = _mean_facts(measured)
        metadata = {
            "coverage": len(measured) / total if total else None,
            "missing": dict(sorted(Counter(row.reason for row in rows.values() if row.reason).items())),
            "clips": _extent(measured),
            **facts,
            **fields.pop("metadata", {}),
        }
        warnings = [*context.warnings, *self.warnings(facts), *fields.pop("warnings", [])]
        return MetricResult(
            name=context.name,
            label=self.label,
            n=len(measured),
            total=total,
            unit=self.unit,
            higher_is_better=self.higher_is_better,
            protocol={**self.protocol(), **fields.pop("protocol", {})},
            metadata=metadata,
            warnings=warnings,
            **fields,
        )

    def warnings(self, facts: Mapping[str, float]) -> list[str]:
        """What the reader must know, from the mean facts of the clips."""
        lines = []
        if static := facts.get("static_share"):
            lines.append(f"{static:.0%} of the clips hardly move; a frozen clip scores 1 here whatever it shows")
        if (unknown := facts.get("unknown_word_share", 0.0)) > UNKNOWN_WORDS_WARNED:
            lines.append(f"{unknown:.0%} of the prompts' words are unknown to {self.extractor}: hardly meaningful")
        return lines


UNKNOWN_WORDS_WARNED = 0.2


def _finite(value: Any) -> Any:
    """``value`` of a measurement, a number as ``float``.

    Raises:
        MetricComputationError: It is ``None``, or a number or an array that is not finite.
    """
    if value is None:
        raise MetricComputationError("the metric gave no value and no reason")
    number = float(value) if isinstance(value, Real) else value
    numeric = isinstance(number, float) or (isinstance(number, np.ndarray) and number.dtype.kind == "f")
    if numeric and not np.isfinite(number).all():
        raise MetricComputationError("the metric gave a value that is not finite")
    return number


def unmeasured(rows: Rows) -> str:
    """Why no clip of ``rows`` has a value."""
    if not rows:
        return "no clip to score"
    reasons = Counter(row.reason for row in rows.values())
    return "; ".join(
        f"{reason} ({count} clip{'s' * (count != 1)})" for reason, count in sorted(reasons.items(), key=str)
    )


def _mean_facts(rows: Sequence[Row]) -> dict[str, float]:
    names = sorted({name for row in rows for name in row.facts})
    return {name: mean([row.facts[name] for row in rows if name in row.facts]) for name in names}


def _extent(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Smallest and largest frame count, height, width and rate of the clips that were measured."""
    shapes = [row.shape for row in rows if row.shape]
    columns = zip(("num_frames", "height", "width", "fps"), zip(*shapes, strict=True), strict=True) if shapes else ()
    return {name: [min(column), max(column)] for name, column in columns}


def paired_video(clip: Clip) -> Any:
    """The real clip of the same name, of the same shape.

    Raises:
        MetricComputationError: There is none, it cannot be decoded, or its shape differs.
    """
    try:
        other = clip.paired
    except InvalidVideoError as error:
        raise MetricComputationError(f"the real clip of this name is broken: {error.message}") from error
    if other is None:
        raise MetricComputationError("no real clip of this name to compare with")
    if other.frames.shape != clip.video.frames.shape:
        raise MetricComputationError("the real clip of this name differs in frames or size")
    return other
