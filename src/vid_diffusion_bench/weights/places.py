"""Where weights lie on this machine, and which files a folder of a hub model consists of."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.settings import load_settings
from vid_diffusion_bench.weights.catalogue import WeightsEntry

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def weights_folder() -> Path:
    """The folder that is looked in first: the setting ``weights_dir``, else ``weights`` in the cache folder.

    Raises:
        ValidationError: It is a file.
    """
    settings = load_settings()
    folder = (settings.weights_dir or settings.cache_dir / "weights").expanduser()
    if folder.is_file():
        raise ValidationError(
            f"the weights folder {folder} is a file",
            remedy="`vid-bench config set weights_dir FOLDER`, or VIDBENCH_WEIGHTS_DIR=FOLDER; "
            "`vid-bench weights add FILE` puts a file into it",
        )
    return folder


def hub_cache() -> Path:
    """The Hugging Face cache: ``HF_HUB_CACHE``, else ``HF_HOME/hub``, else ``~/.cache/huggingface/hub``."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    return Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "hub"


def expected_path(entry: WeightsEntry, folder: Path) -> Path:
    """Where the weights are put in ``folder``: the file, or the folder of a hub model."""
    return folder / (entry.file or entry.name)


def locate(entry: WeightsEntry, folder: Path) -> Path | None:
    """The file or folder that is there, not looked into; the weights folder goes before the Hugging Face cache."""
    if entry.file:
        places = [folder / entry.file, folder / entry.name / entry.file]
        return next((path for path in places if path.is_file()), None)
    own = folder / entry.name
    return own if own.is_dir() else _cached_snapshot(entry)


def _cached_snapshot(entry: WeightsEntry) -> Path | None:
    """The snapshot of the entry's revision, else the one that ``main`` last meant, where it has a configuration."""
    if entry.hub is None:
        return None
    repository = hub_cache() / f"models--{entry.hub.replace('/', '--')}"
    main = repository / "refs" / "main"
    commits = [entry.revision, main.read_text(encoding="utf-8").strip() if main.is_file() else None]
    snapshots = [repository / "snapshots" / commit for commit in commits if commit]
    return next((path for path in snapshots if (path / CONFIG).is_file() and not hub_problem(path)), None)


def hub_problem(folder: Path) -> str | None:
    """What keeps a folder from being loaded as ``save_pretrained`` wrote it, or ``None``."""
    if not (folder / CONFIG).is_file():
        return f"there is no {CONFIG}"
    index = folder / f"{WEIGHTS}.index.json"
    if index.is_file():
        shards = _shards(index)
        if not shards:
            return f"{index.name} is damaged"
        absent = sorted(name for name in shards if not (folder / name).is_file())
        return f"{len(absent)} of {len(shards)} shards are missing ({absent[0]})" if absent else None
    if (folder / WEIGHTS).is_file():
        return None
    if any(folder.glob("*.bin")):
        return f"the weights are only there as a pickle, which is never loaded; {WEIGHTS} is needed"
    return f"there is no {WEIGHTS}"


def hub_files(folder: Path) -> list[Path]:
    """The files that decide what a model computes: its configuration, its weights and, where sharded, their index."""
    index = folder / f"{WEIGHTS}.index.json"
    weights = [index, *(folder / name for name in sorted(_shards(index)))] if index.is_file() else [folder / WEIGHTS]
    return [folder / CONFIG, *weights]


def blob_sha256(path: Path) -> str | None:
    """The SHA-256 that the Hugging Face cache names a file by, where ``path`` is a link into it."""
    target = path.resolve()
    return target.name if target.parent.name == "blobs" and _SHA256.fullmatch(target.name) else None


def _shards(index: Path) -> set[str]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    plain = all(isinstance(name, str) and Path(name).name == name for name in names)
    return names if plain else set()
