"""Users, keys, signing keys, tokens and the audit log, over SQLite and PostgreSQL alike."""

import hashlib
import logging
import multiprocessing
import threading
import time
from datetime import datetime

import pytest
from sqlalchemy import select, update

from vid_diffusion_bench.auth import PERMISSIONS, READ_ONLY
from vid_diffusion_bench.auth import keys as keys_module
from vid_diffusion_bench.auth.audit import Origin
from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.auth.first_start import first_admin
from vid_diffusion_bench.auth.passwords import check_password
from vid_diffusion_bench.auth.users import new_user
from vid_diffusion_bench.database import Database, upgrade
from vid_diffusion_bench.database.tables import api_keys, metadata, revoked_tokens, signing_keys, users
from vid_diffusion_bench.exceptions import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    RateLimitExceededError,
    StorageError,
    ValidationError,
)

PASSWORD = "correct horse battery staple"


@pytest.fixture
def real(database):
    """With passwords as costly as they are."""
    return Auth(database, AuthSettings())


@pytest.fixture
def auth(database, cheap_passwords):
    return Auth(database, AuthSettings())


def everything(database):
    """All that the database holds, as text."""
    with database.reading() as connection:
        return repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])


def test_a_user_is_found_by_name_whatever_the_case(auth):
    made = auth.users.make("Ada@Example.com", READ_ONLY, password=PASSWORD)
    assert made == auth.users.get(made.id) == auth.users.named("aDa@example.COM")
    assert (made.username, made.permissions, made.tier, made.has_password) == (
        "ada@example.com",
        frozenset(READ_ONLY),
        "standard",
        True,
    )
    assert auth.users.matching("ADA@example.com", PASSWORD) == made
    assert auth.users.matching("ada@example.com", PASSWORD + " ") is None
    with pytest.raises(ConflictError):
        auth.users.make("ada@example.com", [])
    with pytest.raises(NotFoundError):
        auth.users.named("bob")
    assert [user.username for user in auth.users.all(after="ada@example.com")] == ["owner"]


def test_passwords_are_argon2id_and_nothing_is_cut_off(real, database):
    auth = real

    long = "ü" * 500
    auth.users.make("ada", [], password=long)
    with database.reading() as connection:
        stored = connection.execute(select(users.c.password_hash).where(users.c.username == "ada")).scalar()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert auth.users.matching("ada", long)
    assert auth.users.matching("ada", "u\N{COMBINING DIAERESIS}" * 500), "the same letters, composed"
    assert auth.users.matching("ada", "ü" * 499 + "u") is None
    assert long not in everything(database)


@pytest.mark.parametrize("password", ["", "eleven char", "a" * 1025, "a\nb" * 10, "a\0b" * 10, "\ud800" * 12])
def test_what_is_no_password(password):
    with pytest.raises(ValidationError):
        check_password(password)


@pytest.mark.parametrize("name", ["", "a b", "a\n", "a\r\nX: 1", "a\0", "ä", "-a", "a" * 255, "oidc:1", "\ud800"])
def test_what_is_no_name(auth, name):
    with pytest.raises(ValidationError):
        auth.users.make(name, [])
    with pytest.raises(AuthenticationError):
        auth.login(name, PASSWORD)


def test_an_old_hash_is_renewed_at_login(real, database):
    auth = real

    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    made = auth.users.make("ada", [])
    old = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=1024)]).hash(PASSWORD)
    with database.writing() as connection:
        connection.execute(update(users).where(users.c.id == made.id).values(password_hash=old))
    assert auth.users.matching("ada", PASSWORD)
    with database.reading() as connection:
        new = connection.execute(select(users.c.password_hash).where(users.c.id == made.id)).scalar()
    assert "m=65536" in new
    assert auth.users.matching("ada", PASSWORD)


def test_the_last_administrator_stays(auth):
    ada = auth.users.make("ada", PERMISSIONS)
    with pytest.raises(ConflictError):
        auth.users.change(ada.id, disabled=True)
    with pytest.raises(ConflictError):
        auth.users.change(ada.id, permissions=READ_ONLY)
    bob = auth.users.make("bob", PERMISSIONS)
    assert auth.users.change(ada.id, disabled=True).disabled
    assert auth.users.change(bob.id, tier="premium").tier == "premium"
    with pytest.raises(NotFoundError):
        auth.users.change("nobody", tier="premium")


def test_two_administrators_cannot_remove_each_other(auth, database):
    one, other = (auth.users.make(name, PERMISSIONS) for name in ("one", "other"))
    refused = []

    def disable_other():
        try:
            auth.users.change(other.id, disabled=True)
        except ConflictError as error:
            refused.append(error)

    thread = threading.Thread(target=disable_other)
    with database.writing() as connection:
        connection.execute(update(users).where(users.c.id == one.id).values(disabled=True))
        thread.start()
        time.sleep(0.5)  # it must wait for this transaction, and not go by what was before it
    thread.join()
    assert len(refused) == 1
    assert [user.username for user in auth.users.all() if user.is_admin] == ["other"]


