"""Getting weights over the network: only when asked, checked before they get their name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from vid_diffusion_bench.exceptions import ModelLoadingError, StorageError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.weights.add import accept, how_to_save, replace
from vid_diffusion_bench.weights.catalogue import WeightsEntry, get_entry
from vid_diffusion_bench.weights.download import download
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
    except PermissionError as error:
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
    except ValidationError as error:
        raise _not_to_be_had(entry, [error.message]) from error
    if problem := hub_problem(part):
        raise WeightsNotFoundError(f"{entry.hub} at {revision}: {problem}", remedy=how_to_save(entry))
    state = check(entry, part)
    if entry.sha256 and state.verified != "published":
        reason = f"the SHA-256 of its model.safetensors is not the published {entry.sha256}"
        raise ModelLoadingError(f"{entry.hub} at {revision} gave something else: {reason}", remedy=f"remove {part}")
    if state.status != "present":
        raise refused(state)
    replace(part, target)
    return accept(entry, target, revision=revision, hub=entry.hub)


def _snapshot(entry: WeightsEntry, part: Path) -> str:
    """Download the files of the repository's root into ``part`` and give the commit they are of."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    assert entry.hub is not None
    try:
        revision = entry.revision or str(api.model_info(entry.hub, timeout=30).sha)
        api.snapshot_download(
            entry.hub, revision=revision, local_dir=part, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"]
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise ValidationError(f"{entry.hub} cannot be downloaded: {_first_line(error)}") from error
    return revision


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
