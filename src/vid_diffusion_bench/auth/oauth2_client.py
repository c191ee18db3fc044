"""A client of any OAuth 2.0 provider: authorization code with PKCE (RFC 6749, 7636 and 9700)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from vid_diffusion_bench.auth.oauth2_logins import Login, Logins
from vid_diffusion_bench.auth.oauth2_token import OAuth2Token, provider_error
from vid_diffusion_bench.auth.urls import is_safe_url, parsed
from vid_diffusion_bench.exceptions import AuthenticationError, ValidationError

if TYPE_CHECKING:
    import httpx2

MAX_BYTES: Final = 1 << 20


class OAuth2Client:
    """Sends people to a provider and turns the code that they come back with into a token.

    Each address that :meth:`get_authorization_url` gives has a ``state`` and a PKCE challenge of its own; the client
    keeps what belongs to them for ten minutes and lets each be used once. Safe for many threads.

    Args:
        client_id: Who the application is at the provider.
        client_secret: Its secret; ``None`` for a public client, which PKCE alone protects.
        authorization_url: Where people log in.
        token_url: Where codes become tokens.
        timeout: Seconds for an answer of the provider.
        issuer: The provider's name of itself; when given, a callback that says another is refused (RFC 9207).

    Raises:
        ValidationError: A URL is not https (http is taken to this machine itself), or ``client_id`` is empty.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str | None = None,
        *,
        authorization_url: str,
        token_url: str,
        timeout: float = 10.0,
        issuer: str | None = None,
    ) -> None:
        for name, url in (("authorization_url", authorization_url), ("token_url", token_url)):
            if not is_safe_url(url) or "#" in url:
                raise ValidationError(f"{name} is no https URL", remedy="write https://HOST/PATH, without a fragment")
        if not client_id:
            raise ValidationError("client_id is empty", remedy="the provider gives it")
        self.client_id = client_id
        self._client_secret = client_secret
        self.authorization_url = authorization_url
        self.token_url = token_url
        self.timeout = timeout
        self.issuer = issuer
        self._logins = Logins()

    def get_authorization_url(self, *, redirect_uri: str, scopes: Sequence[str] = ()) -> str:
        """Where to send somebody, so that they log in and come back to ``redirect_uri`` with a code.

        Raises:
            ValidationError: ``redirect_uri`` is no absolute http(s) URL, or a scope cannot be one.
        """
        _check(redirect_uri, scopes)
        state, login = secrets.token_urlsafe(32), Login(redirect_uri, tuple(scopes), secrets.token_urlsafe(64))
        self._logins.add(state, login)
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": login.challenge,
            "code_challenge_method": "S256",
        }
        if scopes:
            query["scope"] = " ".join(scopes)
        return self.authorization_url + ("&" if "?" in self.authorization_url else "?") + urlencode(query)

    def exchange_code_for_token(self, *, code: str, redirect_uri: str, state: str | None = None) -> OAuth2Token:
        """The token of a code.

        Pass the ``state`` of the callback, or use :meth:`exchange_callback`: without it the code is taken to belong to
        the only login to ``redirect_uri`` that is under way, and a forged callback cannot be told from a true one
        except by PKCE.

        Raises:
            AuthenticationError: The state is unknown, used or too old; several logins are under way and no state says
                which; the provider refuses the code or cannot be reached.
        """
        login = self._logins.take(state, redirect_uri)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": login.verifier,
        }
        return OAuth2Token.of(self._post(form, "the code"), login.scopes)

    def exchange_callback(self, url: str) -> OAuth2Token:
        """The token of somebody who came back to ``url``, the whole address with its query.

        Raises:
            AuthenticationError: The provider says in it that it refused; the state is not one that was given out or
                that belongs to this address; the issuer is another; and as of :meth:`exchange_code_for_token`.
        """
        parts = parsed(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True) if parts else []
        fields = dict(pairs)
        if parts is None or len(fields) < len(pairs):
            raise AuthenticationError("the callback's address cannot be read", remedy="pass it as it was called")
        redirect_uri = self._logins.redirect_uri(fields.get("state"))
        registered = parsed(redirect_uri)
        assert registered is not None
        if (parts.scheme, parts.netloc, parts.path) != (registered.scheme, registered.netloc, registered.path):
            raise AuthenticationError("the callback came to another address than it was to", remedy="start again")
        if self.issuer is not None and fields.get("iss", self.issuer) != self.issuer:
            raise AuthenticationError("the callback is of another provider", remedy="start again")
        if "error" in fields:
            self._logins.take(fields["state"], redirect_uri)
            raise provider_error(fields, "the login")
        if not fields.get("code"):
            raise AuthenticationError("the callback holds no code", remedy="pass the address as it was called")
        return self.exchange_code_for_token(code=fields["code"], redirect_uri=redirect_uri, state=fields["state"])

    def refresh(self, token: OAuth2Token) -> OAuth2Token:
        """A new token for one that has expired, without asking anybody.

        Raises:
            AuthenticationError: It came without a refresh token; the provider refuses it or cannot be reached.
        """
        if token.refresh_token is None:
            raise AuthenticationError("the token came without a refresh token", remedy="log in again")
        form = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
        return OAuth2Token.of(self._post(form, "the refresh"), token.scopes, token.refresh_token)

    def _post(self, form: dict[str, str], what: str) -> dict[str, Any]:
        import httpx2

        headers = {"Accept": "application/json"}
        if self._client_secret is None:
            form = {**form, "client_id": self.client_id}
        else:
            headers["Authorization"] = _basic(self.client_id, self._client_secret)
        try:
            answer = httpx2.post(
                self.token_url, data=form, headers=headers, timeout=self.timeout, follow_redirects=False
            )
        except httpx2.HTTPError as error:
            raise AuthenticationError(
                f"the provider cannot be reached: {type(error).__name__}",
                remedy=f"see that {self.token_url} is right and works",
            ) from error
        return _body(answer, what)


def _body(answer: httpx2.Response, what: str) -> dict[str, Any]:
    try:
        body = answer.json() if len(answer.content) <= MAX_BYTES else None
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        raise provider_error(body, what)
    if answer.status_code != 200 or not isinstance(body, dict):
        raise AuthenticationError(
            f"the provider answered {answer.status_code} without a token",
            remedy="see that token_url is the provider's token endpoint",
            details={"status": answer.status_code},
        )
    return body


def _basic(client_id: str, client_secret: str) -> str:
    # Both are form-encoded first (RFC 6749, section 2.3.1), a space as %20: some providers do not read + as one.
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _check(redirect_uri: str, scopes: Sequence[str]) -> None:
    parts = parsed(redirect_uri)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "#" in redirect_uri:
        raise ValidationError("redirect_uri is no absolute http(s) URL", remedy="write it as it is registered")
    if isinstance(scopes, str):
        raise ValidationError("scopes is a text", remedy="give a list of scopes")
    for scope in scopes:
        # RFC 6749, appendix A.4.
        if not scope or any(not "!" <= character <= "~" or character in '"\\' for character in scope):
            raise ValidationError(f"{scope!r} is no scope", remedy="give a list of scopes, none with spaces in it")
