"""Getting weights over the network: only when asked, checked before they get their name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from vid_diffusion_bench.exceptions import ModelLoadingError, StorageError, WeightsNotFoundError
from vid_diffusion_bench.weights.add import accept, how_to_save, replace
from vid_diffusion_bench.weights.catalogue import WeightsEntry, get_entry
from vid_diffusion_bench.weights.download import download, read_text
from vid_diffusion_bench.weights.places import expected_path, hub_problem, weights_folder
from vid_diffusion_bench.weights.store import WeightsFile, check, find, inspect, refused

Progress = Callable[[int, int | None], None]
"""Told the bytes there are and, where known, the bytes there will be."""

_HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]


def fetch(name: str, progress: Progress | None = None) -> WeightsFile:
    """Download weights into the weights folder, unless they are on this machine.

    Args:
        name: The catalogue's name.
        progress: Called while a file is read.

    Raises:
        ValidationError: No weights are known by that name.
        WeightsNotFoundError: They cannot be had: no network, no such file there, a download that broke off.
        ModelLoadingError: What came, or what is there already, is not what was published.
        StorageError: The weights folder cannot be written.
    """
    entry = get_entry(name)
    if inspect(entry).status != "missing":
        return find(name)
    try:
        weights_folder().mkdir(parents=True, exist_ok=True)
        return _fetch_file(entry, progress or _quiet) if entry.kind == "file" else _fetch_hub(entry)
    except OSError as error:
        remedy = "`vid-bench config set weights_dir FOLDER` chooses another folder"
        raise StorageError(f"{weights_folder()} cannot be written: {error}", remedy=remedy) from error


def _quiet(done: int, total: int | None) -> None:
    """Tell nobody."""


def _fetch_file(entry: WeightsEntry, progress: Progress) -> WeightsFile:
    target = expected_path(entry, weights_folder())
    part = target.with_name(f"{target.name}.part")
    problems: list[str] = []
    for url in entry.urls:
        # Bytes of two servers are only joined where a published hash tells whether they fit.
        try:
            download(url, part, progress, resume=bool(entry.sha256 or entry.sha256_prefix))
        except WeightsNotFoundError as error:
            problems.append(error.message)
            continue
        state = check(entry, part)
        if state.status == "present":
            replace(part, target)
            return accept(entry, target, url=url)
        part.unlink()
        problems.append(f"{url} gave something else: {state.reason}")
    raise _not_to_be_had(entry, problems or ["no address of it is known"])


def _fetch_hub(entry: WeightsEntry) -> WeightsFile:
    target = expected_path(entry, weights_folder())
    part = target.with_name(f".{target.name}.part")
    try:
        revision = _snapshot(entry, part)
    except WeightsNotFoundError as error:
        raise _not_to_be_had(entry, [error.message]) from error
    if problem := hub_problem(part):
        raise WeightsNotFoundError(f"{entry.hub} at {revision}: {problem}", remedy=how_to_save(entry))
    state = check(entry, part)
    if entry.sha256 and state.verified != "published":
        reason = f"the SHA-256 of its model.safetensors is not the published {entry.sha256}"
        raise ModelLoadingError(f"{entry.hub} at {revision} gave something else: {reason}", remedy=f"remove {part}")
    if state.status != "present":
        raise refused(state)
    shutil.rmtree(part / ".cache", ignore_errors=True)  # what huggingface_hub keeps for going on with a download
    replace(part, target)
    return accept(entry, target, revision=revision, hub=entry.hub)


def _snapshot(entry: WeightsEntry, part: Path) -> str:
    """Download the files of the repository's root into ``part`` and give the commit they are of."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    assert entry.hub is not None
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    revision = _commit(entry.hub, entry.revision or "main", endpoint)
    try:
        snapshot_download(
            entry.hub,
            revision=revision,
            local_dir=part,
            allow_patterns=_HUB_FILES,
            ignore_patterns=["*/*"],
            endpoint=endpoint,
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsNotFoundError(f"{entry.hub} cannot be downloaded: {_first_line(error)}") from error
    return revision


def _commit(hub: str, revision: str, endpoint: str) -> str:
    """The commit that ``revision`` means now; asked first, because ``huggingface_hub`` tries for long without a hub."""
    answer = read_text(f"{endpoint}/api/models/{hub}/revision/{revision}")
    try:
        return str(json.loads(answer)["sha"])
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsNotFoundError(f"{endpoint} does not answer as the hub does") from error


def _not_to_be_had(entry: WeightsEntry, problems: list[str]) -> WeightsNotFoundError:
    path = expected_path(entry, weights_folder())
    add = "weights add FILE" if entry.kind == "file" else f"weights add FOLDER --name {entry.name}"
    return WeightsNotFoundError(
        f"the weights {entry.name} could not be fetched: {'; '.join(problems)}",
        remedy=f"on another machine get what {entry.page} holds, and put it at {path} here, or `vid-bench {add}`",
        details={"weights": entry.name, "path": str(path), "problems": problems},
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
