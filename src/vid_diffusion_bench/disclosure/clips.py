"""Whether the packed clips decode to the pixels that the records name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vid_diffusion_bench.disclosure.bundle import Progress
from vid_diffusion_bench.disclosure.contents import ClipsIncluded, clip_member
from vid_diffusion_bench.disclosure.naming import name_of
from vid_diffusion_bench.disclosure.verification import CANNOT, Check, Difference, check_of
from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.results import BenchmarkResult, ClipInfo, SampleRecord
from vid_diffusion_bench.video import read_video


@dataclass
class Sound:
    """The clips, by the hash of their pixels, that are there and are what they are said to be."""

    clips: dict[str, Path] = field(default_factory=dict)

    def has(self, record: SampleRecord) -> bool:
        return record.clip is not None and record.clip.sha256 in self.clips


def clip_check(
    result: BenchmarkResult, included: ClipsIncluded, folder: Path, names: Iterable[str], progress: Progress
) -> tuple[Check, Sound]:
    """Decode every clip that a record names, from the unpacked ``folder``; ``names`` are the clips that are packed."""
    wanted = _wanted(result)
    sound, differences, absent = Sound(), [], 0
    for done, (sha256, records) in enumerate(wanted.items(), 1):
        clip = records[0].clip
        assert clip is not None
        if clip_member(sha256) not in names and (clip.path is None or included == "none"):
            absent += 1
        elif problem := _problem(folder / clip_member(sha256), [r.clip for r in records if r.clip]):
            differences += [
                Difference(what=f"clip of {name_of(record)}", stated=sha256, found=problem) for record in records
            ]
        else:
            sound.clips[sha256] = folder / clip_member(sha256)
        progress("clips", done, len(wanted))
    strays = sorted(set(names) - {clip_member(sha256) for sha256 in wanted})
    differences += [Difference(what=name, stated="a clip", found="it belongs to no sample") for name in strays]
    if not sound.clips and not differences:
        why = "the bundle holds no clips" if wanted else "the run made no clip"
        return Check(part="clips", name="pixels of the clips", outcome=CANNOT, detail=why), sound
    detail = f"{absent} clips were not kept by the run" if absent else ""
    return check_of(
        "clips", "pixels of the clips", len(sound.clips), differences, detail=detail, cannot=bool(absent)
    ), sound


def _wanted(result: BenchmarkResult) -> dict[str, list[SampleRecord]]:
    """The samples by the pixels that they are said to have."""
    wanted: dict[str, list[SampleRecord]] = {}
    for model in result.models:
        for record in model.records:
            if record.clip:
                wanted.setdefault(record.clip.sha256, []).append(record)
    return wanted


def _problem(path: Path, stated: list[ClipInfo]) -> str | None:
    """What is wrong with the clip in a file."""
    if not path.is_file():
        return "it is not in the bundle, or is damaged"
    try:
        video = read_video(path)
    except InvalidVideoError as error:
        return f"it cannot be decoded: {error.message}"
    if (sha256 := video.sha256()) != stated[0].sha256:
        return f"its pixels have the hash {sha256}"
    shape = (video.num_frames, video.height, video.width, video.fps)
    for clip in stated:
        if (clip.num_frames, clip.height, clip.width, clip.fps) != shape:
            return f"it is {shape[0]} frames of {shape[2]}x{shape[1]} at {shape[3]:g} fps"
    return None
