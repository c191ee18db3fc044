"""Logins, keys, users and the audit log through HTTP (R20), and that no route is without a permission."""

import time

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.routing import Route

from server_clients import app_of, client, client_as, key_of, make_user
from vid_diffusion_bench.auth import PERMISSIONS, READ_ONLY
from vid_diffusion_bench.server.access import Requires

PASSWORD = "correct horse battery staple"
PUBLIC = {"GET /health", "POST /auth/login"}
WEBSOCKETS = {"/ws", "/ws/benchmarks/{benchmark_id}"}
"""They say who they are in a message; tests of their own see to it."""
KNOWN = {"GET /auth/me", "POST /auth/logout", "POST /auth/password"}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def admin(app):
    return client_as(app)


def declared(app):
    """Method and path of every route, with what it needs; fails for one that says nothing."""
    found = {}
    for context in iter_route_contexts(app.router.routes):
        route, path = context.original_route, context.path
        if type(route) is Route and path in ("/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect"):
            continue
        if isinstance(route, APIWebSocketRoute) and path.removeprefix("/api/v1") in WEBSOCKETS:
            continue
        assert isinstance(route, APIRoute), f"{path} is outside what declares permissions"
        needs = [one.dependency.access for one in route.dependencies if isinstance(one.dependency, Requires)]
        assert len(needs) == 1, f"{path} declares no permission"
        assert route.openapi_extra["x-permission"] == needs[0]
        for method in context.methods:
            found[f"{method} {path.removeprefix('/api/v1')}"] = needs[0]
    assert "GET /auth/users" in found
    return found


def test_every_route_declares_who_may(app):
    found = declared(app)
    assert {route for route, needs in found.items() if needs == "public"} <= PUBLIC | {
        "GET /monitoring/health",
    }
    assert {route for route, needs in found.items() if needs == "known"} == KNOWN
    assert set(found.values()) <= {"public", "known", *PERMISSIONS}


def test_the_walk_finds_a_route_that_declares_nothing(app):
    async def open_to_all():
        return {}

    before = list(app.router.routes)
    for add in (lambda: app.add_api_route("/open", open_to_all), lambda: app.add_route("/bare", open_to_all)):
        add()
        with pytest.raises(AssertionError):
            declared(app)
        app.router.routes[:] = before


def test_no_route_lets_in_nobody_or_who_may_nothing(app):
    nobody, nothing = client(app), client_as(app, [])
    for route, needs in declared(app).items():
        method, path = route.split()
        url = path.replace("{user_id}", "0" * 32).replace("{key_id}", "0" * 32)
        if needs in PERMISSIONS:
            assert nobody.request(method, url).status_code == 401, route
            answer = nothing.request(method, url)
            assert answer.status_code == 403, route
            assert answer.json()["error"]["code"] == "PERMISSION_DENIED"
            assert answer.json()["error"]["details"] == {"permission": needs}


