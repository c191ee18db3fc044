"""Scoring of any two folders of video files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.scoring.clips import Reference, Scores
from vid_diffusion_bench.scoring.files import file_clip, file_reference
from vid_diffusion_bench.scoring.kept import feature_store
from vid_diffusion_bench.scoring.one_pass import Progress, no_progress
from vid_diffusion_bench.scoring.score import score
from vid_diffusion_bench.video import find_videos

PROMPTS = "prompts.json"
_NAMED = 5


def score_folders(
    real: Path | None,
    generated: Path,
    metrics: Sequence[str],
    *,
    subsample: bool = False,
    workers: int = 1,
    progress: Progress = no_progress,
    reference_progress: Progress = no_progress,
) -> Scores:
    """Score the clips of folder ``generated``, against those of ``real`` where a metric compares.

    Clips are video files (mp4, webm, mov, avi, gif, mkv) and folders of still frames; keys are their names. Paired
    metrics take the real clip of the same name without its suffix. A clip's prompt is read from ``prompts.json``
    (name, with or without suffix, to prompt) or from ``NAME.txt`` beside the clip; without either, metrics that need
    it say so. Clips of one prompt are resampled together, a clip of unknown prompt stands alone.

    Raises:
        InvalidVideoError: A folder is missing or holds nothing.
        MetricNotFoundError: An unknown metric.
        ValidationError: ``prompts.json`` is no mapping of names to prompts.
    """
    generated = Path(generated)
    real_files = find_videos(real) if real else []
    files, prompts = find_videos(generated), _prompts(generated)
    pairs = _by_stem(real_files)
    clips = [file_clip(path, path.name, _prompt(path, prompts), pairs.get(_stem(path))) for path in files]
    reference = folder_reference(Path(real)) if real else None
    reason = None if real else "no folder of real videos was given"
    scores = score(
        clips,
        metrics,
        reference=reference,
        reference_reason=reason,
        subsample=subsample,
        store=feature_store(),
        workers=workers,
        progress=progress,
        reference_progress=reference_progress,
    )
    return replace(
        scores,
        notes={**scores.notes, **_unused(prompts, files)},
        notes_reference={**scores.notes_reference, **_unused(_prompts(Path(real)) if real else {}, real_files)},
    )


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _by_stem(files: list[Path]) -> dict[str, Path]:
    """Real clips by name without suffix; a name that two files share pairs with neither."""
    counts = Counter(map(_stem, files))
    return {_stem(path): path for path in files if counts[_stem(path)] == 1}


def _prompts(folder: Path) -> dict[str, str]:
    path = folder / PROMPTS
    if not path.is_file():
        return {}
    try:
        prompts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValidationError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(prompts, dict) or not all(isinstance(text, str) and text for text in prompts.values()):
        raise ValidationError(f"{path} is no mapping of clip names to prompts", remedy='{"clip-01": "a red ball", ...}')
    return prompts


def _unused(prompts: dict[str, str], files: list[Path]) -> dict[str, list[str]]:
    """The note that ``prompts.json`` names clips that are not in its folder."""
    there = {path.name for path in files} | {_stem(path) for path in files}
    absent = sorted(prompts.keys() - there)
    named = ", ".join([*absent[:_NAMED], "..."] if len(absent) > _NAMED else absent)
    return {f"{PROMPTS} has a prompt for {named}, which is not in the folder": absent} if absent else {}


def _prompt(path: Path, prompts: dict[str, str]) -> str | None:
    note = path.with_name(f"{_stem(path)}.txt")
    if path.name in prompts or _stem(path) in prompts:
        return prompts.get(path.name, prompts.get(_stem(path)))
    if not note.is_file():
        return None
    return note.read_text(encoding="utf-8", errors="replace").strip() or None


def folder_reference(folder: Path) -> Reference:
    """The clips of ``folder`` as a real set, each with its prompt where one is written beside it.

    Raises:
        InvalidVideoError: The folder is missing or holds nothing.
        ValidationError: ``prompts.json`` is no mapping of names to prompts.
    """
    files = find_videos(folder)
    prompts = _prompts(folder)
    return file_reference([(path.name, path, _prompt(path, prompts)) for path in files], f"files of {folder.name}")
