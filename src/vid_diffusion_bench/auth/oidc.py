"""Tokens of an OpenID Connect issuer that the server is told to trust."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from typing import Any, Final

import jwt

from vid_diffusion_bench.auth.tokens import header_of, refused
from vid_diffusion_bench.auth.urls import is_safe_url
from vid_diffusion_bench.exceptions import ServerOverloadedError, ValidationError

logger = logging.getLogger(__name__)
ALGORITHMS: Final = ("RS256", "ES256")
TIMEOUT_SECONDS: Final = 5
MAX_BYTES: Final = 1 << 20
RETRY_SECONDS: Final = 5
MAX_SUBJECT: Final = 255
"""Characters, by section 2 of OpenID Connect Core 1.0."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A description that is somewhere else is not that of the issuer."""

    def redirect_request(self, *_: Any) -> None:
        return None


class OidcIssuer:
    """An issuer: its keys are found by OpenID Connect Discovery 1.0 and kept for five minutes.

    Only tokens that are signed with an asymmetric key of the issuer, name it exactly, and name ``audience``, are
    taken. An unknown key id makes the keys be fetched again, at most every 30 s.

    Raises:
        ValidationError: ``issuer`` is no https URL (http is taken on this machine itself).
    """

    def __init__(self, issuer: str, audience: str) -> None:
        if not is_safe_url(issuer):
            raise ValidationError("VIDBENCH_OIDC_ISSUER is no https URL", remedy="write it as the issuer spells it")
        self.issuer = issuer
        self.audience = audience
        self._lock = threading.Lock()
        self._keys: jwt.PyJWKClient | None = None

    @classmethod
    def configured(cls, issuer: str | None, audience: str | None) -> OidcIssuer | None:
        """As the settings say; ``None`` when they name no issuer.

        Raises:
            ValidationError: One is named without the other.
        """
        if issuer is None and audience is None:
            return None
        if not issuer or not audience:
            raise ValidationError(
                "an OIDC issuer needs an audience, and the other way round",
                remedy="set both VIDBENCH_OIDC_ISSUER and VIDBENCH_OIDC_AUDIENCE",
            )
        return cls(issuer, audience)

    def subject(self, token: str) -> tuple[str, float]:
        """Whom the token is about, and when it was issued (seconds since 1970).

        Raises:
            AuthenticationError: The issuer did not sign it for this audience, or it has expired.
            ServerOverloadedError: The issuer cannot be reached, and its keys are not known.
        """
        header = header_of(token)
        kid, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            raise refused(f"it is not signed with {' or '.join(ALGORITHMS)} and a key id")
        claims = self._checked(token, self._key(kid))
        subject = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise refused("its subject is none")
        return subject, float(claims["iat"])

    def _checked(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        options: Any = {"require": ["iss", "aud", "sub", "iat", "exp"], "verify_iat": False}
        try:
            claims = jwt.decode(
                token, key, algorithms=list(ALGORITHMS), audience=self.audience, issuer=self.issuer, options=options
            )
        except jwt.ExpiredSignatureError as error:
            raise refused("it has expired") from error
        except jwt.InvalidTokenError as error:
            raise refused("its signature, issuer or audience is wrong") from error
        if not isinstance(claims["iat"], int | float) or not isinstance(claims["sub"], str):
            raise refused("what it says of itself is wrong")
        return claims

    def _key(self, kid: str) -> jwt.PyJWK:
        try:
            return self._client().get_signing_key(kid)
        except jwt.PyJWKClientConnectionError as error:
            raise self._away(error) from error
        except (jwt.PyJWKClientError, jwt.PyJWKSetError, ValueError) as error:
            raise refused("its issuer does not publish its key") from error

    def _client(self) -> jwt.PyJWKClient:
        with self._lock:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(self._jwks_uri(), timeout=TIMEOUT_SECONDS)
            return self._keys

    def _jwks_uri(self) -> str:
        """From the issuer's own description, which must name the very issuer (section 4.3 of Discovery)."""
        url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            with urllib.request.build_opener(_NoRedirect()).open(url, timeout=TIMEOUT_SECONDS) as reply:
                found = json.loads(reply.read(MAX_BYTES))
        except (OSError, ValueError) as error:
            raise self._away(error) from error
        uri = found.get("jwks_uri") if isinstance(found, dict) and found.get("issuer") == self.issuer else None
        if not isinstance(uri, str) or not is_safe_url(uri):
            raise self._away(ValueError("its description names another issuer, or no place of its keys"))
        return uri

    def _away(self, error: Exception) -> ServerOverloadedError:
        logger.error("the OIDC issuer %s cannot be used: %s", self.issuer, error)
        return ServerOverloadedError("the OIDC issuer cannot be asked for its keys", retry_after=RETRY_SECONDS)
