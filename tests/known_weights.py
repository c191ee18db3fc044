"""Content, hashes and cache layouts that the tests of weights share."""

from __future__ import annotations

import hashlib
import os
import shutil

from vid_diffusion_bench.weights.places import hub_cache

CONTENT = bytes(range(256)) * 4096


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def into_hub_cache(folder, hub_id, commit, *, main=True):
    """The layout of the Hugging Face cache: blobs named by their hash, snapshots of links, refs."""
    repository = hub_cache() / f"models--{hub_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    for made in (repository / "blobs", repository / "refs", snapshot):
        made.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        blob = repository / "blobs" / sha256(file.read_bytes())
        shutil.copyfile(file, blob)
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    if main:
        (repository / "refs" / "main").write_text(commit)
    return snapshot
