"""Who asks: the one place where a token or a key becomes a :class:`Principal`."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from vid_diffusion_bench.auth.audit import NOWHERE, Audit, Origin
from vid_diffusion_bench.auth.brute_force import LoginLimiter
from vid_diffusion_bench.auth.keys import MARK, ApiKeys
from vid_diffusion_bench.auth.oidc import OidcIssuer
from vid_diffusion_bench.auth.passwords import Passwords
from vid_diffusion_bench.auth.permissions import Principal, in_order
from vid_diffusion_bench.auth.signing import SigningKey, SigningKeys
from vid_diffusion_bench.auth.tokens import ALGORITHM, Token, Tokens, header_of, refused
from vid_diffusion_bench.auth.user import USERNAME, User
from vid_diffusion_bench.auth.users import Users
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.exceptions import AuthenticationError, RateLimitExceededError

_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_USERNAME: Final = re.compile(USERNAME)
_HOW: Final = "send Authorization: Bearer TOKEN, or X-API-Key: KEY"


@dataclass(frozen=True)
class AuthSettings:
    """What whoever runs the server says about it; see ``ServerSettings``."""

    token_minutes: float = 60
    rate_limit_storage: str = "memory://"
    oidc_issuer: str | None = None
    oidc_audience: str | None = None


class Auth:
    """Users, keys and tokens of one database.

    Raises:
        ValidationError: Only one of ``oidc_issuer`` and ``oidc_audience`` is set, or the issuer is no https URL.
    """

    def __init__(self, database: Database, settings: AuthSettings) -> None:
        self.passwords = Passwords()
        self.users = Users(database, self.passwords)
        self.keys = ApiKeys(database)
        self.signing = SigningKeys(database)
        self.tokens = Tokens(database, self.signing, settings.token_minutes * 60)
        self.audit = Audit(database)
        self.logins = LoginLimiter(settings.rate_limit_storage)
        self.oidc = OidcIssuer.configured(settings.oidc_issuer, settings.oidc_audience)

    def authenticate(
        self, authorization: str | None, api_key: str | None, *, origin: Origin = NOWHERE
    ) -> Principal | None:
        """Who sends these headers, ``Authorization`` and ``X-API-Key``; ``None`` when there is neither.

        Raises:
            AuthenticationError: They are not those of anybody, or not of one.
            StorageError: The database cannot be reached.
            ServerOverloadedError: The OIDC issuer cannot be reached.
        """
        bearer = _bearer(authorization)
        if bearer is not None and api_key is not None and not hmac.compare_digest(bearer.encode(), _ascii(api_key)):
            raise AuthenticationError("Authorization and X-API-Key are given and differ", remedy="send one of them")
        if api_key is not None:
            return self.keys.principal(api_key)
        if bearer is None:
            return None
        if bearer.startswith(MARK):
            return self.keys.principal(bearer)
        return self._of_token(bearer, origin)

    def remembered(self, authorization: str | None, api_key: str | None) -> Principal | None:
        """As :meth:`authenticate`, for an API key that is known without asking the database: never waits or refuses.

        ``None`` says nothing about who asks.
        """
        secret = api_key if authorization is None else None
        return self.keys.remembered(secret) if secret is not None else None

    def login(self, username: str, password: str, origin: Origin = NOWHERE) -> tuple[User, Token]:
        """A token for who knows the password.

        Raises:
            AuthenticationError: The name or the password is wrong, which of them is not said.
            RateLimitExceededError: There were too many attempts.
            StorageError: The database, or the store of rate limits, cannot be reached.
        """
        self._count(username, origin)
        # What cannot be a name goes the same way, as one that nobody has.
        user = self.users.matching(username if _USERNAME.fullmatch(username) else "", password)
        if user is None:
            # The name is written down only if it is somebody's: people type passwords into the field of the name.
            self.audit.add("login", "refused", actor=self._known(username), origin=origin)
            raise AuthenticationError("the user name or the password is wrong", remedy="see that both are right")
        self.logins.passed(username)
        token = self.tokens.issue(user)
        self.audit.add("login", actor=user.username, origin=origin)
        return user, token

    def check_own_password(self, principal: Principal, password: str, origin: Origin) -> None:
        """Whether somebody who has come knows their password, counted like a login.

        Raises:
            AuthenticationError: It is not theirs.
            RateLimitExceededError: There were too many attempts.
        """
        self._count(principal.username, origin)
        if self.users.matching(principal.username, password) is None:
            self.audit.add("password.change", "refused", actor=principal.username, origin=origin)
            raise AuthenticationError("the password is wrong", remedy="send the one that is in use now")
        self.logins.passed(principal.username)

    def rotate(self, *, immediately: bool, actor: str, origin: Origin = NOWHERE) -> SigningKey:
        """A new signing key; the old ones check tokens until the last one signed with them has expired, or not at all.

        Raises:
            StorageError: The database cannot be reached.
        """
        made = self.signing.rotate(0 if immediately else self.tokens.lifetime_seconds)
        self.audit.add("signing_key.rotate", actor=actor, target=made.id, origin=origin, immediately=immediately)
        return made

    def _of_token(self, token: str, origin: Origin) -> Principal:
        # The algorithm chooses who checks; each checker takes its own algorithms only.
        if header_of(token).get("alg") == ALGORITHM:
            return self.tokens.principal(token)
        if self.oidc is None:
            raise refused(f"it is not signed with {ALGORITHM}")
        subject, issued_at = self.oidc.subject(token)
        user, is_new = self.users.of_issuer(self.oidc.issuer, subject)
        if is_new:
            permissions = in_order(user.permissions)
            self.audit.add("user.make", actor="oidc", target=user.username, origin=origin, permissions=permissions)
        if user.disabled or issued_at < user.tokens_valid_after:
            raise refused("it is revoked")
        return Principal(user.id, user.username, user.permissions, user.tier)

    def _count(self, username: str, origin: Origin) -> None:
        try:
            self.logins.attempt(username, origin.address)
        except RateLimitExceededError:
            if self.logins.is_news(username, origin.address):
                self.audit.add("login", "limited", actor=self._known(username), origin=origin)
            raise

    def _known(self, username: str) -> str | None:
        if not _USERNAME.fullmatch(username):
            return None
        return self.users.name_if_known(username)


def _bearer(authorization: str | None) -> str | None:
    if authorization is None:
        return None
    found = _BEARER.fullmatch(authorization.strip())
    if found is None:
        raise AuthenticationError("the Authorization header cannot be read", remedy=_HOW)
    return found[1]


def _ascii(text: str) -> bytes:
    return text.encode("utf-8", "replace")
