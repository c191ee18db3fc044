"""Ask a server of its own everything once, with a worker, and keep what was said as the examples of the OpenAPI.

python scripts/api_examples.py     writes src/vid_diffusion_bench/server/examples.json
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import httpx2  # noqa: E402
import numpy as np  # noqa: E402

from live_server import serving, working  # noqa: E402
from server_clients import app_of, key_of, make_user  # noqa: E402
from vid_diffusion_bench.video import Video, write_preview  # noqa: E402

PROMPT = "a red circle moving left on a black background"


class Asked:
    """A client that keeps what it asked and was answered, by operation."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx2.Client(base_url=f"{url}/api/v1", headers={"X-API-Key": key}, timeout=300)
        self.kept: dict[str, dict[str, object]] = {}

    def __call__(self, method: str, path: str, body: object = None, template: str | None = None, **more: Any) -> Any:
        answer = self.http.request(method, path, json=body, **more)
        answer.raise_for_status()
        found = answer.json() if answer.content else None
        named = f"{method} /api/v1{template or path.partition('?')[0]}"
        self.kept[named] = {"request": body, "answer": found}
        self.kept[named] = {name: value for name, value in self.kept[named].items() if value is not None}
        return found


def ask_everything(asked: Asked, clip: Path) -> None:
    """Each operation once; what it needs first, first."""
    for path in ("/health", "/monitoring/health"):
        whole = asked("GET", path)
        away = {**whole, "status": "unhealthy", "checks": {**whole["checks"], "database": "unhealthy"}}
        asked.kept[f"GET /api/v1{path}"]["503"] = away
    body = {
        "model_name": "shapes-oracle", "prompts": [PROMPT], "metrics": ["temporal_consistency"],
        "parameters": {"num_frames": 16, "fps": 8}, "metadata": {"experiment_name": "first"},
    }  # fmt: skip
    made = asked("POST", "/benchmarks", body)["benchmark_id"]
    while asked("GET", f"/benchmarks/{made}", template="/benchmarks/{benchmark_id}")["completion_time"] is None:
        time.sleep(0.5)
    asked("GET", f"/benchmarks/{made}/results", template="/benchmarks/{benchmark_id}/results")
    asked("GET", "/benchmarks")
    asked("GET", "/models")
    for name in ("", "/health"):
        asked("GET", f"/models/shapes-oracle{name}", template=f"/models/{{model_name}}{name}")
    short = {"prompts": [PROMPT], "config": {"seed": 42}}
    second = asked("POST", "/models/shapes-oracle/evaluate", short, "/models/{model_name}/evaluate")["benchmark_id"]
    asked("DELETE", f"/benchmarks/{second}", template="/benchmarks/{benchmark_id}")
    asked("POST", "/metrics/compute", {"generated_videos": ["clips/a.mp4"], "metrics": ["temporal_consistency"]})
    sent = {"files": {"generated": ("a.mp4", clip.read_bytes())}, "data": {"metrics": ["temporal_consistency"]}}
    asked("POST", "/metrics/compute/upload", **sent)
    asked.kept["POST /api/v1/metrics/compute/upload"]["request"] = {"generated": ["a.mp4"], **sent["data"]}
    asked("GET", "/metrics/history")
    for path in ("/monitoring/metrics", "/monitoring/alerts", "/analytics/benchmarks"):
        asked("GET", path)
    asked("GET", "/analytics/models/compare?models=shapes-oracle,shapes-base&metric=temporal_consistency")
    text = asked.http.get("/metrics").raise_for_status().text
    asked.kept["GET /api/v1/metrics"] = {"answer": "\n".join(line for line in text.splitlines() if "queue" in line)}


def ask_who(asked: Asked) -> None:
    """Users, keys and logins."""
    password = "correct horse battery staple"  # noqa: S105 - of an example
    user = {"username": "user@example.com", "permissions": ["benchmark.read", "models.read"], "password": password}
    made = asked("POST", "/auth/users", user)["id"]
    asked("GET", "/auth/users")
    asked("PATCH", f"/auth/users/{made}", {"tier": "premium"}, "/auth/users/{user_id}")
    login = asked("POST", "/auth/login", {"username": user["username"], "password": password})
    asked.kept["POST /api/v1/auth/login"]["answer"] = {**login, "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjQ2…"}
    asked("GET", "/auth/me")
    key = {"name": "production-key", "permissions": ["models.read"], "expires_at": "2100-01-01T00:00:00Z"}
    new = asked("POST", "/auth/api-keys", key)
    asked.kept["POST /api/v1/auth/api-keys"]["answer"] = {**new, "api_key": "vdb_Zk3x8aQ1…", "prefix": "vdb_Zk3x8aQ1"}
    asked("GET", "/auth/api-keys")
    asked("DELETE", f"/auth/api-keys/{new['id']}", template="/auth/api-keys/{key_id}")
    asked("POST", "/auth/keys/rotate", {"immediately": False})
    asked("GET", "/audit?limit=3")
    asked.kept["POST /api/v1/auth/logout"] = {"request": {"everywhere": False}}
    change = {"current_password": password, "new_password": "staple battery horse correct"}
    asked.kept["POST /api/v1/auth/password"] = {"request": change}


def shortened(value: object) -> object:
    """Lists by their first two entries: an example need not be long."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    return [shortened(item) for item in value[:2]] if isinstance(value, list) else value


def main() -> None:
    """Write them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = app_of(folder / "data")
        clip = folder / "data" / "clips" / "a.mp4"
        clip.parent.mkdir()
        write_preview(clip, Video(np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8), 8.0))
        with serving(app) as url, working(app):
            asked = Asked(url, key_of(app, make_user(app, tier="premium", username="admin-of-example")))
            ask_everything(asked, clip)
            ask_who(asked)
    text = json.dumps(shortened(asked.kept), indent=1, ensure_ascii=False).replace(str(folder), "/var/lib/vid-bench")
    (ROOT / "src/vid_diffusion_bench/server/examples.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
