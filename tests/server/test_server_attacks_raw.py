"""Bytes that no client library would send, over raw sockets to the server as it is served."""

import contextlib
import json
import logging
import socket
import threading
import time

import httpx2
import pytest
import uvicorn

from server_clients import app_of, key_of, make_user
from vid_diffusion_bench.server import connections, middleware
from vid_diffusion_bench.server.serve import configured

CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("raw") / "data", drain_seconds=1)


@pytest.fixture(scope="module")
def port(app):
    server = uvicorn.Server(configured(app, app.state.services.settings))
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def key(app):
    return b"X-API-Key: " + key_of(app, make_user(app, tier="enterprise")).encode() + b"\r\n"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(middleware, "GRACE", 0.3)
    monkeypatch.setattr(middleware, "SLOWEST", 1 << 20)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)


def request(*headers, method=b"POST", path=b"/api/v1/benchmarks", body=b""):
    kind = b"Content-Type: application/json\r\n"
    return method + b" " + path + b" HTTP/1.1\r\nHost: here\r\n" + kind + b"".join(headers) + b"\r\n" + body


def said(port, sent, seconds=10):
    """All that the server says until it closes, or to the end of its first answer where it keeps the connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(seconds)
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
            while data := connection.recv(65536):
                found += data
                head, _, body = found.partition(b"\r\n\r\n")
                length = [
                    line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                ]
                if length and len(body) >= int(length[0]) and b"connection: close" not in head.lower():
                    break
    return found


def parsed(answer):
    """Status, headers (lower case) and JSON of the first answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    return int(first.split()[1]), headers, json.loads(body[: int(headers[b"content-length"])])


EVIL = (
    b"a\rX-Evil: 1", b"a\nX-Evil: 1", b"a\r\n X-Evil: 1", b"a\x00b", b"%0d%0aX-Evil:%201", b"a\x0bX-Evil: 1",
    "\u560d\u560aX-Evil: 1".encode(), b"\xff\xfe", b"x" * 10_240, b'a"b', b"a\x1b[31mb", b"",
)  # fmt: skip


@pytest.mark.parametrize("value", EVIL, ids=repr)
@pytest.mark.parametrize("name", [b"X-Request-ID", b"Origin", b"If-None-Match", b"Idempotency-Key", b"Authorization"])
def test_no_header_carries_anything_into_an_answer_or_a_log(port, caplog, name, value):
    with caplog.at_level(logging.DEBUG):
        answer = said(port, request(name + b": " + value + b"\r\n", method=b"GET", path=b"/api/v1/auth/me"))
        status, headers, body = parsed(answer)
    assert status in (400, 401)
    assert b"x-evil" not in headers
    # A bare line feed ends a header, as RFC 9112 allows: what follows it is another header of the request.
    kept = name == b"X-Request-ID" and b"\n" in value and b"\r" not in value
    assert body["error"]["request_id"].startswith("a" if kept else "req_")
    assert headers[b"x-request-id"].decode() == body["error"]["request_id"]
    assert not [record for record in caplog.records if "X-Evil" in record.getMessage() or "\x1b" in str(vars(record))]


@pytest.mark.parametrize(
    "path", [b"/api/v1/models/%0d%0aX-Evil:%201", b"/api/v1/benchmarks/a%0d%0aX-Evil:%201?b=%0d%0a"]
)
def test_no_path_does(port, key, path):
    status, headers, _ = parsed(said(port, request(key, method=b"GET", path=path)))
    assert status == 404
    assert b"x-evil" not in headers


def test_a_harmless_id_is_kept(port):
    _, headers, _ = parsed(said(port, request(b"X-Request-ID: mine-1.2_3\r\n", method=b"GET")))
    assert headers[b"x-request-id"] == b"mine-1.2_3"


