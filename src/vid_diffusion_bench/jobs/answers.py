"""Answers to requests that may come twice: kept in the transaction of what they did."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import answers
from vid_diffusion_bench.exceptions import ConflictError

KEPT_SECONDS = 24 * 3600
"""How long a key is remembered."""


@dataclass(frozen=True)
class Once:
    """A request of ``user_id`` that is to have its effect once, by the ``key`` that the client chose for it."""

    user_id: str
    key: str
    request_sha256: str

    @classmethod
    def of(cls, user_id: str, key: str, request: Any) -> Once:
        """``request`` is what was asked, as plain data."""
        text = json.dumps(request, sort_keys=True, ensure_ascii=True)
        return cls(user_id, key, hashlib.sha256(text.encode()).hexdigest())

    def answered(self, database: Database) -> dict[str, Any] | None:
        """What was answered before.

        Raises:
            ConflictError: The key was used for another request.
        """
        c = answers.c
        of_it = (c.user_id == self.user_id, c.idempotency_key == self.key, c.created_at >= time.time() - KEPT_SECONDS)
        with database.reading() as connection:
            row = connection.execute(select(answers).where(*of_it)).mappings().first()
        if row is None:
            return None
        if row["request_sha256"] != self.request_sha256:
            raise ConflictError(
                "this Idempotency-Key was used for another request", remedy="use a new key for a new request"
            )
        return dict(json.loads(row["body"]))

    def keep(self, connection: Connection, answer: dict[str, Any]) -> None:
        """Keep the answer, and forget those of everybody that are too old. Of two at once the second fails here, and
        with it everything it did."""
        connection.execute(delete(answers).where(answers.c.created_at < time.time() - KEPT_SECONDS))
        row = {
            "user_id": self.user_id,
            "idempotency_key": self.key,
            "request_sha256": self.request_sha256,
            "body": json.dumps(answer),
            "created_at": time.time(),
        }
        connection.execute(answers.insert().values(**row))
