"""A real server on a loopback port, a real worker, and a proxy before them that drops what a plan says."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import uvicorn

from vid_diffusion_bench.server.serve import PROGRAM


@contextlib.contextmanager
def serving(app, **more):
    """The address of an application that uvicorn serves from a thread; ``more`` is as of its configuration."""
    config = uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1, **more)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@contextlib.contextmanager
def working(app):
    """A worker of the application's queue: `vid-bench worker`, a program of its own."""
    settings = app.state.services.settings
    variables = {"VIDBENCH_DATABASE_URL": settings.database, "VIDBENCH_DATA_ROOT": str(settings.data_root)}
    command = [sys.executable, "-c", PROGRAM, "worker"]
    process = subprocess.Popen(command, start_new_session=True, env={**os.environ, **variables})
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Proxy:
    """Passes connections on to ``upstream``, each by the next word of ``plan`` and whole when there is none left.

    ``refuse``: closed at once. ``swallow``: the request goes through, the answer is thrown away. A number: closed after
    so many bytes of what the server says.
    """

    def __init__(self, upstream, plan):
        self.upstream = int(upstream.rpartition(":")[2])
        self.plan, self.count = list(plan), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.count += 1
                word = self.plan.pop(0) if self.plan else "pass"
                threading.Thread(target=self._pass, args=(client, word), daemon=True).start()

    def _pass(self, client, word):
        if word == "refuse":
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.upstream))
        threading.Thread(target=self._copy, args=(client, server, None), daemon=True).start()
        if word == "swallow":
            server.recv(65536)
            _end(client, server)
        else:
            self._copy(server, client, word if isinstance(word, int) else None)

    def _copy(self, source, target, most):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data if most is None else data[:most])
                if most is not None and (most := most - len(data)) <= 0:
                    break
        _end(source, target)


def _end(*sockets):
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextlib.contextmanager
def scripted(*answers):
    """A server that gives these answers ``(status, headers, body)`` in turn, the last again and again.

    Yields its address and the requests it got.
    """
    seen, waiting = [], list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen.append((self.command, self.path, dict(self.headers), body))
            status, headers, text = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_DELETE = do_GET  # noqa: N815 - the names are http.server's

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()
