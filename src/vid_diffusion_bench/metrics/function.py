"""A user's function of two sets of videos, as a metric."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.foreign import foreign
from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, Rows, State, unmeasured
from vid_diffusion_bench.results import MetricResult
from vid_diffusion_bench.video import Video

SetFunction = Callable[[Sequence[Video], Sequence[Video]], Mapping[str, float]]


class Videos(Sequence[Video]):
    """Clips that are decoded when they are looked at, so that a set need not fit into memory."""

    def __init__(self, loaders: Sequence[Callable[[], Video]]) -> None:
        self._loaders = list(loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    @overload
    def __getitem__(self, index: int) -> Video: ...
    @overload
    def __getitem__(self, index: slice) -> Videos: ...
    def __getitem__(self, index: int | slice) -> Video | Videos:
        if isinstance(index, slice):
            return Videos(self._loaders[index])
        return self._loaders[index]()


class FunctionMetric(Metric):
    """``function(real_videos, generated_videos) -> {name: value}`` behind the metric interface.

    The label and the protocol name the function and the hash of its source, so its numbers never share a column with
    a built-in of the same name. The function is called once with all clips; they are decoded again as it reads them.
    """

    aggregation = "by the function"
    higher_is_better = None
    uses_reference = True

    def __init__(self, name: str, function: SetFunction, *, replaces_built_in: bool = False) -> None:
        self.name = name
        self.function = function
        self.replaces_built_in = replaces_built_in
        self.source = f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"

    @property
    def label(self) -> str:
        return f"custom:{self.source}"

    def protocol(self) -> dict[str, Any]:
        return {**super().protocol(), "source_sha256": _source_hash(self.function)}

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.load)

    def compute(self, state: State, context: Context) -> MetricResult:
        if not state.generated:
            return self.result(context, state.generated, value=None, reason=unmeasured(state.generated))
        value, reason, others = self._call(_videos(state.reference), _videos(state.generated))
        replaced = [f"this is a registered function, not the built-in {self.name}"] if self.replaces_built_in else []
        return self.result(
            context,
            state.generated,
            value=value,
            reason=reason,
            interval_reason="a function of whole sets has no interval of its own",
            protocol={"reference": context.reference},
            metadata={"returned": others, "reference_n": len(state.reference)},
            warnings=replaced,
        )

    def _call(self, real: Videos, generated: Videos) -> tuple[float | None, str | None, dict[str, str]]:
        """The value, or ``None`` and the reason, and what else the function returned."""
        try:
            with foreign(f"{self.source} raised", passing=()):
                returned = self.function(real, generated)
        except MetricComputationError as error:
            return None, error.message, {}
        if not isinstance(returned, Mapping) or self.name not in returned:
            return None, f"{self.source} returned no {{{self.name!r}: value}}", {}
        others = {str(name): str(value) for name, value in returned.items() if name != self.name}
        try:
            value = float(returned[self.name])
        except (TypeError, ValueError):
            return None, f"{self.source} returned {returned[self.name]!r}, which is no number", others
        if not math.isfinite(value):
            return None, f"{self.source} returned {value}", others
        return value, None, others


def _videos(rows: Rows) -> Videos:
    return Videos([rows[key].value for key in sorted(rows) if rows[key].value is not None])


def _source_hash(function: SetFunction) -> str:
    """SHA-256 of the source text; of the byte code where there is no source (an interactive session)."""
    try:
        text = inspect.getsource(function).encode()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = code.co_code + repr(code.co_consts).encode() if code else repr(type(function)).encode()
    return hashlib.sha256(text).hexdigest()
