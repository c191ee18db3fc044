"""API keys: shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from vid_diffusion_bench.auth.permissions import Permission, Principal, Tier, in_order, known, lower
from vid_diffusion_bench.auth.remembered import Remembered
from vid_diffusion_bench.auth.user import User
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import api_keys, users
from vid_diffusion_bench.exceptions import AuthenticationError, NotFoundError, StorageError, ValidationError

logger = logging.getLogger(__name__)
MARK: Final = "vdb_"
SHOWN: Final = len(MARK) + 8
"""Characters of a key that stay visible, to tell keys apart; the other 35 hold 210 bits."""
_KEY: Final = re.compile(re.escape(MARK) + r"[A-Za-z0-9_-]{43}")
USED_SECONDS: Final = 60
"""How often, at most, a key's last use is written."""


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key. Times are seconds since 1970, UTC; ``prefix`` is its beginning."""

    id: str
    user_id: str
    name: str
    prefix: str
    permissions: frozenset[Permission]
    tier: Tier
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None

    @classmethod
    def of(cls, row: Row[tuple[object, ...]]) -> ApiKey:
        """A row of the table."""
        values = {name: row._mapping[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "permissions": known(values["permissions"])})


_FOUND = (
    select(
        api_keys.c.id,
        api_keys.c.permissions,
        api_keys.c.tier,
        api_keys.c.expires_at,
        api_keys.c.revoked_at,
        api_keys.c.last_used_at,
        users.c.id.label("user_id"),
        users.c.username,
        users.c.permissions.label("user_permissions"),
        users.c.tier.label("user_tier"),
        users.c.disabled,
    )
    .join_from(api_keys, users)
    .where(api_keys.c.secret_sha256 == bindparam("sha256"))
)


@dataclass(frozen=True)
class _Found:
    """A key that holds, as it was read."""

    principal: Principal
    expires_at: float | None
    last_used_at: float | None

    def is_stale(self, now: float) -> bool:
        """Whether its use is to be written down."""
        return self.last_used_at is None or abs(now - self.last_used_at) > USED_SECONDS


class ApiKeys:
    """Makes, finds and revokes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: Remembered[_Found] = Remembered(database.version)

    def make(
        self,
        user: User,
        name: str,
        permissions: Iterable[Permission],
        *,
        tier: Tier | None = None,
        expires_at: float | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key of ``user``, and what it is: nobody can see that again.

        Raises:
            ValidationError: It would allow more than its user may, has a higher tier, or has expired already.
        """
        wanted = frozenset(permissions)
        if more := in_order(wanted - user.permissions):
            raise ValidationError(f"{user.username} may not {', '.join(more)}", remedy="leave these permissions out")
        if tier is not None and lower(tier, user.tier) != tier:
            raise ValidationError(f"{user.username} has the tier {user.tier}", remedy=f"use {user.tier} or a lower one")
        if expires_at is not None and expires_at <= time.time():
            raise ValidationError("the key would have expired already", remedy="choose a time to come")
        row, secret = new_key(user.id, name, wanted, tier=tier or user.tier, expires_at=expires_at)
        with self._database.writing() as connection:
            connection.execute(api_keys.insert().values(**row))
        return self.get(row["id"]), secret

    def get(self, key_id: str) -> ApiKey:
        """One key.

        Raises:
            NotFoundError: There is none of that id.
        """
        with self._database.reading() as connection:
            return _one(connection, key_id)

    def find(self, id_or_prefix: str) -> ApiKey:
        """One key, by its id or by what is shown of it.

        Raises:
            NotFoundError: There is none, or there are several.
        """
        either = or_(api_keys.c.id == id_or_prefix, api_keys.c.prefix == id_or_prefix)
        with self._database.reading() as connection:
            rows = connection.execute(select(api_keys).where(either).limit(2)).all()
        if len(rows) != 1:
            raise NotFoundError(f"there is no one API key {id_or_prefix}")
        return ApiKey.of(rows[0])

    def all(self, user_id: str | None = None, *, limit: int = 1000) -> list[ApiKey]:
        """Keys of one user, or of all; the newest first."""
        query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id).limit(limit)
        if user_id is not None:
            query = query.where(api_keys.c.user_id == user_id)
        with self._database.reading() as connection:
            return [ApiKey.of(row) for row in connection.execute(query)]

    def revoke(self, key_id: str) -> ApiKey:
        """Refuse it from now on; one that is revoked keeps the time at which it was.

        Raises:
            NotFoundError: There is none of that id.
        """
        of_it = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        with self._database.writing() as connection:
            connection.execute(update(api_keys).where(of_it).values(revoked_at=time.time()))
            return _one(connection, key_id)

    def principal(self, secret: str) -> Principal:
        """Whose key this is, with the permissions that both the key and its user have now.

        Raises:
            AuthenticationError: It is nobody's, revoked, expired, or its user is disabled.
        """
        if not _KEY.fullmatch(secret):
            raise _refused("this is no API key")
        sha256, version = _sha256(secret), self._database.version()
        with self._database.reading() as connection:
            row = connection.execute(_FOUND, {"sha256": sha256}).first()
        now = time.time()
        if row is None:
            raise _refused("nobody has this API key")
        if row.revoked_at is not None or row.disabled:
            raise _refused("this API key is revoked")
        if row.expires_at is not None and row.expires_at <= now:
            raise _refused("this API key has expired")
        both = known(row.permissions) & known(row.user_permissions)
        principal = Principal(row.user_id, row.username, both, lower(row.tier, row.user_tier), key_id=row.id)
        found = _Found(principal, row.expires_at, row.last_used_at)
        if found.is_stale(now):
            self._used(row.id, now)
        else:
            self._found.keep(sha256, found, version)
        return principal

    def remembered(self, secret: str) -> Principal | None:
        """As :meth:`principal`, when it is known without asking the database, which nobody has written to since.

        Never waits and never refuses: ``None`` says that :meth:`principal` is to be asked.
        """
        found = self._found.get(_sha256(secret))
        now = time.time()
        if found is None or found.is_stale(now) or (found.expires_at is not None and found.expires_at <= now):
            return None
        return found.principal

    def _used(self, key_id: str, now: float) -> None:
        seen = api_keys.c.last_used_at
        stale = or_(seen.is_(None), seen < now - USED_SECONDS, seen > now + USED_SECONDS)
        try:
            with self._database.writing() as connection:
                used = update(api_keys).where(api_keys.c.id == key_id, stale)
                connection.execute(used.values(last_used_at=now))
        except StorageError as error:
            # A full disk takes nothing from who only reads.
            logger.warning("the last use of key %s is not written: %s", key_id, error.message)


def new_key(
    user_id: str, name: str, permissions: Iterable[Permission], *, tier: Tier, expires_at: float | None = None
) -> tuple[dict[str, Any], str]:
    """A row of a new key, and the key."""
    secret = MARK + secrets.token_urlsafe(32)
    row = {
        "id": uuid4().hex,
        "user_id": user_id,
        "name": name,
        "prefix": secret[:SHOWN],
        "secret_sha256": _sha256(secret),
        "permissions": in_order(permissions),
        "tier": tier,
        "created_at": time.time(),
        "expires_at": expires_at,
    }
    return row, secret


def _sha256(secret: str) -> str:
    # 256 random bits need no slow hash: nobody can try them all.
    return hashlib.sha256(secret.encode()).hexdigest()


def _one(connection: Connection, key_id: str) -> ApiKey:
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFoundError(f"there is no API key {key_id}")
    return ApiKey.of(row)


def _refused(message: str) -> AuthenticationError:
    return AuthenticationError(message, remedy="make one with POST /auth/api-keys or `vid-bench auth keys make`")
