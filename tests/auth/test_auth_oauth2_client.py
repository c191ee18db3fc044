"""``OAuth2Client`` against a real authorization server, over a socket."""

import base64
import hashlib
import http.server
import json
import logging
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from oauth2_provider import Client, provider
from vid_diffusion_bench.auth import OAuth2Client
from vid_diffusion_bench.auth import oauth2_logins as logins
from vid_diffusion_bench.exceptions import AuthenticationError, ValidationError

BACK = "http://localhost:8080/callback"
SECRET = "s3cret:with %/& signs"


@pytest.fixture
def running(monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # Authlib takes http to this machine only when told
    with provider() as found:
        found.clients["id: 1"] = Client("id: 1", SECRET, [BACK, BACK + "?tenant=1"])
        found.clients["public"] = Client("public", None, [BACK])
        yield found


def client_of(running, client_id="id: 1", secret=SECRET, **more):
    return OAuth2Client(
        client_id=client_id,
        client_secret=secret,
        authorization_url=f"{running.url}/authorize",
        token_url=f"{running.url}/token",
        **more,
    )


def logged_in(url):
    """Where the provider sends who agrees."""
    answer = httpx2.get(url, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def query(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_printed_example(running):
    oauth_client = client_of(running)
    auth_url = oauth_client.get_authorization_url(redirect_uri=BACK, scopes=["benchmark.create", "models.read"])
    code = query(logged_in(auth_url))["code"]
    token = oauth_client.exchange_code_for_token(code=code, redirect_uri=BACK)
    assert token.access_token == running.tokens[0].access_token
    assert (token.token_type, token.expires_in, token.scopes) == ("Bearer", 3600, ("benchmark.create", "models.read"))
    assert token.expires_at == pytest.approx(time.time() + 3600, abs=60)
    assert not token.is_expired()
    assert token.is_expired(4000)
    assert token.headers == {"Authorization": f"Bearer {token.access_token}"}


def test_a_callback_is_exchanged_by_its_whole_address(running):
    client = client_of(running)
    urls = [client.get_authorization_url(redirect_uri=uri) for uri in (BACK, BACK, BACK + "?tenant=1")]
    back = [logged_in(url) for url in urls]
    assert [client.exchange_callback(url).access_token for url in reversed(back)] == [
        given.access_token for given in running.tokens
    ]


def test_a_public_client_sends_its_id_and_no_secret(running):
    client = client_of(running, "public", None)
    assert client.exchange_callback(logged_in(client.get_authorization_url(redirect_uri=BACK))).access_token
    assert running.asked[-1].form["client_id"] == "public"
    assert "Authorization" not in running.asked[-1].headers


def test_challenge_and_state_are_new_each_time_and_the_challenge_is_of_the_verifier(running):
    client = client_of(running)
    first, second = (query(client.get_authorization_url(redirect_uri=BACK)) for _ in range(2))
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]
    assert min(len(first["state"]), len(first["code_challenge"])) >= 43
    assert first["code_challenge_method"] == "S256"
    client.exchange_callback(f"{logged_in(client.get_authorization_url(redirect_uri=BACK))}")
    verifier = running.asked[-1].form["code_verifier"]
    assert 43 <= len(verifier) <= 128
    assert query(running.asked[-2].uri)["code_challenge"] == create_s256_code_challenge(verifier)
    assert create_s256_code_challenge(verifier).encode() == base64.urlsafe_b64encode(
        hashlib.sha256(verifier.encode()).digest()
    ).rstrip(b"=")


def test_a_code_of_somebody_elses_login_is_refused_by_pkce(running):
    attacker, victim = client_of(running), client_of(running)
    stolen = query(logged_in(attacker.get_authorization_url(redirect_uri=BACK)))["code"]
    victim.get_authorization_url(redirect_uri=BACK)
    with pytest.raises(AuthenticationError, match="invalid_grant"):
        victim.exchange_code_for_token(code=stolen, redirect_uri=BACK)
    assert running.tokens == []


def test_a_forged_state_reaches_no_provider(running):
    client = client_of(running)
    back = logged_in(client.get_authorization_url(redirect_uri=BACK))
    asked = len(running.asked)
    for url in (
        back.replace("state=", "state=x"),
        back.split("&state=")[0],
        back + "&state=twice",
        back.replace("/callback", "/elsewhere"),
        back.replace("localhost", "evil.example"),
        "http://[",
        "",
    ):
        with pytest.raises(AuthenticationError):
            client.exchange_callback(url)
    assert len(running.asked) == asked
    assert client.exchange_callback(back).access_token


def test_a_login_is_used_once_and_ends(running, monkeypatch):
    client = client_of(running)
    back = logged_in(client.get_authorization_url(redirect_uri=BACK))
    assert client.exchange_callback(back)
    with pytest.raises(AuthenticationError, match="not started here"):
        client.exchange_callback(back)
    late = logged_in(client.get_authorization_url(redirect_uri=BACK))
    now = time.monotonic()
    monkeypatch.setattr(logins.time, "monotonic", lambda: now + logins.PENDING_SECONDS + 1)
    with pytest.raises(AuthenticationError, match="took too long"):
        client.exchange_callback(late)


def test_without_a_state_only_one_login_can_be_meant(running):
    client = client_of(running)
    first = query(logged_in(client.get_authorization_url(redirect_uri=BACK)))
    client.get_authorization_url(redirect_uri=BACK)
    with pytest.raises(AuthenticationError, match="several"):
        client.exchange_code_for_token(code=first["code"], redirect_uri=BACK)
    assert client.exchange_code_for_token(code=first["code"], redirect_uri=BACK, state=first["state"])


def test_logins_that_nobody_ends_are_forgotten(running, monkeypatch):
    monkeypatch.setattr(logins, "MAX_PENDING", 3)
    client = client_of(running)
    states = [query(client.get_authorization_url(redirect_uri=BACK))["state"] for _ in range(5)]
    assert list(client._logins._by_state) == states[2:]


def test_the_provider_says_no(running):
    running.user = None
    client = client_of(running)
    back = logged_in(client.get_authorization_url(redirect_uri=BACK))
    with pytest.raises(AuthenticationError, match="refused the login: access_denied") as refused:
        client.exchange_callback(back)
    assert refused.value.details["error"] == "access_denied"
    assert "said no" in refused.value.remedy


def test_a_scope_that_the_provider_does_not_know(running):
    client = client_of(running)
    back = logged_in(client.get_authorization_url(redirect_uri=BACK, scopes=["nonesuch"]))
    with pytest.raises(AuthenticationError, match="invalid_scope"):
        client.exchange_callback(back)


def test_a_wrong_secret(running):
    client = client_of(running, secret="wrong")
    back = logged_in(client.get_authorization_url(redirect_uri=BACK))
    with pytest.raises(AuthenticationError, match="invalid_client") as refused:
        client.exchange_callback(back)
    assert "client_secret" in refused.value.remedy
    assert "wrong" not in json.dumps(refused.value.to_dict())


def test_refresh(running):
    client = client_of(running)
    url = client.get_authorization_url(redirect_uri=BACK, scopes=["models.read"])
    old = client.exchange_callback(logged_in(url))
    new = client.refresh(old)
    assert new.access_token == running.tokens[-1].access_token != old.access_token
    assert new.scopes == ("models.read",)
    with pytest.raises(AuthenticationError, match="invalid_grant"):
        client.refresh(old)


def test_another_providers_callback(running):
    client = client_of(running, issuer="https://provider.example")
    back = logged_in(client.get_authorization_url(redirect_uri=BACK))
    with pytest.raises(AuthenticationError, match="another provider"):
        client.exchange_callback(back + "&iss=https%3A%2F%2Fother.example")
    assert client.exchange_callback(back + "&iss=https%3A%2F%2Fprovider.example")


@contextmanager
def answering(status, body, headers=()):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"<html>oops", "answered 500"),
        (200, b"[]", "answered 200 without a token"),
        (200, b"{}", "no access_token"),
        (200, b'{"access_token": "a\\r\\nX: 1", "token_type": "bearer"}', "no access_token"),
        (200, b'{"access_token": "a", "token_type": "mac"}', "another kind than bearer"),
        (200, b'{"access_token": "a"}', "another kind than bearer"),
        (400, b'{"error": "invalid_grant", "error_description": "old\\u001b[31m"}', r"invalid_grant: old\[31m"),
        (302, b"", "answered 302"),
    ],
)
def test_answers_that_are_no_token(status, body, says):
    with answering(status, body, [("Location", "http://127.0.0.1:1/")]) as url:
        client = OAuth2Client("a", "b", authorization_url=url, token_url=url)
        client.get_authorization_url(redirect_uri=BACK)
        with pytest.raises(AuthenticationError, match=says):
            client.exchange_code_for_token(code="c", redirect_uri=BACK)


