import uuid
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text

import databases
from vid_diffusion_bench.database import Database, upgrade
from vid_diffusion_bench.database.tables import users


@pytest.fixture(scope="session")
def postgresql_server():
    with databases.postgresql() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """Of an empty database; the same tests run over both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'server.sqlite'}"
    server = request.getfixturevalue("postgresql_server")
    name = f"t{uuid.uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


@contextmanager
def with_tables(url):
    """An empty database that gets its tables, and one user, ``owner``."""
    opened = Database(url)
    upgrade(opened)
    row = {"id": "owner", "username": "owner", "permissions": [], "tier": "standard", "created_at": 0.0}
    with opened.writing() as connection:
        connection.execute(users.insert().values(**row))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def database(database_url):
    """See :func:`with_tables`."""
    with with_tables(database_url) as opened:
        yield opened
