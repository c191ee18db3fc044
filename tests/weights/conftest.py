from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from known_weights import CONTENT, sha256
from vid_diffusion_bench.weights import WeightsEntry
from vid_diffusion_bench.weights.places import weights_folder


@pytest.fixture
def folder():
    path = weights_folder()
    path.mkdir(parents=True)
    return path


@pytest.fixture
def known(monkeypatch):
    """Puts entries of a test's own into the catalogue."""

    def put(**fields):
        given = {"name": "net", "kind": "file", "description": "a network", "needed_by": "a test", "file": "net.pt"}
        entry = WeightsEntry(**{**given, **fields})
        for module in ("vid_diffusion_bench.weights.catalogue", "vid_diffusion_bench.weights.add"):
            monkeypatch.setattr(sys.modules[module], "catalogue", lambda: (entry,))
        monkeypatch.setattr("vid_diffusion_bench.weights.catalogue", lambda: (entry,))
        return entry

    import vid_diffusion_bench.weights.add  # noqa: F401 - so that it is there to be patched

    return put


@pytest.fixture
def published(known):
    return known(sha256=sha256(CONTENT), size=len(CONTENT))


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    """A real CLIP of a few thousand random weights, as ``save_pretrained`` writes it."""
    from transformers import CLIPConfig, CLIPModel

    tower = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    text = {**tower, "vocab_size": 16, "max_position_embeddings": 8}
    config = CLIPConfig(text_config=text, vision_config={**tower, "image_size": 8, "patch_size": 4}, projection_dim=4)
    path = tmp_path_factory.mktemp("clip")
    CLIPModel(config).save_pretrained(path)
    return path


@dataclass
class Site:
    """A real HTTP server on loopback: files by path, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    break_after: int | None = None
    content_type: str = "application/octet-stream"
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def site():
    here = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(here))
    here.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield here
    server.shutdown()
    server.server_close()
    thread.join()


def _handler(site: Site):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            site.asked.append((self.path, asked))
            content = site.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and site.ranges else 0
            if start >= len(content) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", site.content_type)
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            self.wfile.write(content[start : site.break_after])

        def log_message(self, *_):
            pass

    return Handler
