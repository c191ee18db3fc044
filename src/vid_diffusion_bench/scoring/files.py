"""Video files as clips to score, and the scoring of two lists of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from vid_diffusion_bench.config import prompt_id
from vid_diffusion_bench.exceptions import InvalidVideoError, ValidationError
from vid_diffusion_bench.scoring.clips import Reference, Scores, ScoringClip
from vid_diffusion_bench.scoring.kept import feature_store
from vid_diffusion_bench.scoring.one_pass import Progress, no_progress
from vid_diffusion_bench.scoring.score import score
from vid_diffusion_bench.video import Video, content_hash, read_video


def score_files(
    real: Sequence[Path | str],
    generated: Sequence[Path | str],
    metrics: Sequence[str],
    *,
    prompts: Sequence[str | None] | None = None,
    subsample: bool = False,
    workers: int = 1,
    progress: Progress = no_progress,
    reference_progress: Progress = no_progress,
) -> Scores:
    """Score the ``generated`` files by ``metrics``, against the ``real`` ones where a metric compares.

    Keys are the paths as given. Paired metrics take the real file at the same place of its list, where the lists are
    equally long; ``prompts`` are in the order of ``generated``.

    Raises:
        InvalidVideoError: There is no generated file, or one of either list is not there.
        MetricNotFoundError: An unknown metric.
        ValidationError: A file is named twice, or ``prompts`` are not as many as the files.
    """
    files, real_files = _existing(generated), _existing(real)
    if not files:
        raise InvalidVideoError("no generated videos were given")
    if prompts is not None and len(prompts) != len(files):
        raise ValidationError(f"{len(prompts)} prompts for {len(files)} generated videos; one each is needed")
    pairs = list(real_files) if len(real_files) == len(files) else [None] * len(files)
    said = prompts or [None] * len(files)
    clips = [file_clip(path, str(path), prompt, pair) for path, prompt, pair in zip(files, said, pairs, strict=True)]
    return score(
        clips,
        metrics,
        reference=file_reference([(str(path), path, None) for path in real_files], "files") if real_files else None,
        reference_reason=None if real_files else "no real videos were given",
        subsample=subsample,
        store=feature_store(),
        workers=workers,
        progress=progress,
        reference_progress=reference_progress,
    )


def _existing(paths: Sequence[Path | str]) -> list[Path]:
    if isinstance(paths, str | Path):
        raise ValidationError(f"{str(paths)!r} is one path, not a list of them", remedy="write [path]")
    found = [Path(path) for path in paths]
    if missing := [str(path) for path in found if not path.exists()]:
        raise InvalidVideoError(f"there is no {missing[0]}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)))
    return found


def file_clip(path: Path, key: str, prompt: str | None, pair: Path | None) -> ScoringClip:
    """The clip in a file or a folder of stills; one of unknown prompt stands alone when clips are resampled."""
    return ScoringClip(
        key=key,
        cluster=prompt_id(prompt) if prompt else key,
        prompt=prompt,
        load=_reader(path),
        paired=_reader(pair) if pair else None,
        content=partial(content_hash, path),
    )


def file_reference(files: Iterable[tuple[str, Path, str | None]], what: str) -> Reference:
    """A real set of (key, file, prompt), known by keys and bytes; ``what`` the files are, for people."""
    entries = [(key, path, prompt, content_hash(path)) for key, path, prompt in files]
    clips = [
        ScoringClip(key, key, prompt, _reader(path), content=partial(str, content) if content else None)
        for key, path, prompt, content in entries
    ]
    digests = sorted(f"{Path(key).name} {content}" for key, _, _, content in entries)
    fingerprint = hashlib.sha256("\n".join(digests).encode("utf-8", "surrogatepass")).hexdigest()
    return Reference(clips, fingerprint, f"{len(clips)} {what}")


def _reader(path: Path) -> Callable[[], Video]:
    return partial(read_video, path)
