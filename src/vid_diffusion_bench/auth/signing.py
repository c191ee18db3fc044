"""The keys that tokens are signed with, and their rotation."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, or_, select, update

from vid_diffusion_bench.auth.user import ID
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import signing_keys

SECRET_BYTES: Final = 64
"""The block of SHA-256: more would be hashed down (RFC 2104)."""
_KID: Final = re.compile(ID)


@dataclass(frozen=True)
class SigningKey:
    """``id`` is the ``kid`` of the tokens that it signs; it checks none from ``retired_at`` on."""

    id: str
    created_at: float
    retired_at: float | None
    secret: bytes = field(repr=False)


class SigningKeys:
    """The signing keys of a server: all its processes share them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> SigningKey:
        """The one that signs; made when there is none."""
        with self._database.reading() as connection:
            found = _newest(connection)
        if found is None:
            with self._database.exclusive() as connection:
                found = _newest(connection) or _made(connection)
        return found

    def checking(self, connection: Connection, kid: object) -> SigningKey | None:
        """The one that may check a token with this ``kid``; ``None`` when it is unknown or retired."""
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            return None
        row = connection.execute(select(signing_keys).where(signing_keys.c.id == kid, _in_use())).first()
        return SigningKey(**row._mapping) if row else None

    def rotate(self, keep_seconds: float) -> SigningKey:
        """Sign with a new key from now on; the old ones check tokens for ``keep_seconds`` more, 0 for not at all."""
        until = time.time() + keep_seconds
        with self._database.exclusive() as connection:
            sooner = or_(signing_keys.c.retired_at.is_(None), signing_keys.c.retired_at > until)
            connection.execute(update(signing_keys).where(sooner).values(retired_at=until))
            return _made(connection)


def _in_use() -> ColumnElement[bool]:
    return or_(signing_keys.c.retired_at.is_(None), signing_keys.c.retired_at > time.time())


def _newest(connection: Connection) -> SigningKey | None:
    row = connection.execute(select(signing_keys).where(signing_keys.c.retired_at.is_(None)).limit(1)).first()
    return SigningKey(**row._mapping) if row else None


def _made(connection: Connection) -> SigningKey:
    made = SigningKey(uuid4().hex, time.time(), None, secrets.token_bytes(SECRET_BYTES))
    connection.execute(signing_keys.insert().values(**vars(made)))
    return made
