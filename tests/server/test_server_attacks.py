"""What a request may not consist of is refused by one rule on every route, over SQLite and PostgreSQL alike."""

import base64
import json
import os
import socket
import subprocess
import sys

import pytest

from server_clients import app_of, client_as
from vid_diffusion_bench.jobs import Filter
from vid_diffusion_bench.server import strict
from vid_diffusion_bench.server.examples import operations

REQUEST = {"model_name": "shapes-oracle", "prompts": ["a red circle"]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("plain") / "data")


@pytest.fixture(scope="module")
def asked(plain):
    return client_as(plain, tier="enterprise")


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def with_nul(schema):
    """Every operation with NUL in each place that a request has: its path, each parameter, its body."""
    for name, operation in operations(schema):
        method, path = name.split()
        url = path.removeprefix("/api/v1")
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                yield method, url.replace(f"{{{parameter['name']}}}", "a%00b"), None
            elif parameter["in"] == "query":
                yield method, f"{url}?{parameter['name']}=a%00b", None
        plain = url.replace("{", "").replace("}", "")
        for kind in operation.get("requestBody", {}).get("content", ()):
            if kind == "application/json":
                for body in ('{"x": "a\\u0000"}', '{"\\u0000": 1}', '{"x": [{"y": "\\ud800"}]}'):
                    yield method, plain, body


def test_nul_and_half_characters_reach_no_route(app, ask):
    tried = list(with_nul(app.openapi()))
    assert {path.partition("?")[0].split("/")[1] for _, path, _ in tried} >= {"benchmarks", "models", "auth", "audit"}
    for method, url, body in tried:
        answer = ask.request(method, url, content=body, headers=JSON if body else {})
        assert code(answer) == (400, "INVALID_PARAMETERS"), (method, url, body, answer.text)
        assert answer.json()["error"]["remedy"]
    assert app.state.services.queue.count(Filter()) == 0


def test_a_cursor_holds_no_more_than_a_cursor(ask):
    for place in (
        '[1.0, "a\\u0000"]',
        '[1.0, "\\ud800"]',
        '[1e400, "a"]',
        '[NaN, "a"]',
        "[" * 90,
        "1",
        '["1", "2", 3]',
    ):
        cursor = base64.urlsafe_b64encode(place.encode()).decode()
        assert code(ask.get("/benchmarks", params={"cursor": cursor})) == (400, "INVALID_PARAMETERS"), place


def test_text_that_only_looks_odd_comes_back_as_it_was(ask):
    odd = {"a": "\\u0000 \\ud800", "😀": "\x1b[31m \u2028 \ufffe\U0010ffff", "deep": [[[["x"]]]], "large": 10**300}
    made = ask.post("/benchmarks", json={**REQUEST, "name": "%00", "metadata": odd})
    assert made.status_code == 202, made.text
    found = ask.get(f"/benchmarks/{made.json()['benchmark_id']}").json()
    assert (found["metadata"], found["name"]) == (odd, "%00")


def posted(ask, metadata):
    text = json.dumps(REQUEST)[:-1] + f', "metadata": {metadata}}}'
    return ask.post("/benchmarks", content=text.encode(), headers=JSON)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('{"a": NaN}', (422, "VALIDATION_FAILED")),
        ('{"a": [-Infinity]}', (422, "VALIDATION_FAILED")),
        ('{"a": 1e400}', (422, "VALIDATION_FAILED")),
        ('{"a": -1e400}', (422, "VALIDATION_FAILED")),
        (f'{{"a": {"9" * 5000}}}', (422, "VALIDATION_FAILED")),
        ('{"a": {"b": 1, "b": 2}}', (422, "VALIDATION_FAILED")),
        (f'{{"a": {"[" * 100}{"]" * 100}}}', (400, "INVALID_PARAMETERS")),
        (f'{{"a": {"[" * 200_000}{"]" * 200_000}}}', (400, "INVALID_PARAMETERS")),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, (400, "INVALID_PARAMETERS")),
        (f'{{"a": [{"1," * 200_000}1]}}', (400, "INVALID_PARAMETERS")),
    ],
    ids=lambda value: str(value)[:24],
)
def test_json_that_nobody_could_keep(plain, asked, metadata, expected):
    assert code(posted(asked, metadata)) == expected
    assert plain.state.services.queue.count(Filter()) == 0


def test_the_deepest_that_is_taken_can_be_kept_and_sent_back(asked):
    depth = strict.DEEPEST - 2  # the body and the metadata are the first two
    inner = "[" * depth + "]" * depth
    made = posted(asked, f'{{"a": {inner}}}')
    assert made.status_code == 202, made.text
    name = made.json()["benchmark_id"]
    assert asked.get(f"/benchmarks/{name}").json()["metadata"] == {"a": json.loads(inner)}
    assert asked.delete(f"/benchmarks/{name}").status_code == 200
    assert posted(asked, f'{{"a": [{inner}]}}').status_code == 400


