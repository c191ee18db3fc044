"""Applications and clients for tests of the server: anybody, with any permissions, in one line."""

from __future__ import annotations

import itertools
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from vid_diffusion_bench.auth import PERMISSIONS
from vid_diffusion_bench.server.app import PREFIX, create_app
from vid_diffusion_bench.server.settings import ServerSettings

_numbers = itertools.count(1)


def app_of(folder: Path, database_url: str | None = None, **settings) -> FastAPI:
    """An application over a database, by default SQLite in ``folder``; ``settings`` are those of ``ServerSettings``."""
    return create_app(ServerSettings(data_root=folder, database_url=database_url, **settings))


def make_user(app: FastAPI, permissions=PERMISSIONS, *, password=None, tier="standard", username=None):
    """A user of the application's database, who is new."""
    name = username or f"user-{next(_numbers)}"
    return app.state.services.auth.users.make(name, permissions, password=password, tier=tier)


def key_of(app: FastAPI, user, permissions=None, **more) -> str:
    """An API key of a user, by default with all that they may."""
    wanted = user.permissions if permissions is None else permissions
    return app.state.services.auth.keys.make(user, "of a test", wanted, **more)[1]


def client(app: FastAPI, **headers: str) -> TestClient:
    """A client of the API (paths without ``/api/v1``) that sends these headers; errors of the server are answers."""
    return TestClient(app, base_url=f"http://testserver{PREFIX}", headers=headers, raise_server_exceptions=False)


def client_as(app: FastAPI, permissions=PERMISSIONS, *, tier="standard") -> TestClient:
    """A client that sends the API key of a new user with these permissions."""
    return client(app, **{"X-API-Key": key_of(app, make_user(app, permissions, tier=tier))})
