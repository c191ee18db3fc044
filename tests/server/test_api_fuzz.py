"""Schemathesis over every operation, with all of its checks, as three kinds of callers."""

from collections import Counter

import pytest

from api_fuzzing import ROLES, fuzz
from live_server import serving
from server_clients import app_of, key_of, make_user
from vid_diffusion_bench.auth import PERMISSIONS, READ_ONLY

PHASES = {
    "admin": "examples,coverage,fuzzing,stateful",
    "reader": "examples,fuzzing",
    "nobody": "examples,coverage,fuzzing",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("fuzz") / "data")


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_found(role, app, tmp_path):
    seen = Counter()

    async def counted(scope, receive, send):
        async def sent(message):
            if message["type"] == "http.response.start":
                route = scope.get("route")
                seen[scope["method"], getattr(route, "path", None), int(message["status"])] += 1
            await send(message)

        await app(scope, receive, sent if scope["type"] == "http" else send)

    permissions = {"admin": PERMISSIONS, "reader": READ_ONLY}.get(role)
    key = permissions and key_of(app, make_user(app, permissions, tier="enterprise"))
    with serving(counted) as url:
        code, said = fuzz(url, tmp_path, key=key, examples=2, phases=PHASES[role], seed=1)
    assert code == 0, said
    reached = {place for place in seen if place[1]}
    assert not [place for place in reached if place[2] >= 500]
    if role == "admin":
        good = {(method, path) for method, path, status in reached if status < 300}
        assert {("POST", "/benchmarks"), ("GET", "/benchmarks"), ("GET", "/models"), ("POST", "/auth/api-keys")} <= good
        assert sum(n for (_, _, status), n in seen.items() if status == 401) < seen.total() / 2
    else:
        open_to_all = {"/health", "/auth/login", None}
        changed = [(m, p) for m, p, status in reached if m != "GET" and status < 300 and p not in open_to_all]
        assert {path for _, path in changed} <= {"/auth/logout", "/auth/password"}
