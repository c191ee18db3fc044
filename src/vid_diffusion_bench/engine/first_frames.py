"""The images that clips start from and nobody gave: made before the video model is loaded, so never beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench import events
from vid_diffusion_bench.engine.plan import PlannedModel, PlannedSample
from vid_diffusion_bench.engine.session import Batch, Session, StepWatch
from vid_diffusion_bench.models import StepCallback
from vid_diffusion_bench.models.conditioning import file_hash
from vid_diffusion_bench.profiling import device_type
from vid_diffusion_bench.storage.clips import storage_errors

if TYPE_CHECKING:
    from vid_diffusion_bench.models.first_frame import FirstFrameModel

FOLDER = "first_frames"


def make_first_frames(planned: PlannedModel, pending: list[Batch], session: Session) -> list[Batch]:
    """``pending`` with an image for every sample; those that an earlier run made are not made again.

    An image lies in the run's folder under the key of its sample, which holds all that decides its pixels.

    Raises:
        GenerationCancelledError: The run was asked to stop.
    """

    def watch(sample: PlannedSample) -> StepCallback:
        return StepWatch(session, (sample,))

    return with_first_frames(planned, pending, session.store.folder, session.device, session.listener, watch)


def with_first_frames(
    planned: PlannedModel,
    pending: list[Batch],
    folder: Path,
    device: str,
    listener: events.Listener,
    watch: Callable[[PlannedSample], StepCallback],
) -> list[Batch]:
    """``pending`` with an image for every sample, in ``folder``; ``watch`` gives what is told of an image's steps."""
    model = planned.first_frame
    if model is None:
        return pending
    with storage_errors(folder):
        (folder / FOLDER).mkdir(exist_ok=True)
    lacking = [s for batch in pending for s in batch if _lacks(s) and not _path(folder, s).is_file()]
    if lacking:
        listener(events.ModelLoading(model.name))
        _make(model, lacking, folder, device, watch)
    about = model.provenance()
    return [tuple(_with_frame(s, folder, about) if _lacks(s) else s for s in batch) for batch in pending]


def _lacks(sample: PlannedSample) -> bool:
    return sample.request.parameters.image is None


def _path(folder: Path, sample: PlannedSample) -> Path:
    return folder / FOLDER / f"{sample.key}.png"


def _make(
    model: FirstFrameModel,
    samples: list[PlannedSample],
    folder: Path,
    device: str,
    watch: Callable[[PlannedSample], StepCallback],
) -> None:
    try:
        model.load(device, model.default_precision(device_type(device)))
        for sample in samples:
            (image,) = model.generate([model.request(sample.request)], watch(sample))
            _write(image.frames[0], _path(folder, sample))
    finally:
        model.unload()


def _write(picture: Any, path: Path) -> None:
    from PIL import Image

    part = path.with_suffix(".part")
    with storage_errors(path):
        Image.fromarray(picture).save(part, format="png")
        part.replace(path)


def _with_frame(sample: PlannedSample, folder: Path, about: dict[str, Any]) -> PlannedSample:
    path = _path(folder, sample)
    made = {"first_frame": about, "seed": sample.request.seed, "sha256": file_hash(str(path))}
    parameters = sample.request.parameters.model_copy(update={"image": str(path)})
    request = replace(sample.request, parameters=parameters)
    return replace(
        sample, request=request, inputs={**sample.inputs, "image": {**made, "path": f"{FOLDER}/{path.name}"}}
    )
