"""Some samples made again with the model on this machine, and their pixels beside the stated ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.disclosure.bundle import Progress
from vid_diffusion_bench.disclosure.clips import Sound
from vid_diffusion_bench.disclosure.naming import name_of
from vid_diffusion_bench.disclosure.verification import CANNOT, DIFFERS, EXACT, WITHIN, Check, Difference
from vid_diffusion_bench.engine.plan import PlannedModel, make_plan
from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.results import BenchmarkResult, ModelResult, SampleRecord

if TYPE_CHECKING:
    from vid_diffusion_bench.video import Video

CLOSE_PSNR: Final = 30.0
"""dB, and more is within tolerance: rounding on another processor hardly shows, another prompt or seed does."""
_FILES: Final = ("image", "images", "video", "first_frame_model", "lora", "extra")
_FOREIGN: Final = (RuntimeError, ValueError, TypeError, MemoryError, OSError)
"""What a model's own code raises when it cannot do it here."""
_OF_NO_USE: Final = {"reference", "arrival", "rate", "arrival_trace", "concurrency", "output_dir"}


def regenerate_checks(
    result: BenchmarkResult, sound: Sound, count: int, here: Mapping[str, str], draw: str, progress: Progress
) -> list[Check]:
    """Make ``count`` clips of each model again; which, is drawn by the hash ``draw`` that the maker did not choose.

    ``here`` maps a model's name to what it is called on this machine.
    """
    return [_model_check(model, result, sound, count, here, draw, progress) for model in result.models]


def _model_check(
    model: ModelResult,
    result: BenchmarkResult,
    sound: Sound,
    count: int,
    here: Mapping[str, str],
    draw: str,
    progress: Progress,
) -> Check:
    completed = [record for record in model.records if record.status == "completed"]
    chosen = sorted(completed, key=lambda record: hashlib.sha256(f"{draw}{record.key}".encode()).digest())[:count]
    name = f"{model.model_name}: {len(chosen)} clips made again"
    try:
        maker = _open(model, result, here) if chosen else "the run has no clip of it"
        if isinstance(maker, str):
            return Check(part="regenerated", name=name, outcome=CANNOT, detail=maker)
        with maker:
            return _compare(name, maker, chosen, sound, progress)
    except VidBenchError as error:
        return Check(part="regenerated", name=name, outcome=CANNOT, detail=error.message)
    except _FOREIGN as error:
        return Check(part="regenerated", name=name, outcome=CANNOT, detail=f"{type(error).__name__}: {error}")


def _open(model: ModelResult, result: BenchmarkResult, here: Mapping[str, str]) -> _Maker | str:
    """The model on this machine, or why it cannot be asked."""
    config = result.config
    if given := [name for name in _FILES if name in config.model_fields_set and getattr(config, name)]:
        return f"the clips start from what is not in the bundle: {', '.join(given)}"
    if any(record.cost and record.cost.serving for record in model.records):
        return "a served model is not asked: it may cost money, and may have changed"
    manifest = next((result.manifests[r.manifest] for r in model.records if r.manifest in result.manifests), None)
    if manifest is None:
        return "the run does not say where its clips were made"
    stated = {name: getattr(config, name) for name in config.model_fields_set - _OF_NO_USE}
    named = here.get(model.model_name, model.model_name)
    asked = {"models": [named], "metrics": ["sharpness"], "device": manifest.device, "precision": manifest.precision}
    (planned,) = make_plan(BenchmarkConfig.create(**{**stated, **asked})).models
    return _Maker(planned, manifest.device, config.batch_size)


class _Maker:
    """A model that makes clips while its ``with`` block lasts. A batch is made whole: its clips share arithmetic."""

    def __init__(self, planned: PlannedModel, device: str, batch_size: int) -> None:
        assert planned.model is not None, "a plan of one model that cannot be opened raises"
        self._model, self._planned, self._device, self._batch_size = planned.model, planned, device, batch_size
        self._places = {(s.request.prompt, s.index): (s, batch) for batch in planned.batches for s in batch}
        self._made: dict[str, Video] = {}

    def __enter__(self) -> Self:
        self._model.use_profile(self._planned.profile, self._device)
        self._model.load(self._device, self._planned.precision)
        self._model.check(self._planned.samples[0].request.parameters, self._batch_size)
        return self

    def __exit__(self, *_: object) -> None:
        self._model.unload()

    def clip(self, record: SampleRecord) -> tuple[str, Video] | None:
        """Key and clip of the sample with the record's prompt and index; ``None`` where none is planned."""
        if (record.prompt, record.index) not in self._places:
            return None
        sample, batch = self._places[record.prompt, record.index]
        if sample.key not in self._made:
            videos = self._model.generate([mate.request for mate in batch], lambda _step, _total: None)
            self._made = {mate.key: video for mate, video in zip(batch, videos, strict=True)}
        return sample.key, self._made[sample.key]


def _compare(name: str, maker: _Maker, chosen: Sequence[SampleRecord], sound: Sound, progress: Progress) -> Check:
    equal, close, other, told = 0, [], 0, []
    for done, record in enumerate(chosen, 1):
        made = maker.clip(record)
        key, video = made or ("", None)
        psnr = _psnr(record, video, sound) if video is not None else None
        if video is not None and record.clip is not None and video.sha256() == record.clip.sha256:
            equal += 1
        elif video is not None and key != record.key:
            other += 1
        elif psnr is not None and psnr >= CLOSE_PSNR:
            close.append(psnr)
        else:
            told.append(_difference(record, video, psnr))
        progress("clips made again", done, len(chosen))
    return Check(
        part="regenerated",
        name=name,
        outcome=DIFFERS if told else CANNOT if other else WITHIN if close else EXACT,
        n=len(chosen),
        differences=told,
        detail=_detail(equal, close, other),
        tolerance_reason=f"rounding on another processor: PSNR of {CLOSE_PSNR:g} dB or more against the packed clip",
    )


def _psnr(record: SampleRecord, video: Video, sound: Sound) -> float | None:
    """Of the clip made here against that in the bundle, in dB; ``None`` where they cannot be compared."""
    from vid_diffusion_bench.metrics.paired.psnr import psnr
    from vid_diffusion_bench.video import read_video

    if record.clip is None or record.clip.sha256 not in sound.clips:
        return None
    stated = read_video(sound.clips[record.clip.sha256])
    return psnr(stated.frames, video.frames) if stated.frames.shape == video.frames.shape else None


def _difference(record: SampleRecord, video: Video | None, psnr: float | None) -> Difference:
    how = f" ({psnr:.1f} dB from the clip in the bundle)" if psnr is not None else ""
    stated = record.clip.sha256 if record.clip else None
    found = f"{video.sha256()}{how}" if video is not None else "the configuration has no such sample"
    return Difference(what=f"clip of {name_of(record)}, made again", stated=stated, found=found)


def _detail(equal: int, close: list[float], other: int) -> str:
    parts = [f"{equal} equal to the bit"]
    if close:
        parts.append(f"{len(close)} close, {min(close):.1f} dB and more")
    if other:
        parts.append(f"{other} other pixels of another key: weights, libraries or parameters are not the run's")
    return ", ".join(parts)
