"""Tokens of an OpenID Connect issuer: a real one's keys, over a socket."""

import http.server
import json
import threading
import time
from contextlib import contextmanager

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vid_diffusion_bench.auth import READ_ONLY
from vid_diffusion_bench.auth.authentication import Auth, AuthSettings
from vid_diffusion_bench.exceptions import AuthenticationError, ServerOverloadedError, ValidationError

AUDIENCE = "the-bench"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def public(key, kid):
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


@contextmanager
def serving():
    """An issuer; ``pages`` by path can be changed while it runs, ``asked`` are the paths it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            page = self.server.pages.get(self.path)
            self.send_response(302 if self.path in self.server.moved else 200 if page is not None else 404)
            if self.path in self.server.moved:
                self.send_header("Location", self.server.moved[self.path])
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        server.asked, server.moved = [], {}
        described = {"issuer": server.url, "jwks_uri": f"{server.url}/keys"}
        octets = {"kty": "oct", "k": "c2VjcmV0LXRoYXQtaXMtcHVibGlzaGVkLWJ5LW1pc3Rha2U", "kid": "oct", "alg": "HS256"}
        keys = {"keys": [public(RSA, "rsa"), public(EC, "ec"), octets]}
        server.pages = {"/.well-known/openid-configuration": described, "/keys": keys}
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def issuer():
    with serving() as found:
        yield found


@pytest.fixture
def auth(database, issuer, cheap_passwords):
    return Auth(database, AuthSettings(oidc_issuer=issuer.url, oidc_audience=AUDIENCE))


def token(issuer, key=RSA, kid="rsa", algorithm="RS256", **changes):
    now = int(time.time())
    said = {"iss": issuer.url, "aud": [AUDIENCE, "x"], "sub": "248289761001", "iat": now, "exp": now + 60, **changes}
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key, algorithm, headers={"kid": kid} if kid else {})


def came(auth, text):
    return auth.authenticate(f"Bearer {text}", None)


@pytest.mark.parametrize(("key", "kid", "algorithm"), [(RSA, "rsa", "RS256"), (EC, "ec", "ES256")])
def test_somebody_new_may_read_only(auth, issuer, key, kid, algorithm):
    first = came(auth, token(issuer, key, kid, algorithm))
    assert first.permissions == frozenset(READ_ONLY)
    assert "audit.read" not in first.permissions
    assert came(auth, token(issuer, key, kid, algorithm)) == first
    user = auth.users.get(first.user_id)
    assert (user.issuer, user.subject, user.tier, user.has_password) == (issuer.url, "248289761001", "standard", False)
    assert came(auth, token(issuer, sub="another")).user_id != first.user_id
    assert [entry.action for entry in auth.audit.page()] == ["user.make", "user.make"]
    auth.users.change(first.user_id, permissions=["benchmark.create"])
    assert came(auth, token(issuer)).permissions == {"benchmark.create"}


def test_many_first_requests_at_once_make_one_user(auth, issuer):
    sent, ready, found = token(issuer), threading.Barrier(6), []

    def come():
        ready.wait()
        found.append(came(auth, sent).user_id)

    threads = [threading.Thread(target=come) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 6
    assert len(set(found)) == 1


def test_keys_are_fetched_once(auth, issuer):
    for _ in range(5):
        came(auth, token(issuer))
    for kid in ("x", "y", "z"):
        with pytest.raises(AuthenticationError):
            came(auth, token(issuer, kid=kid))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"], "unknown ids do not make us a hammer"


def test_a_key_that_the_issuer_adds_is_found(auth, issuer, monkeypatch):
    came(auth, token(issuer))
    issuer.pages["/keys"] = {"keys": [public(OTHER_RSA, "new")]}
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert came(auth, token(issuer, OTHER_RSA, "new"))
    with pytest.raises(AuthenticationError):
        came(auth, token(issuer))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"nbf": 10**11},
    ],
    ids=str,
)
def test_what_a_token_must_say(auth, issuer, changes):
    with pytest.raises(AuthenticationError):
        came(auth, token(issuer, **changes))
    assert [user.username for user in auth.users.all()] == ["owner"]


def test_signatures_that_are_not_the_issuers(auth, issuer):
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, body, signature = token(issuer).split(".")
    none = jwt.encode({"alg": "none"}, None, "none").split(".")[0]
    public_secret = b"secret-that-is-published-by-mistake"
    attempts = [
        token(issuer, OTHER_RSA),
        token(issuer, EC, "rsa", "ES256"),
        token(issuer, kid=None),
        token(issuer, kid="ec"),
        token(issuer, kid="../keys"),
        token(issuer, algorithm="PS256"),
        token(issuer, algorithm="RS512"),
        token(issuer, public_secret, "oct", "HS256"),
        token(issuer, public_secret, "oct", "HS512"),
        f"{header}.{body}.",
        f"{none}.{body}.",
        f"{header}.{body}.{signature[::-1]}",
    ]
    import base64
    import hashlib
    import hmac

    confused = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa"}').rstrip(b"=").decode()
    mac = hmac.new(pem, f"{confused}.{body}".encode(), hashlib.sha256).digest()
    attempts.append(f"{confused}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")
    for sent in attempts:
        with pytest.raises(AuthenticationError):
            came(auth, sent)


def test_a_disabled_user_and_ended_tokens(auth, issuer):
    old = token(issuer, iat=time.time() - 5)
    user = came(auth, old)
    auth.users.end_tokens(user.user_id)
    with pytest.raises(AuthenticationError, match="revoked"):
        came(auth, old)
    assert came(auth, token(issuer, iat=time.time() + 1))
    auth.users.change(user.user_id, disabled=True)
    with pytest.raises(AuthenticationError, match="revoked"):
        came(auth, token(issuer, iat=time.time() + 5))


def test_own_tokens_still_work_and_an_issuer_that_is_away_is_no_refusal(auth, issuer):
    issuer.pages.clear()
    own = auth.tokens.issue(auth.users.make("ada", READ_ONLY)).value
    assert came(auth, own).username == "ada"
    with pytest.raises(ServerOverloadedError) as away:
        came(auth, token(issuer))
    assert away.value.retry_after > 0


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example", "jwks_uri": "{url}/keys"},
        {"issuer": "{url}", "jwks_uri": "http://keys.example/"},
        {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "{url}"},
        [],
    ],
    ids=str,
)
def test_a_description_that_cannot_be_trusted(auth, issuer, described):
    page = json.loads(json.dumps(described).replace("{url}", issuer.url))
    issuer.pages["/.well-known/openid-configuration"] = page
    with pytest.raises(ServerOverloadedError):
        came(auth, token(issuer))
    assert issuer.asked == ["/.well-known/openid-configuration"]


def test_redirects_are_not_followed(auth, issuer):
    for path in ("/.well-known/openid-configuration", "/keys"):
        issuer.pages[path + "2"] = issuer.pages[path]
        issuer.moved = {path: issuer.url + path + "2"}
        with pytest.raises(ServerOverloadedError):
            came(auth, token(issuer))
    assert issuer.asked[-1] == "/keys"


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": "https://a.example"},
        {"oidc_audience": "a"},
        {"oidc_issuer": "http://a.example", "oidc_audience": "a"},
        {"oidc_issuer": "file:///a", "oidc_audience": "a"},
    ],
)
def test_settings_that_make_no_issuer(database, cheap_passwords, settings):
    with pytest.raises(ValidationError):
        Auth(database, AuthSettings(**settings))


def test_without_an_issuer_its_tokens_are_refused(database, issuer, cheap_passwords):
    with pytest.raises(AuthenticationError, match="HS256"):
        came(Auth(database, AuthSettings()), token(issuer))
    assert issuer.asked == []
