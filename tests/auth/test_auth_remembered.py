"""A key that was found is known without asking the database, and only until anybody writes to it."""

import subprocess
import sys
import threading
import time

import pytest

from vid_diffusion_bench.auth import READ_ONLY
from vid_diffusion_bench.auth import keys as keys_module
from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.auth.remembered import MOST, Remembered
from vid_diffusion_bench.database import Database, upgrade
from vid_diffusion_bench.exceptions import AuthenticationError

REVOKE = """
import sys
from vid_diffusion_bench.auth.keys import ApiKeys
from vid_diffusion_bench.database import Database
ApiKeys(Database(sys.argv[1])).revoke(sys.argv[2])
"""


@pytest.fixture
def file(tmp_path):
    return f"sqlite:///{tmp_path / 'a # and a %' / 'server.sqlite'}"


@pytest.fixture
def database(file):
    opened = Database(file)
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def auth(database, cheap_passwords):
    return Auth(database, AuthSettings())


@pytest.fixture
def ada(auth):
    return auth.users.make("ada", READ_ONLY)


def used(auth, user, **more):
    """A key that the database was asked for twice: the first time its use was written."""
    key, secret = auth.keys.make(user, "k", ["models.read"], **more)
    assert auth.remembered(None, secret) is None
    found = auth.authenticate(None, secret)
    assert auth.authenticate(None, secret) == found
    assert auth.remembered(None, secret) == found
    return key, secret


def test_what_takes_a_key_away_holds_at_once(auth, ada, database, file):
    changes = [
        lambda key: auth.keys.revoke(key.id),
        lambda key: Auth(Database(file), AuthSettings()).keys.revoke(key.id),
        lambda key: subprocess.run([sys.executable, "-c", REVOKE, file, key.id], check=True),
        lambda key: auth.users.change(ada.id, disabled=True),
    ]
    for change in changes:
        key, secret = used(auth, ada)
        change(key)
        assert auth.remembered(None, secret) is None
        with pytest.raises(AuthenticationError):
            auth.authenticate(None, secret)


def test_what_a_user_may_no_longer(auth, ada):
    _, secret = used(auth, ada)
    auth.users.change(ada.id, permissions=["metrics.read"])
    assert auth.remembered(None, secret) is None
    assert auth.authenticate(None, secret).permissions == frozenset()
    assert auth.remembered(None, secret).permissions == frozenset()


def test_time_takes_it_away_too(auth, ada, monkeypatch):
    start = time.time()
    _, short = used(auth, ada, expires_at=start + 30)
    _, long = used(auth, ada)
    auth.authenticate(None, short)
    for seconds, left in ((29, (True, True)), (31, (False, True)), (62, (False, False))):
        monkeypatch.setattr(keys_module.time, "time", lambda seconds=seconds: start + seconds)
        assert tuple(auth.remembered(None, secret) is not None for secret in (short, long)) == left


def test_only_a_key_in_its_own_header_is_remembered(auth, ada):
    _, secret = used(auth, ada)
    for headers in ((f"Bearer {secret}", None), (f"Bearer {secret}", secret), (None, None), (None, secret + "x")):
        assert auth.remembered(*headers) is None


def test_a_revocation_is_never_passed_by(auth, ada, file):
    """Whoever asks after a revocation has ended is refused, however many ask and write meanwhile."""
    elsewhere = Auth(Database(file), AuthSettings())
    for _ in range(10):
        key, secret = used(auth, ada)
        revoked, late = threading.Event(), []

        def ask(secret=secret, revoked=revoked, late=late):
            for _ in range(200):
                after = revoked.is_set()
                known = auth.remembered(None, secret)
                if known is None:
                    try:
                        known = auth.authenticate(None, secret)
                    except AuthenticationError:
                        return
                late += [after] if known and after else []

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        elsewhere.keys.revoke(key.id)
        revoked.set()
        for thread in threads:
            thread.join()
        assert late == []


def test_a_database_that_cannot_say_is_asked(database):
    told = [1]
    kept: Remembered[str] = Remembered(lambda: told[0])
    kept.keep("a", "x", None)
    assert kept.get("a") is None
    kept.keep("a", "x", 1)
    assert kept.get("a") == "x"
    told[0] = None
    assert kept.get("a") is None
    told[0] = 1
    for number in range(MOST):
        kept.keep(str(number), "y", 1)
    assert kept.get("a") is None
    assert kept.get(str(MOST - 1)) == "y"


def test_versions(database, file):
    first = database.version()
    assert database.version() == first
    other = Database(file)
    with other.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert database.version() == first
    Auth(other, AuthSettings()).users.make("bob", READ_ONLY)
    assert database.version() != first
    other.close()


def test_a_file_that_is_not_there_has_none(tmp_path):
    assert Database(f"sqlite:///{tmp_path / 'server.sqlite'}").version() is None


def test_postgresql_has_no_versions(postgresql_server):
    opened = Database(postgresql_server)
    assert opened.version() is None
    opened.close()