def test_the_printed_login_and_key(app):
    make_user(app, password=PASSWORD, username="user@example.com")
    answer = client(app).post("/auth/login", json={"username": "user@example.com", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    made = client(app, Authorization=f"Bearer {body['access_token']}").post(
        "/auth/api-keys", json={"name": "production-key", "permissions": ["benchmark.create", "models.read"]}
    )
    assert made.status_code == 201
    key = made.json()
    assert key["api_key"].startswith("vdb_")
    me = client(app, **{"X-API-Key": key["api_key"]}).get("/auth/me").json()
    assert me == {
        "user_id": key["user_id"],
        "username": "user@example.com",
        "permissions": ["benchmark.create", "models.read"],
        "tier": "standard",
        "key_id": key["id"],
    }


def test_a_key_is_shown_once_and_revoked(app):
    owner = client_as(app)
    made = owner.post("/auth/api-keys", json={"name": "k", "permissions": ["models.read"]}).json()
    secret = made.pop("api_key")
    listed = owner.get("/auth/api-keys")
    assert made in listed.json()["api_keys"]
    assert secret not in listed.text
    theirs = client(app, **{"X-API-Key": secret})
    assert theirs.get("/auth/me").status_code == 200
    revoked = owner.delete(f"/auth/api-keys/{made['id']}")
    assert revoked.status_code == 200
    assert revoked.json()["revoked_at"] is not None
    assert theirs.get("/auth/me").status_code == 401
    assert secret not in owner.get("/audit").text


def test_keys_of_others_are_nobodys_business(app, admin):
    ada, bob = (client_as(app, ["keys.manage", "models.read"]) for _ in range(2))
    made = ada.post("/auth/api-keys", json={"name": "k", "permissions": ["models.read"]}).json()
    assert made["id"] not in bob.get("/auth/api-keys").text
    assert bob.get("/auth/api-keys?everybody=true").status_code == 403
    missing, others = (bob.delete(f"/auth/api-keys/{key_id}") for key_id in ("0" * 32, made["id"]))
    assert missing.status_code == others.status_code == 404
    assert made["id"] in admin.get("/auth/api-keys?everybody=true").text
    assert admin.delete(f"/auth/api-keys/{made['id']}").status_code == 200


def test_a_key_makes_no_key_that_may_more_or_lasts_longer(app):
    user = make_user(app, ["keys.manage", "models.read", "metrics.read"], tier="premium")
    end = time.time() + 3600
    secret = key_of(app, user, ["keys.manage", "models.read"], tier="standard", expires_at=end)
    narrow = client(app, **{"X-API-Key": secret})
    for body, status in (
        ({"permissions": ["metrics.read"]}, 403),
        ({"permissions": ["users.manage"]}, 403),
        ({"permissions": ["models.read"], "tier": "enterprise"}, 403),
        ({"permissions": ["models.read"], "tier": "premium"}, 403),
        ({"permissions": ["models.read"], "expires_at": "2000-01-01T00:00:00Z"}, 400),
        ({"permissions": ["models.read"], "expires_at": "2000-01-01T00:00:00"}, 422),
        ({"permissions": ["fly"]}, 422),
        ({"permissions": ["models.read"], "user_id": "0" * 32}, 422),
        ({"permissions": ["models.read"], "name": "a\nb"}, 422),
        ({"permissions": ["models.read"], "name": "a\u0000"}, 400),
    ):
        assert narrow.post("/auth/api-keys", json={"name": "k", **body}).status_code == status, body
    for asked in ({}, {"expires_at": "2999-01-01T00:00:00Z"}):
        made = narrow.post("/auth/api-keys", json={"name": "k", "permissions": ["models.read"], **asked}).json()
        assert made["tier"] == "standard"
        assert made["expires_at"] == time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(end)) + made["expires_at"][19:]


def test_users_are_made_changed_and_disabled(app, admin):
    body = {"username": "Bob@example.com", "permissions": list(READ_ONLY), "password": PASSWORD}
    made = admin.post("/auth/users", json=body)
    assert made.status_code == 201
    bob = made.json()
    assert "password" not in made.text.replace("has_password", "")
    assert admin.post("/auth/users", json=body).status_code == 409
    login = {"username": "bob@example.com", "password": PASSWORD}
    token = client(app).post("/auth/login", json=login).json()["access_token"]
    theirs = client(app, Authorization=f"Bearer {token}")
    assert theirs.get("/auth/users").status_code == 403
    changed = admin.patch(f"/auth/users/{bob['id']}", json={"permissions": ["models.read"]})
    assert changed.json() == {**bob, "permissions": ["models.read"]}
    assert theirs.get("/auth/me").json()["permissions"] == ["models.read"]
    assert admin.post(f"/auth/users/{bob['id']}/logout").status_code == 204
    assert theirs.get("/auth/me").status_code == 401
    assert admin.patch(f"/auth/users/{bob['id']}", json={"password": "a new long password"}).status_code == 200
    assert client(app).post("/auth/login", json=login).status_code == 401
    assert admin.patch(f"/auth/users/{'0' * 32}", json={}).status_code == 404
    assert admin.patch(f"/auth/users/{bob['id']}", json={"password": "short"}).status_code == 422
    names, after = [], ""
    while after is not None:
        page = admin.get("/auth/users", params={"after": after, "limit": 2}).json()
        names += [user["username"] for user in page["users"]]
        after = page["next"]
    assert names == sorted(set(names))
    assert {"admin", "bob@example.com"} <= set(names)


def test_who_may_manage_users_gives_and_takes_no_more_than_they_have(app, admin):
    some = client_as(app, ["users.manage", "models.read"])
    assert some.post("/auth/users", json={"username": "x1", "permissions": ["audit.read"]}).status_code == 403
    assert some.post("/auth/users", json={"username": "x1", "permissions": [], "tier": "premium"}).status_code == 403
    made = some.post("/auth/users", json={"username": "x1", "permissions": ["models.read"]}).json()
    assert some.patch(f"/auth/users/{made['id']}", json={"permissions": ["audit.read"]}).status_code == 403
    root = next(user for user in admin.get("/auth/users?limit=1000").json()["users"] if user["username"] == "admin")
    for change in ({"password": PASSWORD}, {"disabled": True}, {"permissions": []}):
        assert some.patch(f"/auth/users/{root['id']}", json=change).status_code == 403


def test_ones_own_password(app):
    user = make_user(app, READ_ONLY, password=PASSWORD)
    login = {"username": user.username, "password": PASSWORD}
    token = client(app).post("/auth/login", json=login).json()["access_token"]
    own = client(app, Authorization=f"Bearer {token}")
    change = {"current_password": PASSWORD, "new_password": "a new long password"}
    assert client(app, **{"X-API-Key": key_of(app, user)}).post("/auth/password", json=change).status_code == 403
    assert own.post("/auth/password", json={**change, "current_password": "wrong"}).status_code == 401
    assert own.post("/auth/password", json={**change, "new_password": "short"}).status_code == 422
    assert own.post("/auth/password", json=change).status_code == 204
    assert own.get("/auth/me").status_code == 401
    assert client(app).post("/auth/login", json=login).status_code == 401
    assert client(app).post("/auth/login", json={**login, "password": "a new long password"}).status_code == 200


def test_a_key_has_no_login_to_end(app, admin):
    assert admin.post("/auth/logout").status_code == 400
    assert admin.post("/auth/logout", json={"everywhere": True}).status_code == 204


def test_guessing_is_answered_429_with_when_to_come_again(tmp_path, cheap_passwords):
    app = app_of(tmp_path)
    anybody = client(app)
    answers = [anybody.post("/auth/login", json={"username": "ada", "password": "wrong"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    last = answers[-1]
    assert 0 < int(last.headers["Retry-After"]) <= 300
    assert last.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert last.json()["error"]["reference"] == "API_002"


def test_a_store_of_limits_that_is_away_lets_nobody_guess(tmp_path, cheap_passwords):
    app = app_of(tmp_path, rate_limit_storage="redis://127.0.0.1:1")
    answer = client(app).post("/auth/login", json={"username": "ada", "password": "wrong"})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_the_audit_log_tells_who_was_refused_what(app, admin):
    user = make_user(app, ["models.read"])
    refused = client(app, **{"X-API-Key": key_of(app, user)}).get("/audit")
    (entry,) = admin.get("/audit", params={"actor": user.username}).json()["entries"]
    assert (entry["action"], entry["outcome"], entry["target"]) == ("permission", "refused", "GET /api/v1/audit")
    assert entry["request_id"] == refused.headers["X-Request-ID"] == refused.json()["error"]["request_id"]
    seen, before = [], {}
    while before is not None:
        page = admin.get("/audit", params={"limit": 3, **before}).json()
        seen += [one["id"] for one in page["entries"]]
        before = {"before": page["next"]} if page["next"] else None
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == len(app.state.services.auth.audit.page(limit=10_000))


def test_a_server_over_postgresql_or_sqlite(tmp_path, database_url, cheap_passwords, capsys):
    app = app_of(tmp_path, database_url)
    key = capsys.readouterr().err.split("once:")[1].split()[0]
    again = app_of(tmp_path, database_url)
    assert capsys.readouterr().err == ""
    admin = client(again, **{"X-API-Key": key})
    made = admin.post("/auth/users", json={"username": "ada", "permissions": ["models.read"], "password": PASSWORD})
    assert made.status_code == 201
    token = client(app).post("/auth/login", json={"username": "ada", "password": PASSWORD}).json()["access_token"]
    assert client(again, Authorization=f"Bearer {token}").get("/auth/me").json()["username"] == "ada"
    assert client(app, Authorization=f"Bearer {token}").post("/auth/logout").status_code == 204
    assert client(again, Authorization=f"Bearer {token}").get("/auth/me").status_code == 401
    assert admin.get("/audit?action=login").json()["entries"][0]["actor"] == "ada"
    assert admin.get("/auth/users?after=%00").status_code == 400
    for one in (app, again):
        one.state.services.database.close()
