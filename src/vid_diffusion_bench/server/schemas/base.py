"""What all bodies have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer


class Body(BaseModel):
    """A body of an answer."""

    model_config = ConfigDict(protected_namespaces=())


class Question(BaseModel):
    """A body of a request: nothing that is not known, no number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=(), str_max_length=100_000)


def iso(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601, UTC, with ``Z``."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[float, PlainSerializer(iso, return_type=str, when_used="json")]
"""Seconds since 1970, sent as ISO 8601."""
