"""Tokens of a login: JWTs (RFC 7519) signed with HMAC-SHA-256."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import jwt
from sqlalchemy import delete, select

from vid_diffusion_bench.auth.permissions import Principal, known
from vid_diffusion_bench.auth.signing import SigningKeys
from vid_diffusion_bench.auth.user import ID, User
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import revoked_tokens, users
from vid_diffusion_bench.exceptions import AuthenticationError

ALGORITHM: Final = "HS256"
ISSUER: Final = "vid-diffusion-bench"
AUDIENCE: Final = "vid-diffusion-bench-api"
CLAIMS: Final = ["iss", "aud", "sub", "iat", "exp", "jti"]
_ID: Final = re.compile(ID)


@dataclass(frozen=True)
class Token:
    """``expires_in`` is in seconds."""

    value: str = field(repr=False)
    expires_in: int


class Tokens:
    """Signs, checks and revokes tokens."""

    def __init__(self, database: Database, signing: SigningKeys, lifetime_seconds: float) -> None:
        self._database = database
        self._signing = signing
        self.lifetime_seconds = lifetime_seconds

    def issue(self, user: User) -> Token:
        """A token of ``user``. It names them only: what they may do is looked up each time."""
        key, now = self._signing.newest(), time.time()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user.id,
            # Not rounded: a token of the second in which all older ones were ended is told from these.
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "jti": uuid4().hex,
        }
        value = jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.id})
        return Token(value, int(self.lifetime_seconds))

    def principal(self, token: str) -> Principal:
        """Whose token it is.

        Raises:
            AuthenticationError: It is not one that this server signed for its API, is expired or revoked, or its user
                is disabled.
        """
        with self._database.reading() as connection:
            key = self._signing.checking(connection, header_of(token).get("kid"))
            if key is None:
                raise refused("it is signed with a key that is not in use")
            claims = _checked(token, key.secret)
            user = connection.execute(select(users).where(users.c.id == claims["sub"])).first()
            revoked = select(revoked_tokens.c.id).where(revoked_tokens.c.id == claims["jti"])
            is_revoked = connection.execute(revoked).first() is not None
        if user is None or user.disabled or is_revoked or claims["iat"] < user.tokens_valid_after:
            raise refused("it is revoked")
        return Principal(user.id, user.username, known(user.permissions), user.tier, token_id=claims["jti"])

    def revoke(self, token_id: str) -> None:
        """Refuse one token from now on."""
        now = time.time()
        with self._database.writing() as connection:
            connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now))
            if connection.execute(select(revoked_tokens.c.id).where(revoked_tokens.c.id == token_id)).first() is None:
                row = {"id": token_id, "expires_at": now + self.lifetime_seconds}
                connection.execute(revoked_tokens.insert().values(**row))


def header_of(token: str) -> dict[str, Any]:
    """The header of a token that nobody has checked yet.

    Raises:
        AuthenticationError: It is no token.
    """
    try:
        return jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise refused("it is no JWT") from error


def _checked(token: str, secret: bytes) -> dict[str, Any]:
    options: Any = {"require": CLAIMS, "verify_iat": False}  # clocks of two machines differ
    try:
        claims = jwt.decode(token, secret, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=options)
    except jwt.ExpiredSignatureError as error:
        raise refused("it has expired") from error
    except jwt.InvalidTokenError as error:
        raise refused("its signature or what it says of itself is wrong") from error
    ids = (claims["sub"], claims["jti"])
    if not all(isinstance(one, str) and _ID.fullmatch(one) for one in ids):
        raise refused("what it says of itself is wrong")
    if not isinstance(claims["iat"], int | float):
        raise refused("what it says of itself is wrong")
    return claims


def refused(reason: str) -> AuthenticationError:
    """The error of a token that is not accepted."""
    return AuthenticationError(f"the token is not accepted: {reason}", remedy="log in again with POST /auth/login")
