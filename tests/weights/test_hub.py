"""Fetching a hub model: ``huggingface_hub`` itself, against a server on loopback that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from known_weights import sha256
from vid_diffusion_bench.exceptions import ModelLoadingError, WeightsNotFoundError
from vid_diffusion_bench.weights import find
from vid_diffusion_bench.weights.digest import read_json
from vid_diffusion_bench.weights.fetch import fetch
from vid_diffusion_bench.weights.places import weights_folder

COMMIT = "d" * 40


class Files(dict):
    """Name to content, and the names that are listed and cannot be read."""

    def __init__(self, *given):
        super().__init__(*given)
        self.broken = set()


@pytest.fixture
def hub(monkeypatch, clip_folder):
    """The files of ``org/net`` at ``COMMIT``, to be changed by a test."""
    files = Files({path.name: path.read_bytes() for path in clip_folder.iterdir()})
    files |= {"original/model.pth": b"pickle", "README.md": b"# net", "training_args.bin": b"pickle"}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield files
    server.shutdown()
    server.server_close()
    thread.join()


def _handler(files):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(body=True)

        def do_HEAD(self):
            self._answer(body=False)

        def _answer(self, *, body):
            path = self.path.partition("?")[0]
            name = path.removeprefix(f"/org/net/resolve/{COMMIT}/").removeprefix("/org/net/resolve/main/")
            content = None if name in files.broken else files.get(name)
            if path == f"/api/models/org/net/tree/{COMMIT}":
                content = json.dumps([_row(*entry) for entry in files.items()]).encode()
            if path in {f"/api/models/org/net/revision/{name}" for name in ("main", COMMIT)}:
                content = json.dumps({"id": "org/net", "sha": COMMIT}).encode()
            self.send_response(404 if content is None else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            if content is not None:
                self.send_header("ETag", f'"{_git_hash(content)}"')
            else:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Type", "application/json" if path.startswith("/api") else "binary/octet-stream")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if body:
                self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    return Handler


def _row(path, content):
    return {"type": "file", "path": path, "size": len(content), "oid": _git_hash(content)}


def _git_hash(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_the_pinned_revision_is_fetched_without_what_is_not_needed(hub, known):
    known(kind="hub", file=None, hub="org/net", revision=COMMIT, sha256=sha256(hub["model.safetensors"]))
    found = fetch("net")
    assert (found.path, found.verified) == (weights_folder() / "net", "published")
    assert {path.name for path in found.path.iterdir()} == {"config.json", "model.safetensors"}
    assert found == find("net")
    assert read_json(weights_folder() / "manifest.json")["net"]["revision"] == COMMIT


def test_what_main_means_is_looked_up_and_recorded(hub, known):
    known(kind="hub", file=None, hub="org/net")
    assert fetch("net").verified == "recorded"
    recorded = read_json(weights_folder() / "manifest.json")["net"]
    assert (recorded["revision"], recorded["hub"]) == (COMMIT, "org/net")
    assert recorded["sha256"] == find("net").sha256


def test_other_weights_than_the_published_are_refused(hub, known):
    known(kind="hub", file=None, hub="org/net", revision=COMMIT, sha256="0" * 64)
    with pytest.raises(ModelLoadingError, match="0000"):
        fetch("net")
    with pytest.raises(WeightsNotFoundError):
        find("net")


def test_a_revision_with_a_pickle_only_says_how_to_make_safetensors(hub, known):
    del hub["model.safetensors"]
    known(kind="hub", file=None, hub="org/net", revision=COMMIT)
    with pytest.raises(WeightsNotFoundError, match=r"no model\.safetensors") as caught:
        fetch("net")
    assert "save_pretrained" in caught.value.remedy


def test_a_model_that_the_hub_does_not_have_says_so(hub, known):
    known(kind="hub", file=None, hub="org/other")
    with pytest.raises(WeightsNotFoundError, match="answered 404"):
        fetch("net")


def test_a_file_that_cannot_be_had_is_asked_for_again(hub, known):
    known(kind="hub", file=None, hub="org/net", revision=COMMIT)
    hub.broken.add("model.safetensors")
    with pytest.raises(WeightsNotFoundError, match="org/net cannot be downloaded"):
        fetch("net")
    hub.broken.clear()
    assert fetch("net").path == weights_folder() / "net"


@pytest.mark.parametrize("revision", [COMMIT, None])
def test_no_hub_says_so_and_how_to_do_without(known, monkeypatch, revision):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    known(kind="hub", file=None, hub="org/net", revision=revision)
    with pytest.raises(WeightsNotFoundError, match="cannot be read") as caught:
        fetch("net")
    assert str(weights_folder() / "net") in caught.value.remedy
    assert "on another machine" in caught.value.remedy
