"""From a run folder to a bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.disclosure.archive import Source, describe, write_archive
from vid_diffusion_bench.disclosure.contents import (
    ALLOWED,
    CERTIFICATES,
    MANIFEST,
    README,
    RESULTS,
    BundleManifest,
    ClipsIncluded,
    clip_member,
    encode,
)
from vid_diffusion_bench.disclosure.derived import derived
from vid_diffusion_bench.disclosure.readme import readme
from vid_diffusion_bench.disclosure.reference import describe_reference
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, InvalidVideoError, ValidationError
from vid_diffusion_bench.results import BenchmarkResult, ClipInfo, Value
from vid_diffusion_bench.storage import ClipStore, check_not_running, last_attempt, load_result

Progress = Callable[[str, int, int], None]
"""Called with the part that is in work, things done, and their number."""

FINISHED = ("completed", "failed")


def no_progress(_part: str, _done: int, _total: int) -> None:
    """The progress listener that does nothing."""


class Bundle(Value):
    """A bundle that was written; ``sha256`` is the hash to publish, that of ``bundle.json``'s content."""

    path: str
    sha256: str
    benchmark_id: str
    clips: ClipsIncluded
    members: int
    size: int


def bundle(
    run: Path | str,
    path: Path | str,
    *,
    clips: bool = True,
    certificates: Sequence[Path | str] = (),
    progress: Progress = no_progress,
) -> Bundle:
    """Pack the finished run in folder ``run`` into the zip ``path``. The same run always gives the same bytes.

    Every clip is decoded and held against its hash before it is packed.

    Args:
        run: Folder of a run.
        path: The file to write; what is there is replaced.
        clips: Pack the lossless clips. Without them nobody can compute a score again.
        certificates: Files that ``vid-bench metrics certify`` wrote (``certificate.json``).
        progress: Called with ``clips``, clips checked and their number.

    Raises:
        BenchmarkNotFoundError: The folder holds no run, or one that has not finished.
        RunLockedError: A process is writing to the folder.
        InvalidVideoError: A clip is missing or damaged.
        ValidationError: A certificate is none.
        StorageError: The result is damaged, or ``path`` cannot be written.
    """
    folder = Path(run)
    result = load_finished(folder)
    kept = _kept(result) if clips else {}
    members: dict[str, Source] = {RESULTS: (folder / "results.json").read_bytes()}
    for done, clip in enumerate(kept.values(), 1):
        members[clip_member(clip.sha256)] = _checked(folder, clip)
        progress("clips", done, len(kept))
    files = {sha256: describe(members[clip_member(sha256)]).sha256 for sha256 in kept}
    included = _included(result, kept, asked=clips)
    members |= derived(result, files) | _certificates(certificates)
    members["reference.json"] = encode(describe_reference(result))
    members[README] = readme(result, included, __version__)
    return _write(Path(path), result, members, included)


def load_finished(folder: Path) -> BenchmarkResult:
    """The result of a run that went to its end, and of which no later attempt is pending.

    Raises:
        BenchmarkNotFoundError: It has not ended.
        RunLockedError: It is running.
    """
    check_not_running(folder)
    result = load_result(folder)
    status = last_attempt(folder) or result.status
    if result.status not in FINISHED or status != result.status:
        said = f"it is {result.status}" if result.status not in FINISHED else f"its last attempt is {status}"
        raise BenchmarkNotFoundError(
            f"the run in {folder} is not finished: {said}",
            remedy="run the same command again, it goes on where it stopped; then bundle it",
            details={"path": str(folder)},
        )
    return result


def _kept(result: BenchmarkResult) -> dict[str, ClipInfo]:
    """The clips whose files the run kept, by the hash of their pixels."""
    records = (record for model in result.models for record in model.records)
    return {record.clip.sha256: record.clip for record in records if record.clip and record.clip.path}


def _included(result: BenchmarkResult, kept: dict[str, ClipInfo], *, asked: bool) -> ClipsIncluded:
    wanted = {record.clip.sha256 for model in result.models for record in model.records if record.clip}
    if wanted <= kept.keys() and asked:
        return "all"
    return "some" if kept else "none"


def _checked(folder: Path, clip: ClipInfo) -> Path:
    try:
        ClipStore(folder).read(clip)
    except InvalidVideoError as error:
        remedy = "run the same command again, it makes the clip again; or bundle --without-clips"
        raise InvalidVideoError(error.message, remedy=remedy, details=error.details) from error
    assert clip.path is not None
    return folder / clip.path


def _certificates(files: Sequence[Path | str]) -> dict[str, Source]:
    """Certificates under the hash of their content, so that two called alike do not meet."""
    found: dict[str, Source] = {}
    for file in map(Path, files):
        try:
            content = file.read_bytes()
            data = json.loads(content)
        except (OSError, ValueError, RecursionError) as error:
            raise ValidationError(f"{file} cannot be read as JSON: {error}") from error
        if not isinstance(data, dict) or not {"metrics", "laws", "schema_version"} <= data.keys():
            raise ValidationError(f"{file} is no certificate", remedy="give what `vid-bench metrics certify` wrote")
        name = f"{CERTIFICATES}/{hashlib.sha256(content).hexdigest()[:16]}.json"
        found[name] = content
    return found


def _write(path: Path, result: BenchmarkResult, members: dict[str, Source], clips: ClipsIncluded) -> Bundle:
    described = {name: describe(members[name]) for name in sorted(members)}
    assert all(ALLOWED.fullmatch(name) for name in members)
    manifest = BundleManifest(
        benchmark_id=result.benchmark_id,
        made_by=f"vid-diffusion-bench {__version__}",
        clips=clips,
        members=described,
    ).sealed()
    write_archive(path, {**members, MANIFEST: manifest.encoded()}, described)
    return Bundle(
        path=str(path),
        sha256=manifest.sha256,
        benchmark_id=manifest.benchmark_id,
        clips=clips,
        members=len(members) + 1,
        size=path.stat().st_size,
    )
