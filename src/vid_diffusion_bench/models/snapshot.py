"""Where a diffusers model lies on this disk, whether it is whole, and what its files hash to. No network, no torch."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.results import fingerprint
from vid_diffusion_bench.weights import digest
from vid_diffusion_bench.weights.places import blob_sha256, hub_cache

INDEX = "model_index.json"
BUILTIN_WEIGHTS = Path(__file__).parent / "weights"
_HUB_ID = re.compile(r"(?P<id>[\w.-]+/[\w.-]+?)(@(?P<revision>[\w./-]+))?")
VARIANT = re.compile(r"\.(fp16|bf16|fp32|fp8\w*|ema|non_ema)[.-]")
"""In the name of a weights file: a copy in another precision, or of other weights, which is not what loading reads."""

_LARGE = 16 * 2**20
"""Bytes from which reading a file takes longer than finding its hash again."""


def models_folder() -> Path:
    """Where folders named like a model are looked for first: ``models`` in the cache folder of the settings."""
    from vid_diffusion_bench.settings import load_settings

    return load_settings().cache_dir / "models"


def parse_hub_reference(text: str) -> tuple[str, str]:
    """``ORG/NAME[@REVISION]`` to (id, revision), ``main`` where none is said.

    Raises:
        ValidationError: It is not written so.
    """
    found = _HUB_ID.fullmatch(text)
    if not found or ".." in text:
        raise ValidationError(f"{text!r} is not a hub id", remedy="write hf:ORG/NAME or hf:ORG/NAME@REVISION")
    return found["id"], found["revision"] or "main"


def downloads_file() -> Path:
    """Where it is written down which commit of which model was downloaded, and into which cache."""
    return models_folder() / "downloads.json"


def downloads() -> dict[str, dict[str, str]]:
    """Hub id to ``revision``, ``commit``, ``cache_dir`` and ``downloaded_at`` of what this package downloaded."""
    try:
        records = json.loads(downloads_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def find_in_hub_cache(hub_id: str, revision: str = "main") -> Path | None:
    """The snapshot folder of a downloaded repository, or ``None``.

    Where no revision is named, the one that ``models download`` fetched goes before what ``main`` means in the cache.
    """
    recorded = downloads().get(hub_id, {})
    tries = [(hub_cache(), revision)]
    if recorded:
        pinned = revision in ("main", recorded["revision"])
        tries.insert(0, (Path(recorded["cache_dir"]), recorded["commit"] if pinned else revision))
    found = (_snapshot_in(place, hub_id, wanted) for place, wanted in tries)
    return next((folder for folder in found if folder), None)


def _snapshot_in(cache_dir: Path, hub_id: str, revision: str) -> Path | None:
    repository = cache_dir / f"models--{hub_id.replace('/', '--')}"
    reference = repository / "refs" / revision
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
    snapshot = repository / "snapshots" / commit
    return snapshot if (snapshot / INDEX).is_file() else None


def read_index(folder: Path) -> dict[str, Any]:
    """The content of a folder's ``model_index.json``.

    Raises:
        WeightsNotFoundError: There is none.
        ModelLoadingError: It is not a diffusers index.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsNotFoundError(
            f"{folder} holds no {INDEX}", remedy="give the folder that pipeline.save_pretrained wrote"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelLoadingError(f"{folder / INDEX} cannot be read: {error}") from error
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise ModelLoadingError(f"{folder / INDEX} names no pipeline class")
    if outside := [name for name in index if not name.isidentifier()]:
        raise ModelLoadingError(f"{folder / INDEX} names a component that is no plain folder: {outside[0]!r}")
    return index


def read_config(folder: Path, component: str, name: str = "config.json") -> dict[str, Any]:
    """The configuration of one component, empty where it has none."""
    try:
        config = json.loads((folder / component / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelLoadingError(f"{folder / component / name} cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


def components(folder: Path) -> dict[str, str]:
    """Component name to class name, of those that the index says are there."""
    parts = read_index(folder).items()
    return {name: part[1] for name, part in parts if isinstance(part, list) and len(part) == 2 and part[1]}


def missing_parts(folder: Path) -> list[str]:
    """What keeps ``folder`` from being loaded: absent components, shards, or weights that are only pickled."""
    problems = []
    for name in components(folder):
        part = folder / name
        if not part.is_dir() or not any(part.iterdir()):
            problems.append(f"{name} is missing")
        elif (part / "config.json").is_file() and (problem := _weights_problem(part)):
            problems.append(f"{name}: {problem}")
    return problems


def _weights_problem(part: Path) -> str | None:
    for index in part.glob("*.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"{index.name} is damaged"
        absent = sorted(shard for shard in shards if not (part / shard).is_file())
        return f"{len(absent)} of {len(shards)} shards are missing" if absent else None
    if any(part.glob("*.safetensors")):
        return None
    pickled = [*part.glob("*.bin"), *part.glob("*.pt"), *part.glob("*.ckpt")]
    return "weights are only there as pickles, which are never loaded" if pickled else "no safetensors weights"


def own_code(folder: Path) -> list[str]:
    """Python files that the folder brings along, by name: a pipeline that has any is refused."""
    return sorted(path.relative_to(folder).as_posix() for path in (*folder.glob("*.py"), *folder.glob("*/*.py")))


def weights_sha256(folder: Path) -> str:
    """One hash of every file that ``from_pretrained`` may read: the index and the components' files, by name.

    A file of the Hugging Face cache that is named by its own SHA-256 is not read again.
    """
    paths = [folder / INDEX]
    for name in sorted(components(folder)):
        paths += sorted(path for path in (folder / name).rglob("*") if path.is_file())
    return fingerprint({path.relative_to(folder).as_posix(): file_sha256(path) for path in paths})


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content; a blob of the Hugging Face cache that is named by it is not read.

    That of a large file is remembered as long as its size and time of change stay.
    """
    if named := blob_sha256(path):
        return named
    if path.stat().st_size >= _LARGE:
        return digest.file_sha256(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()