def test_a_key_is_kept_as_its_hash_only(auth, database):
    ada = auth.users.make("ada", READ_ONLY, tier="premium")
    key, secret = auth.keys.make(ada, "laptop", ["models.read"], tier="standard")
    assert secret.startswith("vdb_")
    assert len(secret) == len("vdb_") + 43  # 256 bits, six a letter
    assert secret.startswith(key.prefix)
    assert secret not in everything(database)
    with database.reading() as connection:
        assert (
            connection.execute(select(api_keys.c.secret_sha256)).scalar() == hashlib.sha256(secret.encode()).hexdigest()
        )
    found = auth.keys.principal(secret)
    assert (found.user_id, found.permissions, found.tier, found.key_id) == (ada.id, {"models.read"}, "standard", key.id)
    assert auth.keys.find(key.prefix) == auth.keys.find(key.id) == auth.keys.get(key.id)


def test_a_key_never_allows_more_than_its_user_may_now(auth):
    ada = auth.users.make("ada", ["models.read", "metrics.read"], tier="premium")
    for more in ({"permissions": ["users.manage"]}, {"permissions": [], "tier": "enterprise"}):
        with pytest.raises(ValidationError):
            auth.keys.make(ada, "k", **more)
    _, secret = auth.keys.make(ada, "k", ada.permissions)
    auth.users.change(ada.id, permissions=["metrics.read", "benchmark.create"], tier="standard")
    assert auth.keys.principal(secret).permissions == {"metrics.read"}
    assert auth.keys.principal(secret).tier == "standard"


def test_keys_that_are_refused(auth):
    ada = auth.users.make("ada", READ_ONLY)
    key, revoked = auth.keys.make(ada, "k", [])
    first = auth.keys.revoke(key.id).revoked_at
    assert auth.keys.revoke(key.id).revoked_at == first
    _, short = auth.keys.make(ada, "k", [], expires_at=time.time() + 0.05)
    assert auth.keys.principal(short)
    time.sleep(0.06)
    with pytest.raises(ValidationError):
        auth.keys.make(ada, "k", [], expires_at=time.time())
    _, disabled = auth.keys.make(ada, "k", [])
    auth.users.change(ada.id, disabled=True)
    for secret in (revoked, short, disabled, disabled[:-1] + "!", "vdb_", "", "vdb_" + "a" * 43, "vdb_\0" + "a" * 42):
        with pytest.raises(AuthenticationError):
            auth.keys.principal(secret)
    with pytest.raises(NotFoundError):
        auth.keys.revoke("none")


def test_the_last_use_is_written_once_a_minute(auth, monkeypatch):
    ada = auth.users.make("ada", READ_ONLY)
    key, secret = auth.keys.make(ada, "k", [])
    start = time.time()
    seen = []
    for at in (0, 59, 61, 100, 122, -1000):
        monkeypatch.setattr(keys_module.time, "time", lambda at=at: start + at)
        auth.keys.principal(secret)
        seen.append(round(auth.keys.get(key.id).last_used_at - start))
    assert seen == [0, 0, 61, 61, 122, -1000], "a clock that was set back does not stop it"


def test_a_key_works_while_nothing_can_be_written(tmp_path, caplog):
    database = Database(f"sqlite:///{tmp_path / 'server.sqlite'}")
    upgrade(database)
    auth = Auth(database, AuthSettings())
    _, secret = auth.keys.make(auth.users.make("ada", READ_ONLY), "k", ["models.read"])
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")  # of the only connection in the pool
    assert auth.keys.principal(secret).permissions == {"models.read"}
    assert "last use" in caplog.text
    assert secret not in caplog.text


def test_a_new_signing_key_signs_and_the_old_one_still_checks(auth, database):
    ada = auth.users.make("ada", READ_ONLY)
    old = auth.tokens.issue(ada).value
    auth.rotate(immediately=False, actor="test")
    new = auth.tokens.issue(ada).value
    assert auth.tokens.principal(old).username == auth.tokens.principal(new).username == "ada"
    with database.writing() as connection:  # an hour later
        retired = signing_keys.c.retired_at.is_not(None)
        connection.execute(update(signing_keys).where(retired).values(retired_at=time.time() - 1))
    with pytest.raises(AuthenticationError, match="not in use"):
        auth.tokens.principal(old)
    assert auth.tokens.principal(new)
    auth.rotate(immediately=True, actor="test")
    with pytest.raises(AuthenticationError, match="not in use"):
        auth.tokens.principal(new)


