"""What is said, or refused, before a model is loaded for a run."""

from __future__ import annotations

from vid_diffusion_bench import events
from vid_diffusion_bench.engine.checks import failure_of
from vid_diffusion_bench.engine.fit import Fit, Need, estimate_fit, memory_of, need_of
from vid_diffusion_bench.engine.pace import pace
from vid_diffusion_bench.engine.plan import PlannedModel
from vid_diffusion_bench.engine.session import Batch, Session
from vid_diffusion_bench.exceptions import InsufficientMemoryError
from vid_diffusion_bench.results import GIB, Failure

_FAR = 4
_BYTES_A_PIXEL = 3 * 4 * 256
"""Of the clip, in a decoder of 256 channels: with the weights, less than a quarter of the memory needs no estimate."""


def foresee(planned: PlannedModel, pending: list[Batch], session: Session) -> Failure | None:
    """Tell how long the model will take and warn when it may not fit; the failure when it certainly cannot."""
    model, sample = planned.model, pending[0][0]
    assert model is not None
    parameters = sample.request.parameters
    asked = (model, parameters, planned.precision, len(pending[0]))
    need = need_of(*asked, planned.profile, session.device)
    available, total = memory_of(session.device)
    if need and total is not None and need.least() > total:
        return failure_of(_too_large(planned.name, need, total), "load")
    if need and available is not None and not _is_far(need, available):
        fit = estimate_fit(model, parameters, session.device, *asked[2:], planned.profile)
        if fit and fit.estimated_fits is False:
            session.listener(events.Warned(may_not_fit(planned.name, fit)))
    expected = pace(model, session.device, planned.runs_as, parameters)
    if expected:
        clips = sum(len(batch) for batch in pending) + session.config.warmup * len(pending[0])
        seconds = expected.seconds * clips
        session.listener(events.DurationEstimated(planned.name, seconds, clips, expected.method))
    return None


def _is_far(need: Need, available: int) -> bool:
    shape = need.shape
    clip = shape.num_frames * shape.height * shape.width * shape.batch * _BYTES_A_PIXEL if shape else 0
    return _FAR * (need.weights() + clip) < available


def _too_large(name: str, need: Need, total: int) -> InsufficientMemoryError:
    return InsufficientMemoryError(
        f"the weights of {name} alone take {need.least() / GIB:.1f} GiB in {need.precision}, "
        f"and the device has {total / GIB:.1f} GiB",
        required_gb=need.least() / GIB,
        available_gb=total / GIB,
        remedy="use a lower --precision, a smaller model, or a larger device",
    )


def may_not_fit(name: str, fit: Fit) -> str:
    """One line of warning, with the cheapest remedy."""
    cheapest = " and ".join(fit.cheapest.changes) if fit.cheapest else None
    remedy = f"cheapest remedy: {cheapest}" if cheapest else "nothing short of a smaller clip is estimated to help"
    return (
        f"{name} may not fit: an estimated {fit.estimated_peak_gb:.1f} GiB, and {fit.available_gb:.1f} GiB are free "
        f"({remedy})"
    )
