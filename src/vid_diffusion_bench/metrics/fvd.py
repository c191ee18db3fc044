"""Fréchet video distance between generated and real clips."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, Rows, State, unmeasured
from vid_diffusion_bench.metrics.frechet import frechet_distance
from vid_diffusion_bench.results import MetricResult

RECOMMENDED_CLIPS = 256
"""Below this many clips a set the bias of the distance is as large as the differences people look for."""
NO_INTERVAL = "the bootstrap is biased for a Fréchet distance; read it beside noise_floor"


class Fvd(Metric):
    """Fréchet distance between Gaussians of video features of N generated and N real clips; 0 is the best.

    Its bias depends on N, so N is part of the protocol: distances at different N are not comparable. Of the larger
    set, the N clips with the smallest SHA-256 of their keys are taken. ``noise_floor`` is the distance between two
    disjoint halves of N real clips, where there are enough.
    """

    name = "fvd"
    extractor = "shapes-v1"
    unit = "distance"
    higher_is_better = False
    needs = ("shapes-v1-video",)
    uses_reference = True
    formula = "|m1-m2|^2 + tr(S1+S2-2(S1 S2)^1/2), covariances over N-1, by nuclear norm of the cross product"
    aggregation = "N generated against N real clips; of the larger set, the N smallest SHA-256 of clip keys"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.feature("shapes-v1-video").features)

    def compute(self, state: State, context: Context) -> MetricResult:
        generated, real = _measured(state.generated), _measured(state.reference)
        n = min(len(generated), len(real))
        if reason := _missing(state, context, len(generated), len(real)):
            return self.result(context, state.generated, value=None, reason=reason)
        floor, floor_reason = _noise_floor(real, n)
        return self.result(
            context,
            state.generated,
            value=frechet_distance(_matrix(generated[:n]), _matrix(real[:n])),
            interval_reason=NO_INTERVAL,
            protocol={"n_per_set": n, "reference": context.reference},
            metadata={
                "n_per_set": n,
                "generated_available": len(generated),
                "reference_available": len(real),
                "reference": context.reference_description,
                "noise_floor": floor,
                "noise_floor_reason": floor_reason,
            },
            warnings=_warnings(n, len(generated), len(real), generated[0].size),
        )


def _missing(state: State, context: Context, generated: int, real: int) -> str | None:
    if not generated:
        return unmeasured(state.generated)
    if not state.reference:
        return context.reference_reason or "there is no real set to compare with"
    if min(generated, real) < 2:
        return f"FVD needs two clips or more in each set; there are {generated} generated and {real} real"
    return None


def _measured(rows: Rows) -> list[npt.NDArray[np.float64]]:
    """Features in the order of the hash of their keys: any prefix is a fair, repeatable subsample."""
    keys = sorted((key for key in rows if rows[key].value is not None), key=_hashed)
    return [rows[key].value for key in keys]


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _matrix(features: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.stack(features).astype(np.float64)


def _noise_floor(real: list[npt.NDArray[np.float64]], n: int) -> tuple[float | None, str | None]:
    if len(real) < 2 * n:
        return None, f"needs {2 * n} real clips, there are {len(real)}"
    return frechet_distance(_matrix(real[:n]), _matrix(real[n : 2 * n])), None


def _warnings(n: int, generated: int, real: int, width: int) -> list[str]:
    lines = []
    if generated != real:
        lines.append(f"sets of {generated} generated and {real} real clips were cut to {n} each")
    if n < RECOMMENDED_CLIPS:
        lines.append(f"{n} clips a set is below the {RECOMMENDED_CLIPS} asked for: the distance is biased upwards")
    if n <= width:
        lines.append(f"{n} clips cannot fill a covariance of {width} features")
    return lines