def test_processes_that_start_at_once_agree_on_one_signing_key(auth, database):
    ready, found = threading.Barrier(6), []

    def first():
        ready.wait()
        found.append(auth.signing.newest().id)

    threads = [threading.Thread(target=first) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 6
    assert len(set(found)) == 1


def test_revoked_tokens_are_forgotten_when_they_would_have_expired(auth, database):
    ada = auth.users.make("ada", READ_ONLY)
    first, second = (auth.tokens.issue(ada).value for _ in range(2))
    auth.tokens.revoke(auth.tokens.principal(first).token_id)
    with pytest.raises(AuthenticationError, match="revoked"):
        auth.tokens.principal(first)
    assert auth.tokens.principal(second)
    with database.writing() as connection:
        connection.execute(update(revoked_tokens).values(expires_at=0.0))
    auth.tokens.revoke(auth.tokens.principal(second).token_id)
    with database.reading() as connection:
        assert len(connection.execute(select(revoked_tokens)).all()) == 1


def test_all_tokens_of_a_user_end_and_new_ones_work_at_once(auth):
    ada, bob = (auth.users.make(name, READ_ONLY, password=PASSWORD) for name in ("ada", "bob"))
    for end in (
        lambda: auth.users.end_tokens(ada.id),
        lambda: auth.users.change(ada.id, password=PASSWORD + "!"),
        lambda: auth.users.change(ada.id, disabled=True),
    ):
        old, others = auth.tokens.issue(ada).value, auth.tokens.issue(bob).value
        end()
        with pytest.raises(AuthenticationError, match="revoked"):
            auth.tokens.principal(old)
        assert auth.tokens.principal(others)
        if not auth.users.get(ada.id).disabled:
            assert auth.tokens.principal(auth.tokens.issue(ada).value)
    with pytest.raises(AuthenticationError, match="revoked"):
        auth.tokens.principal(auth.tokens.issue(ada).value)  # of a login that was under way when they were disabled
    auth.users.change(ada.id, disabled=False)
    with pytest.raises(AuthenticationError):
        auth.tokens.principal(old)


def test_a_token_says_who_and_nothing_of_what_they_may(auth):
    import jwt

    ada = auth.users.make("ada", READ_ONLY)
    token = auth.tokens.issue(ada)
    claims = jwt.decode(token.value, options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "sub", "iat", "exp", "jti"}
    assert claims["sub"] == ada.id
    assert claims["exp"] - claims["iat"] == pytest.approx(3600) == token.expires_in
    header = jwt.get_unverified_header(token.value)
    assert (header["alg"], header["kid"]) == ("HS256", auth.signing.newest().id)
    assert token.value not in repr(token)
    auth.users.change(ada.id, permissions=["models.read"])
    assert auth.tokens.principal(token.value).permissions == {"models.read"}


class Counted:
    """Counts what is checked with Argon2."""

    def __init__(self, monkeypatch):
        import argon2

        self.calls = 0
        verify = argon2.PasswordHasher.verify

        def counting(*arguments):
            self.calls += 1
            return verify(*arguments)

        monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)


def test_a_login_of_nobody_does_the_same_work(auth, monkeypatch):
    auth.users.make("ada", [], password=PASSWORD)
    auth.users.make("keys-only", [])
    off = auth.users.make("off", [], password=PASSWORD)
    auth.users.change(off.id, disabled=True)
    counted = Counted(monkeypatch)
    messages = set()
    for name in ("ada", "nobody", "keys-only", "off", "no name at all", ""):
        before = counted.calls
        with pytest.raises(AuthenticationError) as refused:
            auth.login(name, PASSWORD if name == "off" else "wrong")
        assert counted.calls == before + 1, name
        messages.add(refused.value.message)
    assert len(messages) == 1


