"""Weights on this machine: where they lie, and whether they are what was published or recorded. No network, no torch.

A published SHA-256 is compared with the file's own. Where none is known, the file's own is recorded when it is added
or first used, and a later change of the file is damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from vid_diffusion_bench.exceptions import ModelLoadingError, WeightsNotFoundError
from vid_diffusion_bench.weights.catalogue import WeightsEntry, get_entry
from vid_diffusion_bench.weights.digest import combined_sha256, file_sha256, index_file, read_json, update_json
from vid_diffusion_bench.weights.places import (
    WEIGHTS,
    blob_sha256,
    expected_path,
    hub_files,
    hub_problem,
    locate,
    weights_folder,
)

Verified = Literal["published", "recorded"]
Status = Literal["present", "missing", "damaged", "hash mismatch"]
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class WeightsFile:
    """Weights that are there and checked.

    Args:
        name: The catalogue's name.
        path: The file, or the folder of a hub model.
        sha256: Of the file; of a folder, one hash of its configuration and weight files.
        verified: ``published``: equal to the published hash. ``recorded``: equal to what was recorded here.
    """

    name: str
    path: Path
    sha256: str
    verified: Verified


@dataclass(frozen=True)
class WeightsState:
    """What is on this machine of one entry; ``reason`` says what is wrong where ``status`` is not ``present``."""

    entry: WeightsEntry
    status: Status
    path: Path | None = None
    sha256: str | None = None
    verified: Verified | None = None
    reason: str | None = None
    published: str | None = None


def find(name: str) -> WeightsFile:
    """The weights known as ``name``, from the weights folder or, for hub models, the Hugging Face cache.

    Raises:
        ValidationError: No weights are known by that name.
        WeightsNotFoundError: They are not on this machine; the remedy says where they go and how to get them.
        ModelLoadingError: They are there and damaged, or not what was published.
    """
    state = inspect(get_entry(name))
    if state.status == "missing":
        raise missing(state.entry)
    if state.status != "present" or state.path is None or state.sha256 is None or state.verified is None:
        raise refused(state)
    return WeightsFile(state.entry.name, state.path, state.sha256, state.verified)


def inspect(entry: WeightsEntry) -> WeightsState:
    """The state of one entry on this machine; hashes each file once."""
    path = locate(entry, weights_folder())
    if path is None:
        return WeightsState(entry, "missing")
    state = check(entry, path)
    if state.status != "present" or (entry.kind == "file" and state.verified == "published"):
        return state
    return _against_record(state, path)


def check(entry: WeightsEntry, path: Path) -> WeightsState:
    """Whether the file or folder at ``path`` can be ``entry``, by what is published of it."""
    problem = _shape_problem(entry, path)
    if problem:
        return WeightsState(entry, "damaged", path, reason=problem)
    if entry.kind == "file":
        sha256 = file_sha256(path)
        return _check_hash(entry, path, sha256, sha256)
    digests = {file.name: file_sha256(file) for file in hub_files(path)}
    for name, sha256 in digests.items():
        if (stated := blob_sha256(path / name)) not in (None, sha256):
            reason = f"the SHA-256 of {name} is {sha256}, the Hugging Face cache says {stated}"
            return WeightsState(entry, "damaged", path, sha256, reason=reason, published=stated)
    return _check_hash(entry, path, combined_sha256(digests), digests.get(WEIGHTS))


def missing(entry: WeightsEntry) -> WeightsNotFoundError:
    """The error that says which file is needed, where it goes and how to get it."""
    what = entry.file or f"{entry.hub} (a folder with config.json and {WEIGHTS})"
    path = expected_path(entry, weights_folder())
    add = f"vid-bench weights add {entry.file}" if entry.file else f"vid-bench weights add FOLDER --name {entry.name}"
    return WeightsNotFoundError(
        f"the weights {entry.name} are not on this machine: {what} is needed",
        remedy=f"`vid-bench weights fetch {entry.name}`; or put what {entry.page} holds at {path}; or `{add}`",
        details={"weights": entry.name, "path": str(path), "file": entry.file, "hub": entry.hub, "url": entry.page},
    )


def not_added(state: WeightsState) -> ModelLoadingError:
    """The error for a file or folder that a person offers as these weights and that is something else."""
    entry = state.entry
    return ModelLoadingError(
        f"{state.path} is not {entry.name}, and was not added: {state.reason}",
        remedy=f"download it again from {entry.page}, or run `vid-bench weights fetch {entry.name}`; "
        "where it is other weights, say which with --name",
        details=_details(state),
    )


def refused(state: WeightsState) -> ModelLoadingError:
    """The error for weights that are there and cannot be used."""
    return ModelLoadingError(
        f"the weights {state.entry.name} at {state.path} cannot be used: {state.reason}",
        remedy=f"remove them and run `vid-bench weights fetch {state.entry.name}`, or get them from {state.entry.page}",
        details=_details(state),
    )


def record(state: WeightsState, folder: Path, **more: Any) -> None:
    """Write what ``folder`` holds of an entry into its manifest.

    Raises:
        OSError: The folder cannot be written.
    """
    added = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    facts = {"sha256": state.sha256, "verified": state.verified, "added": added, **more}
    update_json(folder / MANIFEST, {state.entry.name: facts})


def _shape_problem(entry: WeightsEntry, path: Path) -> str | None:
    """What is wrong that shows without hashing."""
    if entry.kind == "hub":
        return hub_problem(path)
    size = path.stat().st_size
    return f"it holds {size} bytes, published are {entry.size}" if entry.size not in (None, size) else None


def _check_hash(entry: WeightsEntry, path: Path, sha256: str, compared: str | None) -> WeightsState:
    """Compare with what is published; ``compared`` is the hash of the file that the catalogue gives a hash of.

    A hub model in a folder of its own may have been saved again, and is then only recorded; a snapshot of the
    published revision has to be what was published.
    """
    if entry.sha256 and entry.sha256 == compared:
        return WeightsState(entry, "present", path, sha256, "published")
    expected = entry.sha256 or entry.sha256_prefix
    exact = entry.kind == "file" or path.name == entry.revision
    if exact and expected and not (compared or "").startswith(expected):
        relation = "is" if entry.sha256 else "begins with"
        reason = f"its SHA-256 is {compared}, the published one {relation} {expected}"
        return WeightsState(entry, "hash mismatch", path, compared, reason=reason, published=expected)
    return WeightsState(entry, "present", path, sha256, "recorded")


def _against_record(state: WeightsState, path: Path) -> WeightsState:
    """Compare with what the manifest or this machine recorded; record what is seen for the first time."""
    entry = state.entry
    manifest = read_json(weights_folder() / MANIFEST).get(entry.name)
    recorded = manifest.get("sha256") if isinstance(manifest, dict) and path.is_relative_to(weights_folder()) else None
    key = f"first use of {path.resolve()}"
    recorded = recorded or read_json(index_file()).get(key)
    if recorded is None:
        update_json(index_file(), {key: state.sha256}, required=False)
    elif recorded != state.sha256:
        again = f"vid-bench weights add {path} --name {entry.name}"
        reason = f"its SHA-256 is {state.sha256}, recorded here is {recorded} (a change that was wanted: `{again}`)"
        return WeightsState(entry, "damaged", path, state.sha256, reason=reason, published=str(recorded))
    return state


def _details(state: WeightsState) -> dict[str, Any]:
    known = {"weights": state.entry.name, "path": str(state.path), "sha256": state.sha256, "expected": state.published}
    return {name: value for name, value in known.items() if value is not None}
