"""A server on loopback that answers as the Hugging Face hub does, for the client library itself."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT, OLDER = "d" * 40, "e" * 40


class Hub:
    """The files of ``org/net`` by name, and how the server behaves.

    ``gated`` answers as for a licence that was not accepted, ``cut`` breaks the next answer with each of these
    files off after 1000 bytes, ``broken`` are listed and cannot be read. ``asked`` are the methods, paths and ranges
    that were asked for.
    """

    def __init__(self, files):
        self.files = files
        self.gated = False
        self.cut = set()
        self.broken = set()
        self.asked = []
        self.commits = {"main": COMMIT, COMMIT: COMMIT, "older": OLDER, OLDER: OLDER}

    def answer(self, path, start):
        """(status, error code, commit, body) of a request."""
        if not re.match(r"/(api/models/)?org/net\b", path):
            return 404, "RepoNotFound", COMMIT, b""
        found = re.fullmatch(r"/api/models/org/net(/(revision|tree)/([^/]+))?", path)
        if found:
            commit = self.commits.get(found[3] or "main")
            if commit is None:
                return 404, "RevisionNotFound", COMMIT, b""
            rows = [self._row(*entry) for entry in self.files.items()]
            info = {"id": "org/net", "sha": commit, "siblings": rows}
            return 200, None, commit, json.dumps(rows if found[2] == "tree" else info).encode()
        commit, _, name = path.removeprefix("/org/net/resolve/").partition("/")
        if self.gated:
            return 403, "GatedRepo", COMMIT, b""
        if name not in self.files or name in self.broken:
            return 404, "EntryNotFound", COMMIT, b""
        return 206 if start else 200, None, self.commits[commit], self.files[name][start:]

    @staticmethod
    def _row(path, content):
        return {"type": "file", "path": path, "rfilename": path, "size": len(content), "oid": git_hash(content)}


def git_hash(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serve(hub):
    """The address that ``hub`` answers under."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(body=True)

        def do_HEAD(self):
            self._answer(body=False)

        def _answer(self, *, body):
            path, wanted = self.path.partition("?")[0], self.headers.get("Range")
            start = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
            hub.asked.append((self.command, path, wanted))
            status, problem, commit, content = hub.answer(path, start)
            self.send_response(status)
            self.send_header("X-Repo-Commit", commit)
            if problem:
                self.send_header("X-Error-Code", problem)
                self.send_header("X-Error-Message", f"Access to model org/net is restricted: {problem}")
            else:
                whole = hub.files.get(path.split("/", 5)[-1], content)
                self.send_header("ETag", f'"{git_hash(whole)}"')
                self.send_header("Accept-Ranges", "bytes")
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
            self.send_header("Content-Type", "application/json" if path.startswith("/api") else "binary/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            name = path.split("/", 5)[-1]
            if body and name in hub.cut:
                hub.cut.discard(name)
                self.wfile.write(content[:1000])
                self.close_connection = True
            elif body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    return Handler
