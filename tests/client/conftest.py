import pytest

from live_server import serving
from server_clients import app_of, key_of, make_user


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("live") / "data")


@pytest.fixture(scope="module")
def live(app):
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def key(app):
    return key_of(app, make_user(app, tier="enterprise"))