def test_only_utf_8(asked):
    for text in (json.dumps(REQUEST).encode("utf-16"), json.dumps(REQUEST).encode("utf-32"), b'{"a": "\xff"}'):
        assert code(asked.post("/benchmarks", content=text, headers=JSON)) == (422, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    "prompts",
    [["x" * (10 << 20)], ["a red circle"] * 100_000, [1] * 100_000, [""] * 5000, [None] * 9000],
    ids=["10 MB", "100,000", "100,000 numbers", "empty", "null"],
)
def test_prompts_that_are_too_many_or_too_long_get_a_short_answer(plain, asked, prompts):
    answer = asked.post("/benchmarks", json={**REQUEST, "prompts": prompts})
    assert answer.status_code in (400, 422)
    assert len(answer.content) < 10_000
    assert plain.state.services.queue.count(Filter(status="submitted")) == 0


def test_what_tags_and_keys_may_hold(plain, asked):
    for key in ("a b", "é", "x" * 256, "\x7f", "\t"):
        assert asked.post("/benchmarks", json=REQUEST, headers={"Idempotency-Key": key.encode()}).status_code == 422
    odd = "';DROP--\"<%00>"
    made = asked.post("/benchmarks", json=REQUEST, headers={"Idempotency-Key": odd}).json()
    assert asked.post("/benchmarks", json=REQUEST, headers={"Idempotency-Key": odd}).json() == made
    path = f"/benchmarks/{made['benchmark_id']}"
    asked.delete(path)
    tag = asked.get(f"{path}/results").headers["ETag"]
    for sent, status in (
        (tag, 304),
        (f'"x", W/{tag}', 304),
        ("*", 304),
        ('"é', 200),
        ('"' * 9000, 200),
        (tag[:-2], 200),
    ):
        assert asked.get(f"{path}/results", headers={"If-None-Match": sent.encode()}).status_code == status, sent


def test_a_form_is_read_by_the_same_rule(asked):
    """A part may name a charset in which NUL and half characters can be written."""
    for name in (r"a\x00.mp4", r"\ud800.mp4"):
        body = (
            "--b\r\nContent-Disposition: form-data; name=metrics\r\n\r\nsharpness\r\n"
            f'--b\r\nContent-Disposition: form-data; name="generated"; filename="{name}"\r\n\r\nx\r\n--b--\r\n'
        )
        for charset in ("unicode_escape", "utf-7", "no-such", "rot13"):
            kind = f"multipart/form-data; boundary=b; charset={charset}"
            answer = asked.post(
                "/metrics/compute/upload", content=body.replace("generated", "other"), headers={"Content-Type": kind}
            )
            assert answer.status_code in (400, 422), answer.text
        escaped = {"Content-Type": "multipart/form-data; boundary=b; charset=unicode_escape"}
        assert asked.post("/metrics/compute/upload", content=body, headers=escaped).status_code == 400


def test_no_name_of_a_model_or_file_makes_the_server_ask_anybody(tmp_path):
    app = app_of(tmp_path / "data", endpoint_hosts=["allowed.example:80"])
    ask = client_as(app, tier="enterprise")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        here = f"127.0.0.1:{listener.getsockname()[1]}"
        models = (
            f"endpoint:http://{here}/v1#m", f"endpoint:http://allowed.example:80@{here}/v1#m", "endpoint:http://[",
            f"endpoint:http://{here}\\@allowed.example:80/#m", f"endpoint:http://{here}#@allowed.example:80",
            f"endpoint:http://{here}?@allowed.example:80/", f"endpoint:ftp://{here}", f"endpoint://{here}",
            "endpoint:http://allowed.example:80/v1?key=HOME#m", "endpoint:http://allowed.example.:80/#m",
            f"hf:http://{here}/x", "hf:../../etc", f"http://{here}/", "file:///etc", f"//{here}/x", f"\\\\{here}\\x",
            "endpoint:http://169.254.169.254/latest/meta-data#m", "endpoint:http://0x7f000001/#m",
        )  # fmt: skip
        for model in models:
            answers = [
                ask.post("/benchmarks", json={**REQUEST, "model_name": model}),
                ask.post("/benchmarks", json={"prompts": ["p"], "models": ["shapes-oracle", model]}),
                ask.post(f"/models/{model.replace('/', '%2f').replace('?', '%3f').replace('#', '%23')}/evaluate",
                         json={"prompts": ["p"]}),
            ]  # fmt: skip
            assert {answer.status_code for answer in answers} <= {400, 403, 404}, (model, [a.text for a in answers])
        for path in (
            f"http://{here}/a.mp4",
            f"concat:http://{here}/a",
            f"//{here}/a.mp4",
            "file:/etc/passwd",
            "/etc/passwd",
        ):
            body = {"generated_videos": [path], "metrics": ["sharpness"]}
            assert ask.post("/metrics/compute", json=body).status_code in (403, 404)
            body = {**REQUEST, "parameters": {"image": path}}
            assert ask.post("/benchmarks", json=body).status_code in (403, 404)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert app.state.services.queue.count(Filter()) == 0


