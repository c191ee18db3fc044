import pytest

from auth_fixtures import *  # noqa: F403
from database_fixtures import *  # noqa: F403
from server_clients import app_of, client_as


@pytest.fixture
def app(database_url, tmp_path):
    made = app_of(tmp_path / "data", database_url)
    yield made
    made.state.services.database.close()


@pytest.fixture
def ask(app):
    return client_as(app, tier="enterprise")
