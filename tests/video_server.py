"""A real video server on loopback: serves the built-in oracle as vLLM-Omni, SGLang, Dynamo and fal do, or misbehaves.

The first word of a prompt may ask for trouble; the rest is rendered. ``service_seconds`` is how long each of
``workers`` is busy with one request; those that wait are served in the order they came.
"""

from __future__ import annotations

import base64
import email
import itertools
import json
import queue
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from vid_diffusion_bench.models.oracle import DEFAULTS, render_prompt
from vid_diffusion_bench.video import write_lossless

MODEL = "shapes"
MEDIA_TYPE = "video/x-matroska"
QUEUE_PATH = "/acme/shapes/text-to-video"


@dataclass
class Job:
    id: str
    body: dict
    status: str = "queued"
    created: float = field(default_factory=time.time)
    begun: float | None = None
    completed: float | None = None
    clip: bytes = b""
    error: str = ""
    ended: threading.Event = field(default_factory=threading.Event)
    changed: list[threading.Event] = field(default_factory=list)

    @property
    def word(self) -> str:
        return self.body["prompt"].split()[0]


class VideoServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, kind="job", *, service_seconds=0.0, workers=1, key=None, fine_times=False, tells_start=True, events=True
    ):
        super().__init__(("127.0.0.1", 0), Handler)
        self.kind, self.service_seconds, self.key = kind, service_seconds, key
        self.fine_times, self.tells_start, self.events = fine_times, tells_start, events
        self.jobs: dict[str, Job] = {}
        self.waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.seen: list[tuple[str, str]] = []
        self.bodies: list[dict] = []
        self.authorizations: list[tuple[str, str | None]] = []
        self.deleted: list[str] = []
        self.refusals: dict[str, int] = {}
        self.ids = itertools.count()
        self.media: VideoServer | None = None
        for _ in range(workers):
            threading.Thread(target=self._work, daemon=True).start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def reference(self) -> str:
        return f"endpoint:{self.root}/v1#{MODEL}"

    def submit(self, body: dict) -> Job:
        job = Job(f"video-{next(self.ids)}", body)
        self.jobs[job.id] = job
        self.bodies.append(body)
        self.waiting.put(job)
        return job

    def _work(self) -> None:
        while True:
            job = self.waiting.get()
            job.begun = time.time()
            end = time.monotonic() + self.service_seconds
            job.status = "in_progress" if self.tells_start else "queued"
            if job.word == "hang":
                time.sleep(30)
            try:
                job.clip = render_clip(job.body)
            except (ValueError, OSError) as error:
                job.error = str(error)
            time.sleep(max(0.0, end - time.monotonic()))
            job.completed = time.time()
            job.status = "failed" if job.error or job.word == "fail" else "completed"
            job.error = job.error or ("the GPU fell over" if job.word == "fail" else "")
            job.ended.set()

    def handle_error(self, request, client_address):
        """A client that went away is no trouble of the server's."""