def test_links_out_of_the_data_root_are_not_followed(tmp_path):
    app = app_of(tmp_path / "data")
    ask, root, outside = client_as(app, tier="enterprise"), tmp_path / "data", tmp_path / "outside"
    outside.mkdir()
    (outside / "a.mp4").write_bytes(b"secret")
    (root / "file.mp4").symlink_to(outside / "a.mp4")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    for path in (
        "file.mp4",
        "folder/a.mp4",
        "folder",
        "loop",
        "./file.mp4",
        "folder/../a.mp4",
        "..",
        "loop/../../outside",
    ):
        for body in ({"generated_videos": [path]}, {"generated_videos": ["."], "real_videos": [path]}):
            answer = ask.post("/metrics/compute", json={**body, "metrics": ["sharpness"]})
            assert answer.status_code in (403, 404), (path, answer.text)
        for name in ("image", "video", "reference"):
            answer = ask.post("/benchmarks", json={**REQUEST, "parameters": {name: path}})
            assert answer.status_code in (403, 404), (name, path)


BOMBS = """
import json, resource, sys
from pathlib import Path
from broken_videos import bomb_cases
from peak_memory import megabytes
from natural import natural_clip
from server_clients import app_of, client_as
from vid_diffusion_bench.video.write import write_preview

if __name__ == "__main__":
    folder, listener = Path(sys.argv[1]), sys.argv[2]
    ask = client_as(app_of(folder / "data"), tier="enterprise")
    write_preview(folder / "data" / "sound.mp4", natural_clip("pan", 0, 8, 64, 64)[0])
    body = {"generated_videos": ["sound.mp4"], "metrics": ["sharpness"]}
    bombs = list(bomb_cases())
    for case in bombs:
        case.make(folder / "data" / case.name)
    playlist = f"#EXTM3U\\n#EXTINF:1,\\nhttp://{listener}/a.ts\\n#EXT-X-ENDLIST\\n"
    (folder / "data" / "list.m3u8").write_text(playlist)
    (folder / "data" / "list.mp4").write_text(playlist)
    names = [*(case.name for case in bombs), "list.m3u8", "list.mp4"]
    files = [("generated", (name, (folder / "data" / name).read_bytes())) for name in names]
    sent = ask.post("/metrics/compute/upload", data={"metrics": ["sharpness"]}, files=files)
    kept = ask.post("/metrics/compute", json={**body, "generated_videos": ["sound.mp4", *names]})
    print(json.dumps({
        "sound": kept.json()["metrics"]["sharpness"], "names": names, "statuses": [sent.status_code, kept.status_code],
        "broken": [list(answer.json().get("broken", {})) for answer in (sent, kept)],
        "megabytes": [megabytes(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10],
    }))
"""


def as_program(*command):
    """A process of its own, whose peak memory is nobody else's; it imports what tests share."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, *map(str, command)]
    return subprocess.run(line, env=variables, capture_output=True, text=True, check=False, timeout=120)


def test_bombs_and_playlists_in_uploads_and_in_the_data_root(tmp_path):
    """64k x 64k frames would be 12 GiB each; none of them is allocated, and no playlist is followed."""
    program = tmp_path / "bombs.py"
    program.write_text(BOMBS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        done = as_program(program, tmp_path, place)
        assert done.returncode == 0, done.stderr[-2000:]
        with pytest.raises(TimeoutError):
            listener.accept()
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["sound"] > 0
    assert told["statuses"] == [200, 200]
    assert [set(broken) for broken in told["broken"]] == [set(told["names"])] * 2
    assert max(told["megabytes"]) < 700, "of the API, and of the process that scores"


WIDE = """
import json, sys
from pathlib import Path
from peak_memory import megabytes as peak
from server_clients import app_of, client, client_as

if __name__ == "__main__":
    app = app_of(Path(sys.argv[1]) / "data")
    asks = client_as(app, tier="enterprise"), client(app)
    kind = {"Content-Type": "application/json"}
    asks[0].post("/benchmarks", content=b'{"prompts": ["' + b"x" * (15 << 20) + b'"]}', headers=kind)
    before, told = peak(), []
    for text in (
        b'{"prompts":[' + b"1," * (2 << 20) + b"1]}",
        b'{"extra":{' + b",".join(b'"%x":[]' % n for n in range(1 << 18)) + b"}}",
        b'{"prompts":' + b"[" * (15 << 20),
        b'{"prompts":["a"],"config":{"extra":{' + b",".join(b'"%x":[]' % n for n in range(25_000)) + b"}}}",
        b'{"prompts":[' + b",".join(b"{}" for _ in range(50_000)) + b"]}",
    ):
        for ask, path in zip(asks, ("/benchmarks", "/auth/login"), strict=True):
            answer = ask.post(path, content=text, headers=kind)
            told.append((answer.status_code, len(answer.content)))
    print(json.dumps({"told": told, "grown": peak() - before}))
"""


def test_memory_of_bodies_that_are_wide_or_deep(tmp_path):
    program = tmp_path / "wide.py"
    program.write_text(WIDE)
    done = as_program(program, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert {status for status, _ in told["told"]} <= {400, 413, 422}
    assert {status for status, _ in told["told"][1::2]} == {413}, "nobody known sends no more than 64 kB"
    assert max(size for _, size in told["told"]) < 10_000
    assert told["grown"] < 400, told
