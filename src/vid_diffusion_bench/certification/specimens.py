"""The clips that a certificate is made on: the user's own, or those of the built-in world."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vid_diffusion_bench.certification.certificate import CertifiedClip
from vid_diffusion_bench.certification.distortions import Distortion
from vid_diffusion_bench.config import prompt_id
from vid_diffusion_bench.exceptions import InvalidVideoError, ValidationError
from vid_diffusion_bench.scoring import ScoringClip, folder_reference
from vid_diffusion_bench.video import Video
from vid_diffusion_bench.world.reference import ReferenceSet

WORLD_SEED = 223
"""A draw of the built-in world in which three of the first seven clips stand still: some metrics score only such."""
LEAST = 2
"""Clips; one cannot be compared with another."""


@dataclass(frozen=True)
class Specimen:
    """One undistorted clip, decoded; ``note`` says what was cut off."""

    key: str
    prompt: str | None
    video: Video
    note: str = ""

    def describe(self) -> CertifiedClip:
        """The clip as the certificate names it."""
        video = self.video
        return CertifiedClip(
            key=self.key, sha256=video.sha256(), num_frames=video.num_frames, height=video.height, width=video.width,
            fps=video.fps, prompt=self.prompt, note=self.note,
        )  # fmt: skip

    def clip(
        self, distortion: Distortion | None = None, strength: float = 0.0, *, paired: bool = True, prompted: bool = True
    ) -> ScoringClip:
        """The clip to score, distorted when it is looked at, with the undistorted one as its pair."""
        video = self.video

        def load() -> Video:
            return distortion.apply(video, strength, self.key) if distortion else video

        return ScoringClip(
            key=self.key,
            cluster=prompt_id(self.prompt) if self.prompt else self.key,
            prompt=self.prompt if prompted else None,
            load=load,
            paired=(lambda: video) if paired else None,
        )


@dataclass(frozen=True)
class Specimens:
    """The clips, where they are from, and what the reader must know of the choice."""

    clips: tuple[Specimen, ...]
    source: str
    notes: tuple[str, ...] = ()


def world_specimens(count: int) -> Specimens:
    """``count`` captioned clips of the built-in world, 17 frames of 64 x 64 pixels at 8 fps."""
    world = ReferenceSet(count, WORLD_SEED)
    clips = tuple(
        Specimen(f"world-{index:03}", prompt, Video(frames, world.fps)) for index, (prompt, frames) in enumerate(world)
    )
    return Specimens(clips, f"{count} clips of the built-in world")


def folder_specimens(folder: Path, count: int, num_frames: int, max_side: int) -> Specimens:
    """At most ``count`` clips of ``folder``, each cut to its first ``num_frames`` frames and to ``max_side`` pixels.

    The choice is that of the smallest SHA-256 of the names, so that the same folder always gives the same clips.

    Raises:
        InvalidVideoError: The folder is missing or holds nothing.
        ValidationError: Fewer than two of its clips can be decoded.
    """
    entries = sorted(folder_reference(folder).clips, key=lambda clip: _hashed(clip.key))
    found: list[Specimen] = []
    broken: list[str] = []
    for entry in entries:
        if len(found) == count:
            break
        try:
            found.append(cut(Specimen(entry.key, entry.prompt, entry.load()), num_frames, max_side))
        except InvalidVideoError as error:
            broken.append(f"skipped {entry.key}: {error.message}")
    if len(found) < LEAST:
        raise ValidationError(
            f"{folder} holds {len(found)} clips that can be decoded, and a certificate needs {LEAST} or more",
            details={"skipped": broken},
        )
    return Specimens(tuple(sorted(found, key=lambda clip: clip.key)), f"folder {folder.name}",
                     (*_choice(len(entries), found, broken), *broken))  # fmt: skip


def _choice(total: int, found: Sequence[Specimen], broken: Sequence[str]) -> list[str]:
    notes = []
    if left := total - len(found) - len(broken):
        notes.append(
            f"{len(found)} of {total} clips were taken, by the smallest SHA-256 of their names; {left} were not"
        )
    if short := sum(bool(clip.note) for clip in found):
        notes.append(f"{short} clips were cut in length or size to bound the time; the list of clips says how")
    return notes


def cut(clip: Specimen, num_frames: int, max_side: int) -> Specimen:
    """``clip`` with its first ``num_frames`` frames, its longer side at most ``max_side`` pixels (area averages)."""
    import cv2

    frames, notes = clip.video.frames[:num_frames], []
    if len(frames) < clip.video.num_frames:
        notes.append(f"first {num_frames} of {clip.video.num_frames} frames")
    height, width = frames.shape[1:3]
    if max(height, width) > max_side:
        scale = max_side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        frames = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
        notes.append(f"{width} x {height} to {size[0]} x {size[1]} pixels")
    return replace(clip, video=Video(np.ascontiguousarray(frames), clip.video.fps), note="; ".join(notes))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
