"""``vid-bench auth`` on a real database."""

import io

import pytest

from vid_diffusion_bench.auth import PERMISSIONS, READ_ONLY
from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.exceptions import AuthenticationError

PASSWORD = "correct horse battery staple"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDBENCH_DATA_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("VIDBENCH_DATABASE_URL", raising=False)
    return f"sqlite:///{tmp_path / 'root' / 'server.sqlite'}"


def auth_of(url):
    return Auth(Database(url), AuthSettings())


def test_a_user_a_key_and_their_end(vid_bench, home, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    made = vid_bench("auth", "users", "make", "Ada@example.com", "--permissions", "all", "--password-stdin", "--json")
    assert made.code == 0
    assert made.json["permissions"] == list(PERMISSIONS)
    assert vid_bench("auth", "users", "make", "bob").out == "made bob, who may read-only\n"
    auth = auth_of(home)
    _, token = auth.login("ada@example.com", PASSWORD)
    key = vid_bench("auth", "keys", "make", "bob", "--name", "laptop", "--permissions", "models.read", "--days", "30")
    secret = key.out.split()[0]
    assert auth.keys.principal(secret).permissions == {"models.read"}
    listed = vid_bench("auth", "keys", "list", "bob")
    assert "laptop" in listed.out
    assert "until 20" in listed.out
    assert secret not in listed.out + vid_bench("auth", "keys", "list", "--json").out
    assert "read-only" in vid_bench("auth", "users", "list").out
    assert vid_bench("auth", "keys", "revoke", secret[:12]).code == 0
    with pytest.raises(AuthenticationError):
        auth.keys.principal(secret)
    assert vid_bench("auth", "logout", "ada@example.com").code == 0
    with pytest.raises(AuthenticationError):
        auth.tokens.principal(token.value)
    entries = auth.audit.page(actor="vid-bench auth")
    assert [entry.action for entry in entries] == ["logout", "key.revoke", "key.make", "user.make", "user.make"]
    assert not {PASSWORD, secret} & set(repr(entries).split("'"))


def test_changing_a_user(vid_bench, home, monkeypatch):
    auth = auth_of(home)
    vid_bench("auth", "users", "make", "root", "--permissions", "all")
    vid_bench("auth", "users", "make", "bob")
    monkeypatch.setattr("getpass.getpass", lambda _: PASSWORD)
    assert vid_bench("auth", "users", "change", "bob", "--password", "--tier", "premium").code == 0
    user, token = auth.login("bob", PASSWORD)
    assert user.tier == "premium"
    assert vid_bench("auth", "users", "change", "bob", "--permissions", "models.read", "--disabled").code == 0
    with pytest.raises(AuthenticationError):
        auth.tokens.principal(token.value)
    assert vid_bench("auth", "users", "change", "bob", "--no-disabled", "--json").json["permissions"] == ["models.read"]
    details = [entry.details for entry in auth.audit.page(action="user.change")]
    assert details[-1] == {"tier": "premium", "password": "changed"}
    last = vid_bench("auth", "users", "change", "root", "--disabled")
    assert last.code == 1
    assert last.err.startswith("CONFLICT")


def test_rotation(vid_bench, home):
    auth = auth_of(home)
    vid_bench("auth", "users", "make", "bob")
    token = auth.tokens.issue(auth.users.named("bob")).value
    new = vid_bench("auth", "rotate", "--json").json["kid"]
    assert auth.signing.newest().id == new
    assert auth.tokens.principal(token)
    assert vid_bench("auth", "rotate", "--immediately").code == 0
    with pytest.raises(AuthenticationError):
        auth.tokens.principal(token)


def test_a_key_for_all_is_cut_to_its_user(vid_bench, home):
    vid_bench("auth", "users", "make", "bob", "--permissions", "models.read", "keys.manage")
    assert vid_bench("auth", "keys", "make", "bob", "--permissions", "all", "--json").json["permissions"] == [
        "models.read",
        "keys.manage",
    ]
    assert set(
        vid_bench("auth", "keys", "make", "bob", "--permissions", "read-only", "--json").json["permissions"]
    ) == {"models.read"} & set(READ_ONLY)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("users", "make", "a b"), 2, "no user name"),
        (("users", "make", "a", "--permissions", "fly"), 2, "fly"),
        (("users", "change", "nobody", "--disabled"), 1, "no user nobody"),
        (("keys", "make", "nobody"), 1, "no user nobody"),
        (("keys", "revoke", "vdb_nothing"), 1, "no one API key"),
        (("keys", "list", "nobody"), 1, "no user nobody"),
        (("logout", "nobody"), 1, "no user nobody"),
    ],
)
def test_what_is_wrong_is_said(vid_bench, home, arguments, code, says):
    answer = vid_bench("auth", *arguments)
    assert answer.code == code
    assert says in answer.err


def test_bad_days_and_passwords(vid_bench, home, monkeypatch):
    vid_bench("auth", "users", "make", "bob")
    for days in ("0", "-1", "nan", "1e9"):
        assert vid_bench("auth", "keys", "make", "bob", "--days", days).code == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert "12 to 1024" in vid_bench("auth", "users", "make", "eve", "--password-stdin").err
    monkeypatch.setattr("getpass.getpass", _two())
    assert "not the same" in vid_bench("auth", "users", "make", "eve", "--password").err


def _two():
    answers = iter((PASSWORD, "another"))
    return lambda _: next(answers)
