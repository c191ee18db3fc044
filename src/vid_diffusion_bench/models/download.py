"""Getting a diffusers pipeline from the hub: only when asked, only what is read, at a revision that is written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from importlib import import_module
from pathlib import Path
from typing import Any

from vid_diffusion_bench.exceptions import ModelLoadingError, StorageError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.models import snapshot
from vid_diffusion_bench.results import utc_now
from vid_diffusion_bench.weights.places import hub_cache

Progress = Callable[[int, int], None]
"""Told the bytes there are, of the bytes there will be."""

TIMEOUT_SECONDS = 10
_SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja"})
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Downloaded:
    """A pipeline on this disk: its folder, the commit it is of, and how many bytes it holds."""

    hub: str
    revision: str
    commit: str
    folder: Path
    size_bytes: int


def download(
    hub: str, revision: str = "main", *, cache_dir: Path | None = None, progress: Progress | None = None
) -> Downloaded:
    """Fetch what a pipeline is loaded from, and write down which commit it is; what is here is not fetched again.

    A file that breaks off is gone on with in the same call; a call after a failure fetches the files that are lacking.

    Args:
        hub: ``ORG/NAME``.
        revision: A branch, tag or commit.
        cache_dir: In place of the Hugging Face cache; models are found there afterwards.
        progress: Told about every fifth of a second while files are read.

    Raises:
        WeightsNotFoundError: No network, no such repository or revision, no access, or weights only as pickles.
        ModelLoadingError: The repository holds no diffusers pipeline.
        StorageError: The folder cannot be written.
    """
    place = (cache_dir or hub_cache()).expanduser().absolute()
    with _explained(hub, revision):
        files, commit = _listing(hub, revision)
        if snapshot.INDEX not in files:
            raise ModelLoadingError(
                f"hf:{hub} holds no {snapshot.INDEX}, so it is not a whole diffusers pipeline",
                remedy="look for the repository's port to diffusers, often named …-diffusers",
            )
        wanted = wanted_files(files, _index(hub, commit, place))
        total = sum(files[name] for name in wanted)
        with _watched(place / _repository(hub) / "blobs", total, progress):
            folder = _snapshot(hub, revision, wanted, place)
    if problems := snapshot.missing_parts(folder):
        raise WeightsNotFoundError(f"hf:{hub} is not a whole pipeline: {'; '.join(problems)}")
    found = Downloaded(hub, revision, folder.name, folder, total)
    _record(found, place)
    return found


def wanted_files(files: Iterable[str], index: Mapping[str, Any]) -> list[str]:
    """Of a repository's files those that loading reads: the index, and configuration, tokenizers and safetensors of the
    components in it. Of weights that are there twice, the copy in another precision is left out."""
    parts = {name for name, value in index.items() if isinstance(value, list) and len(value) == 2 and value[1]}
    found = [name for name in files if name.count("/") == 1 and name.partition("/")[0] in parts]
    found = [name for name in found if Path(name).suffix in _SUFFIXES]
    plain = {Path(name).parent for name in found if name.endswith(".safetensors") and not snapshot.VARIANT.search(name)}
    kept = [name for name in found if not (snapshot.VARIANT.search(name) and Path(name).parent in plain)]
    return [snapshot.INDEX, *kept]


def _listing(hub: str, revision: str) -> tuple[dict[str, int], str]:
    """Size by name of every file at ``revision``, and the commit that means."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(hub, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS)
    return {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}, str(info.sha)


def _index(hub: str, commit: str, place: Path) -> dict[str, Any]:
    from huggingface_hub import hf_hub_download

    return snapshot.read_index(Path(hf_hub_download(hub, snapshot.INDEX, revision=commit, cache_dir=place)).parent)


def _snapshot(hub: str, revision: str, files: list[str], place: Path) -> Path:
    from huggingface_hub import snapshot_download

    bars: Any = import_module("huggingface_hub.utils")
    were_off = bars.are_progress_bars_disabled()
    bars.disable_progress_bars()
    try:
        patterns = [escape(name) for name in files]
        return Path(snapshot_download(hub, revision=revision, cache_dir=place, allow_patterns=patterns))
    finally:
        if not were_off:
            bars.enable_progress_bars()


@contextmanager
def _explained(hub: str, revision: str) -> Iterator[None]:
    """What the hub's client says, as an error with what to do."""
    from huggingface_hub import errors

    # The errors of the HTTP library that this version of the client is built on.
    transport: type[Exception] = errors.HfHubHTTPError.__bases__[0]
    here = f"https://huggingface.co/{hub}"
    try:
        yield
    except errors.GatedRepoError as error:
        remedy = f"accept its licence at {here}, then `hf auth login` or set HF_TOKEN"
        raise WeightsNotFoundError(
            f"hf:{hub} is gated, and there is no access to it from here", remedy=remedy
        ) from error
    except errors.RevisionNotFoundError as error:
        raise WeightsNotFoundError(
            f"hf:{hub} has no revision {revision}", remedy=f"look at {here}/tree/main"
        ) from error
    except errors.RepositoryNotFoundError as error:
        remedy = "check the spelling; for a private one `hf auth login` or set HF_TOKEN"
        raise WeightsNotFoundError(f"the hub has no model {hub}, or it is private", remedy=remedy) from error
    except errors.HFValidationError as error:
        raise ValidationError(f"{hub!r} is not a hub id", remedy="write hf:ORG/NAME or hf:ORG/NAME@REVISION") from error
    except (transport, errors.LocalEntryNotFoundError, ConnectionError) as error:
        raise WeightsNotFoundError(
            f"hf:{hub} cannot be downloaded: {_first_line(error)}",
            remedy="check the network and go on with the same command, or copy the folder of "
            f"`hf download {hub}` from another machine",
        ) from error
    except OSError as error:
        raise StorageError(
            f"hf:{hub} cannot be written: {_first_line(error)}", remedy="give --cache-dir FOLDER"
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _repository(hub: str) -> str:
    return f"models--{hub.replace('/', '--')}"


@contextmanager
def _watched(blobs: Path, total: int, progress: Progress | None) -> Iterator[None]:
    """Tell ``progress`` what lies in ``blobs`` while the body runs; how the client fetches makes no difference."""
    if progress is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL_SECONDS):
            progress(min(_size(blobs), total), total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    progress(total, total)


def _size(folder: Path) -> int:
    sizes = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            sizes += path.stat().st_size
        except FileNotFoundError:  # a part file that has just got its name
            continue
    return sizes


def _record(found: Downloaded, place: Path) -> None:
    """Note commit and place, so that the model stays the one that was downloaded."""
    path = snapshot.downloads_file()
    entry = {"revision": found.revision, "commit": found.commit, "cache_dir": str(place), "downloaded_at": utc_now()}
    records = {**snapshot.downloads(), found.hub: entry}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(records, indent=1), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