@pytest.mark.parametrize(
    "sent",
    [
        request(b"Content-Length: 5\r\nContent-Length: 6\r\n", body=b"123456"),
        request(b"Content-Length: -1\r\n"),
        request(b"Content-Length: +5\r\n", body=b"12345"),
        request(b"Content-Length: 5, 6\r\n", body=b"12345"),
        request(b"Content-Length: 0x5\r\n", body=b"12345"),
        request(b"Transfer-Encoding: gzip\r\n", body=b"12345"),
        request(b"Transfer-Encoding: chunked, identity\r\n", body=b"0\r\n\r\n"),
        request(b"Host: there\r\n", method=b"GET"),
        b"GET /api/v1/health HTTP/1.1\r\n\r\n",
        b"GET /api/v1/health\r\n\r\n" + b"X" * 64 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS to a port that speaks none\r\n\r\n",
        b"GET /api/v1/he\x00alth HTTP/1.1\r\nHost: here\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[-60:]),
)
def test_what_is_no_http_is_answered_in_json(port, sent):
    status, headers, body = parsed(said(port, sent))
    assert (status, body["error"]["code"]) == (400, "BAD_REQUEST")
    assert headers[b"connection"] == b"close"


def test_lengths_that_are_not_true(port, key, impatient):
    longer = request(key, b"Content-Length: 100\r\n", body=b'{"prompts": ["a"]}')
    assert parsed(said(port, longer))[0] == 408
    shorter = said(port, request(key, b"Content-Length: 2\r\n", body=b"{}and what is left over\r\n\r\n"))
    assert parsed(shorter)[0] == 422
    for length in (b"99999999999", b"9" * 19, b"9" * 30):
        assert parsed(said(port, request(key, b"Content-Length: " + length + b"\r\n")))[0] in (400, 413), length
    for body in (b"ZZ\r\n", b"5\r\nab", b"FFFFFFFFFFFFFFFFFFFFFFFF\r\nx", b"-1\r\nx"):
        assert parsed(said(port, request(key, CHUNKED, body=body)))[0] in (400, 408), body
    both = request(
        key, CHUNKED, b"Content-Length: 4\r\n", body=b"0\r\n\r\nGET /api/v1/health HTTP/1.1\r\nHost: here\r\n\r\n"
    )
    assert said(port, both).count(b"HTTP/1.1 200") == 0


@pytest.mark.parametrize("size", [40_000, 100_000, 1_000_000])
@pytest.mark.parametrize("name", [b"Authorization: Bearer ", b"X-API-Key: vdb_", b"Cookie: "])
def test_huge_headers(port, name, size):
    answer = said(port, request(name + b"a" * size + b"\r\n", method=b"GET"))
    # Where the server closed before all was read, what it said may be lost on the way.
    assert answer == b"" or parsed(answer)[0] in (400, 431)


def test_many_headers_and_long_targets(port):
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(5000))
    for sent in (request(many, method=b"GET"), request(method=b"GET", path=b"/api/v1/benchmarks?x=" + b"a" * 40_000)):
        status, _, body = parsed(said(port, sent))
        assert status in (400, 431)
        assert body["error"]["code"] in ("BAD_REQUEST", "REQUEST_HEADER_FIELDS_TOO_LARGE")


def test_who_may_not_send_a_body_sends_none(port):
    """Refused by the headers alone, before a byte of 100 MB is sent."""
    for path in (b"/api/v1/metrics/compute/upload", b"/api/v1/benchmarks", b"/api/v1/auth/api-keys"):
        for headers in ((b"Content-Length: 10000000\r\n",), (CHUNKED,), (b"X-API-Key: vdb_no\r\n", CHUNKED)):
            assert parsed(said(port, request(*headers, path=path)))[0] == 401


def test_a_body_that_never_ends_holds_no_thread(port, app, key, impatient, monkeypatch):
    """More of them than there are threads (40); who asks meanwhile is answered."""
    monkeypatch.setattr(middleware, "GRACE", 3.0)
    with contextlib.ExitStack() as stack:
        slow = []
        for number in range(60):
            slow.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            headers = (key, b"Content-Length: 1000\r\n" if number % 2 else CHUNKED)
            slow[-1].sendall(request(*headers, body=b"1\r\n{"))
        secret = key.decode().split()[1]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers={"X-API-Key": secret}) as ask:
            assert ask.get("/auth/me", timeout=2.5).status_code == 200
        for connection in slow:
            connection.settimeout(15)
            assert b" 408 " in connection.recv(65536).split(b"\r\n")[0]


def test_a_trickle_is_too_slow_as_well(port, key, impatient):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.05)
        connection.sendall(request(key, CHUNKED))
        found, end = b"", time.monotonic() + 10
        while time.monotonic() < end and not found:
            connection.sendall(b"1\r\n \r\n")
            with contextlib.suppress(TimeoutError):
                found = connection.recv(65536)
    assert b" 408 " in found.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /api/v1/health HTTP/1.1\r\n", request(b"Content-Length: 1000\r\n")],
    ids=["nothing", "half a head", "a body after its answer"],
)
def test_who_says_nothing_more_is_let_go(port, impatient, begun):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.05)
        connection.sendall(begun)
        closed, end = False, time.monotonic() + 10
        while time.monotonic() < end and not closed:
            with contextlib.suppress(TimeoutError):
                closed = connection.recv(65536) == b""
            if begun and not closed:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b"X")
    assert closed


def test_a_patient_client_of_two_requests_is_kept(port, impatient):
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1") as ask:
        assert ask.get("/health").status_code < 504
        time.sleep(0.5)
        before = len(connections_of(port))
        assert ask.get("/health").status_code < 504
        assert len(connections_of(port)) == before


def connections_of(port):
    import psutil

    return [c for c in psutil.Process().net_connections("tcp") if c.raddr and c.raddr.port == port]
