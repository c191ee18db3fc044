"""Whatever happens, no secret is written anywhere: a real server, everything it writes, and every file it keeps."""

import json
import logging
import os
import socket
import subprocess
import sys

import httpx2
import pytest

from served_program import served
from server_clients import app_of, client
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.server.logs import JsonLines

PASSWORD, WRONG, NEXT = "correct horse battery staple", "a wrong-secret of mine", "the next secret of mine"
IN_NAME = "typed-into-the-wrong-field"


def provoke(live, ask):
    """Do with secrets what people do, and what they should not; gives the secrets."""
    user = {"username": "ada", "permissions": ["benchmark.read", "models.read", "keys.manage"], "password": PASSWORD}
    assert ask.post("/auth/users", json=user).status_code == 201
    with httpx2.Client(base_url=live.url, timeout=30) as anybody:
        token = anybody.post("/auth/login", json={"username": "ada", "password": PASSWORD}).json()["access_token"]
        for username, password in (("ada", WRONG), (IN_NAME, WRONG), ("ada", [WRONG]), ({"x": WRONG}, 5)):
            assert anybody.post("/auth/login", json={"username": username, "password": password}).status_code >= 400
        anybody.post("/auth/login", content=f'{{"password": "{WRONG}"', headers={"Content-Type": "application/json"})
        anybody.get(f"/auth/me?token={token}&password={WRONG}")
        anybody.get(f"/{token}/{WRONG}")
        anybody.get("/auth/me", headers={"Authorization": f"Basic {WRONG}"})
        bearer = {"Authorization": f"Bearer {token}"}
        forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
        anybody.get("/auth/me", headers={"Authorization": f"Bearer {forged}"})
        made = anybody.post("/auth/api-keys", json={"name": "k", "permissions": ["models.read"]}, headers=bearer).json()
        secret = made["api_key"]
        for headers in ({"X-API-Key": secret}, {"X-API-Key": f"{secret}x"}, {"X-API-Key": secret, **bearer}):
            anybody.get("/auth/users", headers=headers)
            anybody.post("/benchmarks", json={"prompts": [1]}, headers=headers)
        change = {"current_password": PASSWORD, "new_password": NEXT}
        assert anybody.post("/auth/password", json=change, headers=bearer).status_code == 204
        anybody.get("/auth/me", headers=bearer)
    with socket.create_connection(("127.0.0.1", live.port)) as raw:
        raw.sendall(f"GET /{secret} HTTP/9 {WRONG}\r\nX-API-Key: {secret}\r\n\r\n".encode())
        raw.recv(1000)
    return [PASSWORD, WRONG, NEXT, token, forged, secret]


def test_no_secret_is_in_anything_that_a_server_writes(tmp_path):
    with served(tmp_path / "server", log_level="DEBUG") as live:
        with live.client() as ask:
            secrets = provoke(live, ask)
            audit = ask.get("/audit", params={"limit": 1000}).text
            assert "login" in audit
            assert "permission" in audit
        live.stop()
        log = live.log.read_text()
        kept = {path: path.read_bytes() for path in live.folder.rglob("*") if path.is_file() and path != live.log}
        assert any(path.suffix == ".sqlite" for path in kept)
    assert log.count(live.key) == 1, "once, at the first start"
    for secret in (*secrets, IN_NAME):
        assert secret not in log
        assert secret not in audit
        assert not [path for path, data in kept.items() if secret.encode() in data], secret
    assert not [path for path, data in kept.items() if live.key.encode() in data]
    requests = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {line["status"] for line in requests if line["message"] == "request"} >= {200, 201, 204, 401, 403, 404, 422}


def test_passwords_of_databases_and_stores_are_in_no_error_and_no_log(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StorageError) as failed:
        app_of(tmp_path / "a", "postgresql+psycopg://bench:pg-secret@127.0.0.1:1/bench")
    app = app_of(tmp_path / "b", rate_limit_storage="redis://:redis-secret@127.0.0.1:1")
    answers = [client(app).get("/auth/me"), client(app).post("/auth/login", json={"username": "a", "password": "p"})]
    assert [answer.status_code for answer in answers] == [503, 503]
    shown = [JsonLines().format(record) for record in caplog.records]
    shown += [str(failed.value.to_dict()), repr(app.state.services.settings), *(answer.text for answer in answers)]
    assert not [text for text in shown if "pg-secret" in text or "redis-secret" in text]


def test_a_setting_that_is_wrong_does_not_print_what_it_holds(tmp_path):
    settings = {"VIDBENCH_DATABASE_URL": "mysql://bench:db-secret@db/bench", "VIDBENCH_DATA_ROOT": str(tmp_path)}
    command = [sys.executable, "-c", "from vid_diffusion_bench.cli import main; main()", "serve", "--port", "1"]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "mysql" in done.stderr
    assert "db-secret" not in done.stderr + done.stdout
