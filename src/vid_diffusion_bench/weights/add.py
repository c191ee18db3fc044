"""Putting a file or folder that a person has into the weights folder, after checking it."""

from __future__ import annotations

import shutil
from pathlib import Path

from vid_diffusion_bench.exceptions import StorageError, ValidationError
from vid_diffusion_bench.weights.catalogue import WeightsEntry, catalogue, get_entry
from vid_diffusion_bench.weights.digest import file_sha256
from vid_diffusion_bench.weights.places import expected_path, hub_problem, weights_folder
from vid_diffusion_bench.weights.store import WeightsFile, check, not_added, record, refused

_LIST = "see `vid-bench weights list` for the names"


def add(path: Path, name: str | None = None) -> WeightsFile:
    """Copy weights into the weights folder and record their hash.

    Args:
        path: A file, or the folder of a hub model.
        name: The catalogue's name; a file is recognised by its hash or its own name.

    Raises:
        ValidationError: Nothing is there, it is not known what it is, or it is no file or folder of that kind.
        ModelLoadingError: It is not what was published.
        StorageError: The weights folder cannot be written.
    """
    if not path.exists():
        raise ValidationError(
            f"{path} does not exist",
            remedy="give the path of a file or folder that you have, or `vid-bench weights fetch`",
        )
    entry = get_entry(name) if name else _recognised(path)
    _refuse_other_kind(entry, path)
    state = check(entry, path)
    if state.status != "present":
        raise not_added(state)
    try:
        return _store(entry, path)
    except OSError as error:
        raise StorageError(f"{weights_folder()} cannot be written: {error}", remedy=_OTHER_FOLDER) from error


_OTHER_FOLDER = "`vid-bench config set weights_dir FOLDER` chooses another folder"


def _recognised(path: Path) -> WeightsEntry:
    if path.is_dir():
        raise ValidationError(
            f"{path} is a folder, and its name does not say which model", remedy=f"add --name; {_LIST}"
        )
    files = [entry for entry in catalogue() if entry.kind == "file"]
    by_name = next((entry for entry in files if entry.file == path.name), None)
    if by_name and by_name.sha256 is None:
        return by_name
    sha256 = file_sha256(path)
    by_hash = next((entry for entry in files if entry.sha256 == sha256), None)
    if (found := by_hash or by_name) is None:
        raise ValidationError(
            f"{path.name} is neither the name nor the content of weights that are known",
            remedy=f"add --name where you know what it is; {_LIST}",
            details={"sha256": sha256},
        )
    return found


def _refuse_other_kind(entry: WeightsEntry, path: Path) -> None:
    if entry.kind == "file" and path.is_dir():
        raise ValidationError(f"{path} is a folder; {entry.name} is the file {entry.file}")
    if entry.kind == "hub" and not path.is_dir():
        raise ValidationError(f"{path} is a file; {entry.name} is a folder as save_pretrained writes it")
    if entry.kind == "hub" and (problem := hub_problem(path)):
        raise ValidationError(f"{path} cannot be loaded as {entry.name}: {problem}", remedy=how_to_save(entry))


def how_to_save(entry: WeightsEntry) -> str:
    """How a folder with safetensors is made where the hub only has a pickle."""
    return f"on a machine where it loads: AutoModel.from_pretrained({entry.hub!r}).save_pretrained(FOLDER)"


def _store(entry: WeightsEntry, path: Path) -> WeightsFile:
    """Copy, look at the copy, and only then give it its name."""
    target = expected_path(entry, weights_folder())
    if path.resolve() != target.resolve():
        unfinished = target.with_name(f".{target.name}.adding")
        _copy(path, unfinished)
        state = check(entry, unfinished)
        if state.status != "present":
            raise refused(state)
        replace(unfinished, target)
    return accept(entry, target)


def accept(entry: WeightsEntry, path: Path, **more: str | None) -> WeightsFile:
    """Record what lies at ``path`` in the weights folder as the weights of ``entry``."""
    state = check(entry, path)
    if state.status != "present" or state.sha256 is None or state.verified is None:
        raise refused(state)
    record(state, weights_folder(), **more)
    return WeightsFile(entry.name, path, state.sha256, state.verified)


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove(target)
    if path.is_file():
        shutil.copyfile(path, target)
        return
    target.mkdir()
    for file in path.iterdir():
        if file.is_file():
            shutil.copyfile(file, target / file.name)


def replace(unfinished: Path, target: Path) -> None:
    """Give a finished file or folder its name; what had it is removed."""
    if target.is_dir():
        _remove(target)
    unfinished.replace(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
