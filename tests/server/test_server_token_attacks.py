"""Tokens that the server must not take. Each is made by hand, as an attacker would."""

import base64
import hashlib
import hmac
import json
import logging
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from server_clients import app_of, client, client_as, key_of, make_user
from vid_diffusion_bench.auth import READ_ONLY
from vid_diffusion_bench.auth.tokens import AUDIENCE, ISSUER

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("server"))


@pytest.fixture
def user(app):
    return make_user(app)


@pytest.fixture
def key(app):
    return app.state.services.auth.signing.newest()


def status(app, token):
    return client(app, Authorization=f"Bearer {token}").get("/auth/me").status_code


def claims(user, **changes):
    now = time.time()
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": user.id, "iat": now, "exp": now + 60, "jti": "0" * 32, **changes}
    return {name: value for name, value in said.items() if value is not None}


def by_hand(header, payload, secret):
    """Written out: RFC 7515 with HMAC-SHA-256, so that no library's refusal to sign stands in the way."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signature = hmac.new(secret, b".".join(parts), hashlib.sha256).digest() if secret is not None else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_token_that_is_right_is_taken(app, user, key):
    header = {"alg": "HS256", "typ": "JWT", "kid": key.id}
    assert status(app, by_hand(header, claims(user), key.secret)) == 200


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, "HS512", "hs256", 5, ["HS256"]])
def test_no_algorithm_but_the_one(app, user, key, name):
    for secret in (None, key.secret):
        assert status(app, by_hand({"alg": name, "kid": key.id}, claims(user), secret)) == 401


def test_the_signature_left_out(app, user, key):
    token = by_hand({"alg": "HS256", "kid": key.id}, claims(user), key.secret)
    head, body, signature = token.split(".")
    for forged in (
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}..{signature}",
        f"{body}.{head}.{signature}",
        "..",
        "a.b.c",
    ):
        assert status(app, forged) == 401


def test_every_bit_of_a_token_counts(app, user, key):
    token = by_hand({"alg": "HS256", "kid": key.id}, claims(user), key.secret)
    head, body, signature = token.split(".")
    for at in (0, len(signature) // 2, len(signature) - 2):
        other = "A" if signature[at] != "A" else "B"
        assert status(app, f"{head}.{body}.{signature[:at]}{other}{signature[at + 1 :]}") == 401
    admin = base64.urlsafe_b64encode(json.dumps(claims(user, sub="0" * 32)).encode()).rstrip(b"=").decode()
    assert status(app, f"{head}.{admin}.{signature}") == 401


def test_key_confusion(app, user, key):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for kid in (key.id, "rsa", None):
        assert status(app, by_hand({"alg": "HS256", "kid": kid}, claims(user), public)) == 401
        assert status(app, jwt.encode(claims(user), private, "RS256", headers={"kid": kid} if kid else {})) == 401
    for header in ({"jwk": {"kty": "oct", "k": "AA"}}, {"jku": "http://127.0.0.1:1/"}, {"x5u": "http://127.0.0.1:1/"}):
        assert status(app, by_hand({"alg": "HS256", "kid": key.id, **header}, claims(user), b"\0")) == 401


@pytest.mark.parametrize(
    "kid",
    [
        None,
        "",
        "0" * 32,
        "../../dev/null",
        "' OR 1=1 --",
        "\0",
        "a\r\nX-Evil: 1",
        "\ud800",
        1,
        True,
        ["x"],
        {"a": 1},
        "x" * 5000,
    ],
)
def test_a_kid_is_looked_up_and_nothing_else(app, user, kid):
    for secret in (b"", b"\0", b"secret"):
        answer = client(app, Authorization=f"Bearer {by_hand({'alg': 'HS256', 'kid': kid}, claims(user), secret)}").get(
            "/auth/me"
        )
        assert answer.status_code == 401
        assert "X-Evil" not in answer.headers


def test_another_servers_key_and_a_key_that_is_retired(app, user, tmp_path):
    other = app_of(tmp_path).state.services.auth
    assert status(app, other.tokens.issue(user).value) == 401
    stolen = other.signing.newest().secret
    header = {"alg": "HS256", "kid": app.state.services.auth.signing.newest().id}
    assert status(app, by_hand(header, claims(user), stolen)) == 401
    old = app.state.services.auth.tokens.issue(user).value
    admin = client_as(app)
    assert admin.post("/auth/keys/rotate").status_code == 200
    assert status(app, old) == 200
    assert admin.post("/auth/keys/rotate", json={"immediately": True}).status_code == 200
    assert status(app, old) == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"aud": "another-api"},
        {"aud": None},
        {"aud": []},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"sub": "' OR 1=1 --"},
        {"sub": "\0"},
        {"sub": 5},
        {"sub": "0" * 32},
        {"iat": None},
        {"iat": "now"},
        {"jti": None},
        {"jti": "\0"},
        {"jti": ["0" * 32]},
        {"nbf": 1e11},
    ],
    ids=str,
)
def test_what_a_token_must_say(app, user, key, wrong):
    assert status(app, by_hand({"alg": "HS256", "kid": key.id}, claims(user, **wrong), key.secret)) == 401


def test_a_payload_that_is_no_object(app, key):
    for payload in ([], "text", 5, None):
        assert status(app, by_hand({"alg": "HS256", "kid": key.id}, payload, key.secret)) == 401


def test_revoked_tokens_and_tokens_of_a_disabled_user(app):
    user = make_user(app, READ_ONLY, password=PASSWORD)
    anybody = client(app)
    login = {"username": user.username, "password": PASSWORD}
    one, other, third = (anybody.post("/auth/login", json=login).json()["access_token"] for _ in range(3))
    assert client(app, Authorization=f"Bearer {one}").post("/auth/logout").status_code == 204
    assert [status(app, token) for token in (one, other, third)] == [401, 200, 200]
    everywhere = client(app, Authorization=f"Bearer {other}").post("/auth/logout", json={"everywhere": True})
    assert everywhere.status_code == 204
    assert [status(app, token) for token in (other, third)] == [401, 401]
    fresh = anybody.post("/auth/login", json=login).json()["access_token"]
    secret = key_of(app, user)
    assert status(app, fresh) == 200
    assert client_as(app).patch(f"/auth/users/{user.id}", json={"disabled": True}).status_code == 200
    assert [status(app, token) for token in (fresh, secret)] == [401, 401]
    assert anybody.post("/auth/login", json=login).status_code == 401


def test_two_different_identities_are_none(app):
    first, second = (key_of(app, make_user(app)) for _ in range(2))
    assert client(app, Authorization=f"Bearer {first}").get("/auth/me").status_code == 200
    assert client(app, **{"Authorization": f"bearer {first}", "X-API-Key": first}).get("/auth/me").status_code == 200
    assert client(app, **{"Authorization": f"Bearer {first}", "X-API-Key": second}).get("/auth/me").status_code == 401
    twice = [("X-API-Key", first), ("X-API-Key", second)]
    assert client(app).get("/auth/me", headers=twice).status_code == 401
    token = app.state.services.auth.tokens.issue(make_user(app)).value
    assert client(app, **{"X-API-Key": token}).get("/auth/me").status_code == 401


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Token x", "Bearer ä", "x" * 9000]
)
def test_headers_that_cannot_be_read(app, value):
    answer = client(app, Authorization=value.encode()).get("/auth/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client(app, **{"X-API-Key": value.encode()}).get("/auth/me").status_code == 401


def test_old_credentials_do_not_keep_anybody_out_of_what_is_public(app):
    user = make_user(app, [], password=PASSWORD)
    old = client(app, Authorization="Bearer old", **{"X-API-Key": "older"})
    assert old.get("/health").status_code == 200
    assert old.post("/auth/login", json={"username": user.username, "password": PASSWORD}).status_code == 200


def test_ids_carry_nothing_into_headers(app):
    admin = client_as(app)
    for evil in ("%0d%0aX-Evil:%201", "%00", "..%2f..%2fetc", "'%20OR%201=1--", "é", "0" * 33):
        for answer in (admin.delete(f"/auth/api-keys/{evil}"), admin.patch(f"/auth/users/{evil}", json={})):
            assert answer.status_code in (400, 404, 422), answer.text
            assert "X-Evil" not in answer.headers
    for sent in ("a\x0bb", "a b", "x" * 65, "é"):
        answer = admin.get("/auth/me", headers={"X-Request-ID": sent.encode()})
        assert answer.headers["X-Request-ID"].startswith("req_")


def test_no_secret_is_in_the_log_at_debug(tmp_path, caplog, capfd):
    """A whole server's life with everything logged; the first key alone is on stderr, once."""
    caplog.set_level(logging.DEBUG)
    app = app_of(tmp_path)
    first = capfd.readouterr().err.split("once:")[1].split()[0]
    make_user(app, password=PASSWORD, username="ada")
    login = {"username": "ada", "password": PASSWORD}
    token = client(app).post("/auth/login", json=login).json()["access_token"]
    ada = client(app, Authorization=f"Bearer {token}")
    made = ada.post("/auth/api-keys", json={"name": "k", "permissions": ["models.read"]}).json()["api_key"]
    client(app, **{"X-API-Key": made}).get("/auth/users")
    client(app).post("/auth/login", json={"username": "ada", "password": "a wrong secret"})
    client(app).post("/auth/login", json={"username": 5, "password": ["a listed secret"]})
    client(app, Authorization=f"Bearer {token}x").get("/auth/me")
    ada.post("/auth/password", json={"current_password": PASSWORD, "new_password": "another long secret"})
    ada = client(app, **{"X-API-Key": first})
    assert ada.get("/auth/me").json()["username"] == "admin"
    shown = caplog.text + "".join(capfd.readouterr()) + ada.get("/audit?limit=1000").text
    secrets = [PASSWORD, "a wrong secret", "a listed secret", "another long secret", token, made, first]
    assert not [secret for secret in secrets if secret in shown]
    assert "key.make" in shown
