"""A token of an OAuth 2.0 provider, and what the provider says when there is none."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from vid_diffusion_bench.exceptions import AuthenticationError


@dataclass(frozen=True)
class OAuth2Token:
    """RFC 6749, section 5.1. ``expires_at`` is in seconds since 1970, ``None`` when the provider does not say."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: float | None
    expires_at: float | None
    refresh_token: str | None = field(repr=False)
    scopes: tuple[str, ...]

    def is_expired(self, margin_seconds: float = 30) -> bool:
        """Whether it ends within the margin; ``False`` when nobody knows."""
        return self.expires_at is not None and time.time() + margin_seconds >= self.expires_at

    @property
    def headers(self) -> dict[str, str]:
        """What a request with it sends."""
        return {"Authorization": f"Bearer {self.access_token}"}

    @classmethod
    def of(cls, body: dict[str, Any], asked: tuple[str, ...], refresh_token: str | None = None) -> OAuth2Token:
        """What the provider answered; a scope it leaves out is the one ``asked`` for (section 5.1).

        Raises:
            AuthenticationError: It is no bearer token.
        """
        token, kind = body.get("access_token"), body.get("token_type")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise AuthenticationError("the provider's answer holds no access_token", remedy="see that it is OAuth 2.0")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise AuthenticationError(
                "the provider's token is of another kind than bearer", details={"token_type": kind}
            )
        life = _seconds(body.get("expires_in"))
        scope, renewing = body.get("scope"), body.get("refresh_token")
        return cls(
            access_token=token,
            token_type=kind,
            expires_in=life,
            expires_at=None if life is None else time.time() + life,
            refresh_token=renewing if isinstance(renewing, str) and renewing else refresh_token,
            scopes=tuple(scope.split()) if isinstance(scope, str) else asked,
        )


def provider_error(fields: dict[str, Any], at: str) -> AuthenticationError:
    """The error that a provider names, in a redirect or an answer (RFC 6749, 4.1.2.1 and 5.2)."""
    code, description = _said(fields.get("error")), _said(fields.get("error_description"))
    more = f": {description}" if description else ""
    return AuthenticationError(
        f"the provider refused {at}: {code}{more}",
        remedy=_REMEDIES.get(code, "see what the provider says of this error"),
        details={"error": code, "error_description": description or None},
    )


_REMEDIES = {
    "access_denied": "the user said no, or may not",
    "invalid_client": "see that client_id and client_secret are those that the provider gave",
    "invalid_grant": "start again with get_authorization_url: a code is used once and soon expires",
    "invalid_scope": "ask for scopes that the provider knows",
    "redirect_uri_mismatch": "register this redirect_uri with the provider",
    "unauthorized_client": "allow this client the authorization code grant at the provider",
}


def _said(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text if character.isprintable())[:300]


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value)  # type: ignore[arg-type]  # whatever the provider sent
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None
