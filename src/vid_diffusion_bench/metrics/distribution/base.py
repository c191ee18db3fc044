"""What every metric that compares two sets does the same way: equal N, the noise floor, the warnings."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.metrics.base import Context, Metric, Rows, State, unmeasured
from vid_diffusion_bench.results import MetricResult

Features = npt.NDArray[np.float64]
NO_INTERVAL = "the bootstrap is biased for a distance between sets; read it beside noise_floor"


@dataclass(frozen=True)
class Estimate:
    """What a comparison of two sets gave; an ``interval`` that is ``None`` has its ``interval_reason``.

    ``protocol`` is what decides the number beside N and the real set: the frames of all clips, say.
    """

    value: float
    interval: tuple[float, float] | None = None
    interval_reason: str | None = NO_INTERVAL
    protocol: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Sets:
    """``generated`` and ``real`` rows of equal number, and the real rows that are left over."""

    generated: list[Any]
    real: list[Any]
    spare: list[Any]


class SetMetric(Metric):
    """A comparison of the features of generated and real clips.

    Such a number depends on N, so N is part of the protocol, and sets of unequal size have no value unless
    :attr:`Context.subsample` allows to cut the larger one: to the clips with the smallest SHA-256 of their keys, a
    fair and repeatable draw. ``noise_floor`` is the same comparison of real with other real clips at the same N,
    where there are 2N real clips. A protocol that states its N (``protocol_clips``) takes no more of either set.

    An estimator without bias is right at every N: with ``equal_n`` false, sets of any sizes are compared whole, N is no
    part of the protocol, and the real clips kept for the noise floor (:attr:`Context.spare`) are used for it alone.
    """

    uses_reference: ClassVar[bool] = True
    equal_n: ClassVar[bool] = True
    least_clips: int = 2
    """Fewer of either set have no value."""
    recommended_clips: int = 2
    """Fewer are warned of."""
    protocol_clips: int | None = None
    aggregation = "N generated against N real clips; a larger set is cut to the N smallest SHA-256 of clip keys"

    @abstractmethod
    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        """Compare the row values of both sets, equal in number where :attr:`equal_n`.

        Raises:
            MetricComputationError: They cannot be compared; the message is the reason.
        """

    def compute(self, state: State, context: Context) -> MetricResult:
        try:
            sets = self._sets(state, context)
            estimate = self.compare(sets.generated, sets.real)
        except MetricComputationError as error:
            return self.result(context, state.generated, value=None, reason=error.message)
        floor, floor_reason = self._noise_floor(sets)
        n = min(len(sets.generated), len(sets.real))
        protocol = {"n_per_set": n} if self.equal_n else {}
        return self.result(
            context,
            state.generated,
            value=estimate.value,
            confidence_interval=estimate.interval,
            interval_reason=None if estimate.interval else estimate.interval_reason,
            protocol={**protocol, "reference": context.reference, **estimate.protocol},
            metadata={
                **(protocol or {"n_generated": len(sets.generated), "n_real": len(sets.real)}),
                "generated_available": len(_measured(state.generated)),
                "reference_available": len(_measured(state.reference)),
                "reference": context.reference_description,
                "noise_floor": floor,
                "noise_floor_reason": floor_reason,
                **estimate.metadata,
            },
            warnings=[
                *self._warnings(state, n),
                *([f"no noise floor: {floor_reason}"] if floor_reason else []),
                *estimate.warnings,
            ],
        )

    def _sets(self, state: State, context: Context) -> _Sets:
        generated, real = _measured(state.generated), _measured(state.reference, context.spare)
        if not generated:
            raise MetricComputationError(unmeasured(state.generated))
        if not state.reference:
            raise MetricComputationError(context.reference_reason or "there is no real set to compare with")
        spare = 0 if self.equal_n else sum(_is_measured(state.reference, key) for key in context.spare)
        n = min(len(generated), len(real) - spare, self.protocol_clips or len(real))
        if n < self.least_clips:
            raise MetricComputationError(
                f"{self.name} needs {self.least_clips} clips or more in each set; "
                f"there are {len(generated)} generated and {len(real) - spare} real"
            )
        if not self.equal_n:
            return _Sets(generated, real[: len(real) - spare], real[len(real) - spare :])
        by_protocol = n == self.protocol_clips
        if len(generated) != len(real) and not context.subsample and not by_protocol:
            raise MetricComputationError(
                f"the sets have {len(generated)} generated and {len(real)} real clips, and the number depends on N: "
                "give sets of equal size, or allow the larger to be cut with --subsample (subsample=True)"
            )
        return _Sets(generated[:n], real[:n], real[n:])

    def _noise_floor(self, sets: _Sets) -> tuple[float | None, str | None]:
        n = len(sets.real)
        needed = n if self.equal_n else self.least_clips
        if len(sets.spare) < needed:
            return None, f"needs {n + needed} real clips, there are {n + len(sets.spare)}"
        return self.compare(sets.spare[:n], sets.real).value, None

    def _warnings(self, state: State, n: int) -> list[str]:
        generated, real = len(_measured(state.generated)), len(_measured(state.reference))
        lines = []
        if generated != real and self.equal_n:
            lines.append(f"of {generated} generated and {real} real clips, {n} each were compared")
        if n < self.recommended_clips:
            lines.append(f"{n} clips a set is below the {self.recommended_clips} that {self.label} asks for")
        return lines


def matrix(rows: Sequence[Any]) -> Features:
    """Row values (D,) as float64 (N, D)."""
    return np.stack(rows).astype(np.float64, copy=False)


def _is_measured(rows: Rows, key: str) -> bool:
    return key in rows and rows[key].value is not None


def _measured(rows: Rows, last: frozenset[str] = frozenset()) -> list[Any]:
    """Values in the order of the hash of their keys: any prefix is a fair, repeatable subsample."""
    keys = (key for key in rows if _is_measured(rows, key))
    return [rows[key].value for key in sorted(keys, key=lambda key: (key in last, hashed(key)))]


def hashed(key: str) -> str:
    """By which a fair and repeatable draw orders clip keys."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