def test_guessing_is_limited_by_name_and_by_address(auth, monkeypatch):
    auth.users.make("ada", [], password=PASSWORD)
    counted = Counted(monkeypatch)
    for number in range(10):
        with pytest.raises(AuthenticationError):
            auth.login("ada", "wrong", Origin(f"10.0.0.{number}"))
    with pytest.raises(RateLimitExceededError) as limited:
        auth.login("ADA", PASSWORD, Origin("10.1.0.1"))
    assert counted.calls == 10, "the password is not looked at any more"
    assert 0 < limited.value.details["retry_after"] <= 300
    reset_at = datetime.strptime(limited.value.details["reset_at"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert reset_at == pytest.approx(time.time() + limited.value.details["retry_after"], abs=2)
    for number in range(100):
        monkeypatch.setattr(auth.passwords, "matches", lambda *_: (False, None))
        with pytest.raises(AuthenticationError):
            auth.login(f"user{number}", "wrong", Origin(f"2001:db8::{number:x}"))
    with pytest.raises(RateLimitExceededError):
        auth.login("bob", "wrong", Origin("2001:db8::ffff:1"))
    with pytest.raises(AuthenticationError):
        auth.login("bob", "wrong", Origin("2001:db8:0:1::1"))
    told = [(entry.actor, entry.outcome) for entry in auth.audit.page(limit=1000) if entry.outcome == "limited"]
    assert told == [(None, "limited"), ("ada", "limited")]


def test_a_right_password_forgets_the_wrong_ones_of_its_name(auth):
    auth.users.make("ada", [], password=PASSWORD)
    for _ in range(3):
        for _ in range(8):
            with pytest.raises(AuthenticationError):
                auth.login("ada", "wrong")
        auth.login("ada", PASSWORD)


def test_many_guesses_at_once_are_not_more(auth):
    auth.users.make("ada", [], password=PASSWORD)
    ready, outcomes = threading.Barrier(20), []

    def guess():
        ready.wait()
        try:
            auth.login("ada", "wrong")
        except (AuthenticationError, RateLimitExceededError) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert outcomes.count(AuthenticationError) == 10
    assert outcomes.count(RateLimitExceededError) == 10


def test_the_audit_log_holds_no_secret_and_no_name_of_nobody(auth):
    ada = auth.users.make("ada", READ_ONLY, password=PASSWORD)
    auth.login("ada", PASSWORD, Origin("10.0.0.1", "req_1"))
    for name, password in (("ada", "hunter2hunter2"), ("typed-my-password-here", "x")):
        with pytest.raises(AuthenticationError):
            auth.login(name, password)
    auth.audit.add("logout", actor="a\r\nb\0" + "c" * 300, target="t" * 600, origin=Origin("x" * 70, None))
    entries = auth.audit.page()
    assert [(entry.action, entry.outcome, entry.actor) for entry in entries[1:]] == [
        ("login", "refused", None),
        ("login", "refused", "ada"),
        ("login", "ok", "ada"),
    ]
    assert (entries[3].address, entries[3].request_id) == ("10.0.0.1", "req_1")
    assert entries[0].actor.startswith("a??b?ccc")
    assert len(entries[0].actor) == 254
    for secret in (PASSWORD, "hunter2", "typed-my", ada.id):
        assert secret not in repr(entries)
    assert auth.audit.page(before=entries[1].id, limit=1) == [entries[2]]
    assert auth.audit.page(action="login", actor="ada") == entries[2:4]


def _start(url, results):
    database = Database(url)
    upgrade(database)
    results.put(first_admin(database))


def test_of_processes_that_start_at_once_one_makes_the_administrator(database_url):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_start, args=(database_url, results)) for _ in range(2)]
    [process.start() for process in processes]
    secrets = [results.get(timeout=60) for _ in processes]
    [process.join() for process in processes]
    (secret,) = [found for found in secrets if found is not None]
    auth = Auth(Database(database_url), AuthSettings())
    assert [user.username for user in auth.users.all()] == ["admin"]
    found = auth.keys.principal(secret)
    assert (found.permissions, found.tier) == (frozenset(PERMISSIONS), "enterprise")
    assert [entry.action for entry in auth.audit.page()] == ["key.make", "user.make"]
    assert first_admin(Database(database_url)) is None


def test_a_first_start_waits_for_another_one(database_url):
    database, found = Database(database_url), []
    upgrade(database)
    thread = threading.Thread(target=lambda: found.append(first_admin(database)))
    with database.exclusive() as connection:
        connection.execute(users.insert().values(**new_user("admin", PERMISSIONS)))
        thread.start()
        time.sleep(0.5)  # it must not look before this transaction has ended
    thread.join()
    assert found == [None]
    database.close()


def test_errors_of_the_database_hold_no_parameters(auth, database):
    row = {**new_user("ada", []), "password_hash": "argon2id-of-somebody"}
    with pytest.raises(StorageError) as failed, database.writing() as connection:
        connection.execute(users.insert(), [row, row])
    assert "UNIQUE" in str(failed.value.__cause__).upper()
    assert "argon2id" not in str(failed.value) + str(failed.value.__cause__)


def test_neither_rows_nor_parameters_are_logged(database_url, cheap_passwords, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    database = Database(database_url)
    upgrade(database)
    auth = Auth(database, AuthSettings())
    ada = auth.users.make("ada", READ_ONLY, password=PASSWORD)
    _, secret = auth.keys.make(ada, "k", [])
    _, token = auth.login("ada", PASSWORD)
    auth.keys.principal(secret)
    auth.tokens.principal(token.value)
    assert repr(auth.signing.newest().secret)[2:30] not in caplog.text
    for shown in (PASSWORD, secret, token.value, "argon2id", hashlib.sha256(secret.encode()).hexdigest()):
        assert shown not in caplog.text
