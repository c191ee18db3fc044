"""What happened that matters to security: who did what, from where, and whether it went well."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, select

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import audit

Action = Literal[
    "login",
    "logout",
    "password.change",
    "user.make",
    "user.change",
    "key.make",
    "key.revoke",
    "signing_key.rotate",
    "permission",
]
Outcome = Literal["ok", "refused", "limited"]


@dataclass(frozen=True)
class Origin:
    """Where a request came from: its address, and its id in logs and errors."""

    address: str | None = None
    request_id: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True)
class AuditEntry:
    """``at`` is in seconds since 1970, UTC; ``actor`` is a user name, or what did it without one."""

    id: int
    at: float
    action: str
    outcome: str
    actor: str | None
    target: str | None
    address: str | None
    request_id: str | None
    details: dict[str, Any]

    @classmethod
    def of(cls, row: Row[tuple[object, ...]]) -> AuditEntry:
        """A row of the table."""
        return cls(**row._mapping)


class Audit:
    """The log. Rows are added and read, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        action: Action,
        outcome: Outcome = "ok",
        *,
        actor: str | None,
        target: str | None = None,
        origin: Origin = NOWHERE,
        **details: Any,
    ) -> None:
        """Write one entry. ``details`` are plain data, and never a secret.

        Raises:
            StorageError: It cannot be written.
        """
        row = {
            "at": time.time(),
            "action": action,
            "outcome": outcome,
            "actor": _plain(actor, 254),
            "target": _plain(target, 512),
            "address": _plain(origin.address, 64),
            "request_id": _plain(origin.request_id, 64),
            "details": details,
        }
        with self._database.writing() as connection:
            connection.execute(audit.insert().values(**row))

    def page(
        self, *, before: int | None = None, limit: int = 100, action: str | None = None, actor: str | None = None
    ) -> list[AuditEntry]:
        """Entries with an id below ``before``, the newest first."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        for column, value in ((audit.c.action, action), (audit.c.actor, actor)):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(audit.c.id < before)
        with self._database.reading() as connection:
            return [AuditEntry.of(row) for row in connection.execute(query)]


def _plain(text: str | None, length: int) -> str | None:
    """Cut to what the column holds, without control characters: PostgreSQL takes no NUL, a log no new line."""
    if text is None:
        return None
    return "".join(character if character.isprintable() else "?" for character in text)[:length]
