"""A real OAuth 2.0 provider for tests: Authlib's authorization server behind a socket of this machine.

It knows PKCE, and demands it; a user who is there agrees to everything, unless the provider is told otherwise.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request, TokenMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge

SCOPES = ("benchmark.create", "models.read")


class Client(ClientMixin):
    """One that is registered; without a secret it is public."""

    def __init__(self, client_id, client_secret, redirect_uris):
        self.client_id, self.client_secret, self.redirect_uris = client_id, client_secret, redirect_uris

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self.redirect_uris[0]

    def get_allowed_scope(self, scope):
        return " ".join(one for one in (scope or "").split() if one in SCOPES)

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret):
        return self.client_secret is not None and secrets.compare_digest(self.client_secret, client_secret)

    def check_endpoint_auth_method(self, method, endpoint):
        return method == ("none" if self.client_secret is None else "client_secret_basic")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in ("authorization_code", "refresh_token")


class Code(SimpleNamespace):
    """What belongs to a code that was given out."""

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


class Given(TokenMixin, SimpleNamespace):
    """A token that was given out."""

    def check_client(self, client):
        return client.client_id == self.client_id

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return self.expires_in

    def is_expired(self):
        return time.time() > self.at + self.expires_in

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return self.user

    def get_client(self):
        return None


class _Request(OAuth2Request):
    @property
    def form(self):
        return self.sent


class Provider(AuthorizationServer):
    """What it knows is kept in memory."""

    def __init__(self, url, expires_in=3600):
        super().__init__(scopes_supported=SCOPES)
        self.url, self.clients, self.codes, self.tokens, self.asked = url, {}, {}, [], []
        self.user = "ada"
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda *_, **__: secrets.token_urlsafe(24),
                lambda *_, **__: secrets.token_urlsafe(24),
                lambda *_: expires_in,
            ),
        )
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)

    def query_client(self, client_id):
        return self.clients.get(client_id)

    def save_token(self, token, request):
        fields = {"revoked": False, "at": time.time(), "user": request.user, "client_id": request.client.client_id}
        self.tokens.append(Given(**{**fields, **token}))

    def create_oauth2_request(self, request):
        made = _Request(request.method, request.uri, headers=request.headers)
        made.payload = BasicOAuth2Payload(request.fields)
        made.sent = request.form
        return made

    def handle_response(self, status, body, headers):
        return status, json.dumps(body) if isinstance(body, dict) else body or "", headers

    def agreed(self, request):
        try:
            grant = self.get_authorization_grant(self.create_oauth2_request(request))
        except OAuth2Error as error:
            return self.handle_response(*error())
        return self.create_authorization_response(request, grant_user=self.user, grant=grant)

    def send_signal(self, name, *args, **kwargs):
        pass


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic")

    def save_authorization_code(self, code, request):
        data = request.payload.data
        self.server.codes[code] = Code(
            code=code,
            client_id=request.client.client_id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            user=request.user,
            code_challenge=data.get("code_challenge"),
            code_challenge_method=data.get("code_challenge_method"),
        )
        return code

    def query_authorization_code(self, code, client):
        found = self.server.codes.get(code)
        return found if found and found.client_id == client.client_id else None

    def delete_authorization_code(self, authorization_code):
        del self.server.codes[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        found = [one for one in self.server.tokens if getattr(one, "refresh_token", None) == refresh_token]
        return found[0] if found and not found[0].revoked else None

    def authenticate_user(self, refresh_token):
        return refresh_token.user

    def revoke_old_credential(self, refresh_token):
        refresh_token.revoked = True


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer("GET", b"")

    def do_POST(self):
        self._answer("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, method, body):
        provider = self.server.provider
        parts, form = urlsplit(self.path), dict(parse_qsl(body.decode()))
        request = SimpleNamespace(
            method=method,
            uri=provider.url + self.path,
            headers=self.headers,
            form=form,
            fields={**dict(parse_qsl(parts.query)), **form},
        )
        provider.asked.append(request)
        if parts.path == "/authorize":
            status, text, headers = provider.agreed(request)
        else:
            status, text, headers = provider.create_token_response(request)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def provider(**options):
    """A provider that runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.provider = Provider(f"http://127.0.0.1:{server.server_port}", **options)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.provider
        finally:
            server.shutdown()
            thread.join()
