"""What all bodies have in common."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from vid_diffusion_bench.results import iso


class Body(BaseModel):
    """A body of an answer."""

    model_config = ConfigDict(protected_namespaces=())


class Question(BaseModel):
    """A body of a request: nothing that is not known, no number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=(), str_max_length=100_000)


Moment = Annotated[float, PlainSerializer(iso, return_type=str, when_used="json")]
"""Seconds since 1970, sent as ISO 8601."""


def _date(value: Any) -> Any:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        raise ValueError("a moment is written as in 2027-01-01T00:00:00Z")
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("this is true or false")
    return value


When = Annotated[AwareDatetime, BeforeValidator(_date)]
"""A moment that a client sends: ISO 8601 with a time zone, and not the number that pydantic would take as well."""
Flag = Annotated[bool, BeforeValidator(_flag)]
"""``true`` or ``false`` in a query or form; in JSON it is pydantic's ``StrictBool``."""
