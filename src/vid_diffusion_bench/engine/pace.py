"""What making a clip took here before, kept by what decides it, to say how long a run will take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.profiling import device_type
from vid_diffusion_bench.profiling.device import device_name
from vid_diffusion_bench.results import SampleRecord, fingerprint
from vid_diffusion_bench.settings import load_settings
from vid_diffusion_bench.storage.clips import storage_errors

WORK = ("num_frames", "height", "width", "num_inference_steps")
"""What a clip's cost grows with."""


@dataclass(frozen=True)
class Pace:
    """``seconds`` a clip takes, from the median of ``clips`` measured ones; ``method`` says how it was got."""

    seconds: float
    clips: int
    method: str


def note(model: VideoModel, device: str, precision: str, records: Sequence[SampleRecord]) -> None:
    """Keep the median latency of the clips that ``model`` just made."""
    done = [record for record in records if record.status == "completed" and record.cost]
    if not done:
        return
    seconds = median(record.cost.latency / record.cost.batch_size for record in done if record.cost)
    work = [getattr(done[0].parameters, name) for name in WORK]
    entry = {"work": work, "seconds": seconds, "clips": len(done)}
    path = _path(model, device, precision)
    kept = [old for old in _read(path) if old["work"] != work]
    part = path.with_suffix(".part")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps([*kept, entry]), encoding="utf-8")
        part.replace(path)


def pace(model: VideoModel, device: str, precision: str, parameters: GenerationParameters) -> Pace | None:
    """What a clip takes: as measured at this size, else in proportion to frames, pixels and steps; or ``None``."""
    kept = _read(_path(model, device, precision))
    work = [getattr(parameters, name) for name in WORK]
    same = next((entry for entry in kept if entry["work"] == work), None)
    if same:
        return Pace(same["seconds"], same["clips"], "measured at this size")
    whole = [entry for entry in kept if None not in entry["work"]]
    if not whole or None in work:
        return None
    nearest = min(whole, key=lambda entry: abs(_amount(entry["work"]) - _amount(work)))
    scale = _amount(work) / _amount(nearest["work"])
    return Pace(nearest["seconds"] * scale, nearest["clips"], f"{scale:.3g} times one measured at another size")


def _amount(work: Sequence[Any]) -> float:
    frames, height, width, steps = work
    return float(frames * height * width * steps)


def _path(model: VideoModel, device: str, precision: str) -> Path:
    """One file for a model in a precision on a device; the libraries' versions are part of the model's identity."""
    place = [model.identity(), device_type(device), device_name(device), precision]
    return load_settings().cache_dir / "pace" / f"{fingerprint(place)[:32]}.json"


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return []
