"""Logs for people: plain lines on a terminal, and JSON everywhere else."""

import io
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from served_program import PROGRAM, free_port
from vid_diffusion_bench.server import logs

KEY = "vdb_abcdefghijk"


def line(message, *values, level=logging.INFO, logger="vid_diffusion_bench.server.serve", error=None, **fields):
    record = logging.LogRecord(logger, level, __file__, 1, message, values, error)
    record.fields = fields
    return logs.PlainLines().format(record)


def test_a_line_is_the_time_and_what_happened():
    found = line("worker %d did not end and is killed", 7, level=logging.WARNING, request_id="req_1")
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning: worker 7 did not end and is killed \(req_1\)", found)
    assert re.fullmatch(r"\d\d:\d\d:\d\d ready", line("ready", request_id="req_1"))


def test_a_request_is_a_short_line():
    fields = {"request_id": "req_1", "method": "GET", "duration_ms": 107.66, "user_id": "u"}
    found = line("request", logger=logs.REQUESTS, route="/models/{model_name}", status=200, **fields)
    assert found[9:] == "GET /models/{model_name}: 200 in 108 ms"
    found = line("request", logger=logs.REQUESTS, level=logging.ERROR, route=None, status=500, **fields)
    assert found[9:] == "error: GET (no route): 500 in 108 ms (req_1)"


def test_secrets_are_hidden_in_messages_and_tracebacks():
    try:
        raise RuntimeError(f"at postgresql://me:hunter2@host/db with {KEY}")
    except RuntimeError:
        found = line("asked with %s", KEY, level=logging.ERROR, error=sys.exc_info())
    assert "Traceback" in found
    assert "hunter2" not in found
    assert KEY not in found
    assert found.count(logs.HIDDEN) >= 3


@pytest.mark.parametrize("sent", ["a\n12:00:00 forged", "a\x1b[2J", "a\r", "a\x9b2J"])
def test_nobody_steers_the_terminal_or_writes_a_line_of_their_own(sent):
    assert line("%s", sent).isprintable()


def test_what_is_no_terminal_gets_json():
    root = logging.getLogger()
    before, level, stream = root.handlers[:], root.level, io.StringIO()
    try:
        logs.configure(stream)
        logging.getLogger("vid_diffusion_bench").warning("asked with %s", KEY)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert json.loads(stream.getvalue())["message"] == f"asked with {logs.HIDDEN}"


def test_serve_on_a_terminal_says_where_it_listens(tmp_path):
    ours, theirs = pty.openpty()
    port = free_port()
    variables = {**os.environ, "VIDBENCH_DATA_ROOT": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", str(port), "--workers", "0"]
    process = subprocess.Popen(command, env=variables, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    try:
        shown = read_until(ours, f"listening at http://127.0.0.1:{port}, with 0 workers")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        os.close(ours)
    assert code == 0, "a signal at the very start is heard"
    assert re.search(r"^\d\d:\d\d:\d\d listening at ", shown, flags=re.MULTILINE)
    assert '{"at"' not in shown


def read_until(terminal, wanted, seconds=60):
    shown, end = "", time.monotonic() + seconds
    while wanted not in shown:
        assert time.monotonic() < end, shown
        try:
            shown += os.read(terminal, 1024).decode()
        except OSError as error:  # the other side is closed: the program has ended
            raise AssertionError(shown) from error
    return shown
