"""Which scheduler a name means, and whether a pipeline's model can be sampled with it.

A denoiser predicts either noise (or a velocity along it) or a flow from data to noise; a scheduler that integrates the
other kind runs and makes rubbish, so it is refused. Most of diffusers' multistep solvers integrate either, when told.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from vid_diffusion_bench.exceptions import ValidationError

SHORT_NAMES: Final[Mapping[str, tuple[str, str | None]]] = {
    "ddim": ("DDIMScheduler", None),
    "ddpm": ("DDPMScheduler", None),
    "deis": ("DEISMultistepScheduler", None),
    "dpm": ("DPMSolverMultistepScheduler", "DPMSolverMultistepScheduler"),
    "dpm_single": ("DPMSolverSinglestepScheduler", "DPMSolverSinglestepScheduler"),
    "euler": ("EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler"),
    "euler_a": ("EulerAncestralDiscreteScheduler", None),
    "heun": ("HeunDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"),
    "lcm": ("LCMScheduler", "FlowMatchLCMScheduler"),
    "lms": ("LMSDiscreteScheduler", None),
    "pndm": ("PNDMScheduler", None),
    "unipc": ("UniPCMultistepScheduler", "UniPCMultistepScheduler"),
}
"""Short name to diffusers' class: for models that predict noise, and for those that predict a flow."""


_SHORT_OF_THE_DATA: Final = frozenset({"DEISMultistepScheduler"})
"""Take a flow, and do not end at the data even of an exact model (diffusers 0.42; tests/models/test_schedulers.py)."""


def is_flow(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether a scheduler of that class and configuration integrates a flow."""
    stated = config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction"
    return "FlowMatch" in class_name or "RFScheduler" in class_name or bool(stated)


def class_name(name: str, *, flow: bool) -> str:
    """Diffusers' class that ``name`` means: a short name, or the class's own.

    Raises:
        ValidationError: No such method for this kind of model.
    """
    if name not in SHORT_NAMES:
        return name
    found = SHORT_NAMES[name][flow]
    if found is None:
        raise ValidationError(
            f"diffusers has no {name} for models that predict a flow",
            remedy=f"one of {', '.join(short for short, (_, other) in SHORT_NAMES.items() if other)}",
        )
    return found


def scheduler_class(name: str) -> Any:
    """The class of that name in diffusers.

    Raises:
        ValidationError: There is none.
    """
    import diffusers

    found = getattr(diffusers, name, None)
    if not (inspect.isclass(found) and issubclass(found, diffusers.SchedulerMixin)):
        short = ", ".join(SHORT_NAMES)
        raise ValidationError(
            f"diffusers has no scheduler {name!r}", remedy=f"a class name such as DDIMScheduler, or one of {short}"
        )
    return found


def choose(name: str, own_class: str, own_config: Mapping[str, Any], pipeline_class: Any) -> tuple[Any, dict[str, Any]]:
    """The class to sample with, and what to change about the configuration of the pipeline's own scheduler.

    Args:
        name: A short name, or a class of diffusers.
        own_class: Class of the scheduler that the pipeline came with.
        own_config: Its configuration.
        pipeline_class: The pipeline's class, which may hand its scheduler the noise levels.

    Raises:
        ValidationError: There is no such scheduler, or the model cannot be sampled with it.
    """
    flow = is_flow(own_class, own_config)
    wanted = scheduler_class(class_name(name, flow=flow))
    if wanted.__name__ == own_class:
        return wanted, {}
    changes: dict[str, Any] = {}
    if flow and not is_flow(wanted.__name__, {}):
        if "use_flow_sigmas" not in inspect.signature(wanted.__init__).parameters:
            raise _refused(wanted, "the model predicts a flow, and this scheduler integrates noise")
        if wanted.__name__ in _SHORT_OF_THE_DATA:
            raise _refused(wanted, "it does not end at the data when the model predicts a flow")
        shift = own_config.get("flow_shift", own_config.get("shift", 1.0))
        changes = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": shift}
    if not flow and is_flow(wanted.__name__, {}):
        raise _refused(wanted, "the model predicts noise, and this scheduler integrates a flow")
    if flow and _hands_over_sigmas(pipeline_class) and "sigmas" not in _steps(wanted):
        raise _refused(wanted, f"{pipeline_class.__name__} sets the noise levels itself, and this scheduler takes none")
    return wanted, changes


@contextmanager
def noise_of(scheduler: Any, generator: Any) -> Iterator[None]:
    """Meanwhile steps take their noise from ``generator``, also where the pipeline hands them none (LTX, Wan).

    They would draw it from the state of the whole process otherwise, and a clip would not be its seed's.
    """
    if "generator" not in inspect.signature(scheduler.step).parameters:
        yield
        return
    scheduler.step = partial(scheduler.step, generator=generator)
    try:
        yield
    finally:
        del scheduler.step


def _steps(wanted: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(wanted.set_timesteps).parameters


def _hands_over_sigmas(pipeline_class: Any) -> bool:
    """Whether the pipeline's call computes noise levels, which it does under this name in all of diffusers."""
    return "sigmas" in inspect.unwrap(pipeline_class.__call__).__code__.co_varnames


def _refused(wanted: Any, why: str) -> ValidationError:
    return ValidationError(f"{wanted.__name__}: {why}", remedy="leave scheduler out for this model, or choose another")