def render_clip(body: dict) -> bytes:
    """The clip as a lossless file: same request, same pixels as the oracle makes in this process."""
    nested = {**body, **body.get("nvext", {})}
    width, height = map(int, str(body.get("size", "64x64")).split("x"))
    word, _, rest = body["prompt"].partition(" ")
    frames = int(nested.get("num_frames", DEFAULTS.num_frames)) - 3 * (word == "short")
    fps = float(nested.get("fps", DEFAULTS.fps)) * (2 if word == "fast" else 1)
    shape = (frames, height * (2 if word == "large" else 1), width, fps)
    if word == "empty":
        return b""
    video = render_prompt(rest if word in TROUBLE else body["prompt"], int(nested.get("seed", 0)), shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mkv"
        write_lossless(path, video)
        clip = path.read_bytes()
    return clip[: len(clip) // 2] if word == "truncated" else b"no video at all" if word == "garbage" else clip


TROUBLE = frozenset(
    {
        *("hang", "fail", "short", "fast", "large", "empty", "truncated", "garbage", "html", "json"),
        *("busy", "broken", "later", "loop", "huge", "cut", "echo", "odd", "moved"),
    }
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: VideoServer

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def do_PUT(self):
        self._answer("PUT")

    def do_DELETE(self):
        self._answer("DELETE")

    def _answer(self, method):
        server, path = self.server, self.path.partition("?")[0]
        server.seen.append((method, path))
        server.authorizations.append((path, self.headers.get("Authorization")))
        if server.key and self.headers.get("Authorization") not in (f"Bearer {server.key}", f"Key {server.key}"):
            said = self.headers.get("Authorization")
            return self._json(401, {"error": {"message": f"wrong key: {said}"}})
        if path == "/v1/models" and server.kind == "website":
            return self._send(200, "text/html", b"<html>Welcome</html>")
        if path == "/v1/models":
            return self._json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        if path == "/openapi.json" and server.kind in ("sync", "job"):
            paths = ["/v1/videos", "/v1/videos/{video_id}"] + ["/v1/videos/sync"] * (server.kind == "sync")
            return self._json(200, {"openapi": "3.1.0", "paths": {name: {} for name in paths}})
        if path == "/loop":
            return self._send(302, "text/plain", b"", Location="/loop")
        if path.startswith("/media/"):
            return self._clip(server.jobs[path.rpartition("/")[2]])
        if server.kind == "queue":
            return self._queue(method, path)
        if method == "POST":
            return self._create(path)
        return self._job(method, path)

    def _body(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
            return {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
                for part in message.get_payload()
            }, "multipart"
        return json.loads(content or b"{}"), "json"

    def _create(self, path):
        server = self.server
        body, encoding = self._body()
        here = {"sync": "/v1/videos/sync", "generations": "/v1/videos/generations"}.get(server.kind, "/v1/videos")
        if path != here:
            return self._json(405 if path.startswith("/v1/videos") else 404, {"detail": "Method Not Allowed"})
        if server.kind == "sync" and encoding != "multipart":
            return self._json(422, {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]})
        if server.kind == "job" and encoding == "multipart":
            return self._json(400, {"detail": "input_reference file is required"})
        if (refused := self._refuse(body["prompt"].split()[0])) is not None:
            return refused
        job = server.submit(body)
        if server.kind == "sync":
            return self._wait(job, lambda: self._clip(job, **{"X-Inference-Time-S": "0.25", "X-Peak-Memory-MB": "17"}))
        if server.kind in ("inline", "generations"):
            return self._wait(job, lambda: self._json(200, self._inline(job)))
        return self._json(200, self._record(job))

    def _refuse(self, word):
        """What goes wrong before a job is made; a truthy answer ends the request."""
        count = self.server.refusals[word] = self.server.refusals.get(word, 0) + 1
        if word == "busy" and count == 1:
            return self._json(429, {"error": {"message": "slow down"}}, **{"Retry-After": "0"}) or True
        if word == "later":
            return self._json(429, {"error": {"message": "no more today"}}, **{"Retry-After": "86400"}) or True
        if word == "broken":
            return self._send(503, "text/html", b"<html>503</html>") or True
        if word == "loop":
            return self._send(302, "text/plain", b"", Location="/loop") or True
        if word == "echo":
            return self._json(400, {"error": {"message": f"bad: {self.headers.get('Authorization')}"}}) or True
        return None

    def _wait(self, job, then):
        job.ended.wait()
        return self._json(500, {"error": {"message": job.error}}) if job.status == "failed" else then()

    def _inline(self, job):
        data = {"output_format": "x-matroska", "b64_json": base64.b64encode(job.clip).decode()}
        if job.word == "odd":
            data["b64_json"] = "*** no base64 ***"
        if self.server.media is not None:
            self.server.media.jobs[job.id] = job
            data = {"url": f"{self.server.media.root}/media/{job.id}"}
        return {**self._record(job), "data": [data], "inference_time_s": 0.25}

    def _record(self, job):
        whole = (lambda t: t) if self.server.fine_times else int
        record = {"id": job.id, "object": "video", "status": job.status, "created_at": whole(job.created)}
        if job.status == "completed":
            record["completed_at"] = whole(job.completed)
        if job.status == "failed":
            record["error"] = {"code": "server_error", "message": job.error}
        return record

    def _job(self, method, path):
        job = self.server.jobs.get(path.removesuffix("/content").rpartition("/")[2])
        if job is None:
            return self._json(404, {"detail": "Video not found"})
        if method == "DELETE":
            self.server.deleted.append(job.id)
            return self._json(200, {"id": job.id, "deleted": True})
        if job.word == "moved" and path.endswith("/content"):
            self.server.media.jobs[job.id] = job
            return self._send(302, "text/plain", b"", Location=f"{self.server.media.root}/media/{job.id}")
        return self._clip(job) if path.endswith("/content") else self._json(200, self._record(job))

    def _clip(self, job, **headers):
        if job.word == "html":
            return self._send(200, "text/html", b"<html>Sign in</html>")
        if job.word == "json":
            return self._json(200, {"ok": True})
        if job.word == "huge":
            return self._stream_without_end()
        if job.word == "cut":
            return self._cut_off(job)
        return self._send(200, MEDIA_TYPE, job.clip, **headers)

    def _stream_without_end(self):
        self.send_response(200)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(1 << 12):
            self.wfile.write(bytes(1 << 16))

    def _cut_off(self, job):
        self.send_response(200)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(job.clip)))
        self.end_headers()
        self.wfile.write(job.clip[: len(job.clip) // 2])
        self.close_connection = True

    def _queue(self, method, path):
        server = self.server
        if method == "POST" and path == QUEUE_PATH:
            body, _ = self._body()
            job = server.submit(body)
            base = f"{server.root}/acme/shapes/requests/{job.id}"
            urls = {"status": f"{base}/status", "response": base, "cancel": f"{base}/cancel"}
            home = "http://elsewhere.invalid" if job.word == "odd" else None
            given = {f"{name}_url": home or url for name, url in urls.items()}
            return self._json(200, {"request_id": job.id, "status": "IN_QUEUE", **given})
        parts = path.split("/")
        job = server.jobs.get(parts[4]) if len(parts) > 4 else None
        if job is None:
            return self._json(404, {"detail": "not found"})
        if method == "PUT":
            server.deleted.append(job.id)
            return self._json(202, {"status": "CANCELLATION_REQUESTED"})
        if path.endswith("/status/stream"):
            return self._stream(job) if server.events else self._json(404, {"detail": "not found"})
        if path.endswith("/status"):
            return self._json(200 if job.ended.is_set() else 202, self._status(job))
        if job.status == "failed":
            return self._json(500, {"detail": job.error})
        media = server.media or server
        media.jobs[job.id] = job
        return self._json(200, {"video": {"url": f"{media.root}/media/{job.id}"}, "seed": job.body.get("seed")})

    def _status(self, job):
        names = {"queued": "IN_QUEUE", "in_progress": "IN_PROGRESS", "completed": "COMPLETED", "failed": "COMPLETED"}
        return {"status": names[job.status], "request_id": job.id} | ({"error": job.error} if job.error else {})

    def _stream(self, job):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        told = None
        while told != "COMPLETED":
            status = self._status(job)
            if status["status"] != told:
                told = status["status"]
                self.wfile.write(b": ping\n\ndata: " + json.dumps(status).encode() + b"\n\n")
                self.wfile.flush()
            time.sleep(0.002)

    def _json(self, status, data, **headers):
        self._send(status, "application/json", json.dumps(data).encode(), **headers)

    def _send(self, status, kind, content, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(kind="job", **options):
    """A running server, stopped at the end."""
    server = VideoServer(kind, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    import sys

    with serving(sys.argv[1] if len(sys.argv) > 1 else "job", service_seconds=0.5) as running:
        sys.stdout.write(running.reference + "\n")
        sys.stdout.flush()
        threading.Event().wait()