@pytest.mark.parametrize(("life", "expected"), [(b'"60"', 60), (b"null", None), (b"-1", None), (b'"soon"', None)])
def test_a_life_that_is_none_is_not_invented(life, expected):
    with answering(200, b'{"access_token": "a", "token_type": "BEARER", "expires_in": ' + life + b"}") as url:
        client = OAuth2Client("a", "b", authorization_url=url, token_url=url)
        client.get_authorization_url(redirect_uri=BACK, scopes=["s"])
        token = client.exchange_code_for_token(code="c", redirect_uri=BACK)
    assert (token.expires_in, token.scopes, token.refresh_token) == (expected, ("s",), None)
    assert not token.is_expired()
    with pytest.raises(AuthenticationError, match="without a refresh token"):
        client.refresh(token)


def test_a_provider_that_is_away():
    with answering(200, b"") as url:
        pass
    client = OAuth2Client("a", "b", authorization_url=url, token_url=url, timeout=1)
    client.get_authorization_url(redirect_uri=BACK)
    with pytest.raises(AuthenticationError, match="cannot be reached"):
        client.exchange_code_for_token(code="c", redirect_uri=BACK)


@pytest.mark.parametrize(
    "url", ["http://auth.example.com/t", "ftp://h/t", "https://", "", "https://h/t#f", "https://h\n"]
)
def test_urls_that_would_give_secrets_away(url):
    for urls in (
        {"authorization_url": url, "token_url": "https://h/t"},
        {"authorization_url": "https://h/a", "token_url": url},
    ):
        with pytest.raises(ValidationError):
            OAuth2Client("a", "b", **urls)


@pytest.mark.parametrize(
    ("redirect_uri", "scopes"),
    [("/callback", []), ("javascript:alert(1)", []), (BACK + "#x", []), (BACK, ["a b"]), (BACK, [""]), (BACK, "a")],
)
def test_what_cannot_be_asked_for(redirect_uri, scopes):
    client = OAuth2Client("a", "b", authorization_url="https://h/a?x=1", token_url="https://h/t")
    with pytest.raises(ValidationError):
        client.get_authorization_url(redirect_uri=redirect_uri, scopes=scopes)
    assert client.get_authorization_url(redirect_uri=BACK).startswith("https://h/a?x=1&response_type=code&")


def test_no_secret_is_shown_or_logged(running, caplog):
    caplog.set_level(logging.DEBUG)
    client = client_of(running)
    url = client.get_authorization_url(redirect_uri=BACK, scopes=["models.read"])
    token = client.refresh(client.exchange_callback(logged_in(url)))
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("authlib"))
    assert "/token" in ours
    shown = repr(token) + repr(client) + repr(vars(client._logins)) + ours
    for secret in (token.access_token, token.refresh_token, SECRET, running.asked[1].form["code_verifier"]):
        assert secret not in shown
