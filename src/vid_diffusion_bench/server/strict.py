"""What a request may consist of: one rule for paths, queries, bodies, forms and messages of WebSockets.

A database keeps no NUL and no lone surrogate, nobody can send back an infinite number, and what is nested a thousand
deep ends whoever walks it. So they are refused here, before anybody has seen them.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request

from vid_diffusion_bench.exceptions import ValidationError

DEEPEST: Final = 32
"""Values within each other."""
MOST_VALUES: Final = 20_000
"""Of one JSON text, names among them; each can become an error of its own, and those are larger than it is."""
VALUES_A_PROMPT: Final = 4
"""That a body may have beyond those for each prompt that a benchmark may have."""
_AT_ONCE: Final = 1 << 16
"""Bytes that are parsed where others wait."""


def check_text(text: str, where: str) -> None:
    """That a text of a request can be kept and sent back.

    Raises:
        ValidationError: It holds NUL or half of a surrogate pair.
    """
    try:
        text.encode()
        sound = "\0" not in text
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise ValidationError(f"the {where} holds NUL or a lone surrogate, which no text has", remedy="leave it out")


def parse_json(text: bytes | str, most: int = MOST_VALUES) -> Any:
    """JSON as RFC 8259 has it: UTF-8, no NaN, no number beyond those of IEEE 754, no second value for a name.

    Args:
        text: The whole of it.
        most: Values and names that it may have.

    Raises:
        json.JSONDecodeError: It is none.
        ValidationError: It is, but too deep, of too many values, or of texts that cannot be kept.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        found = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("this is not UTF-8", "", error.start) from error
    except ValueError as error:
        raise json.JSONDecodeError("a number has too many digits", "", 0) from error
    except RecursionError as error:
        raise _too_deep() from error
    _check(found, most)
    return found


def _check(found: Any, most: int) -> None:
    level, seen = [found], 1
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                check_text(value, "body")
            elif isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, list):
                below += value
        seen += len(below)
        if seen > most:
            raise ValidationError(f"the body has more than {most:,} values", remedy="send it in parts")
        if not below:
            return
        level = below
    raise _too_deep()


def _too_deep() -> ValidationError:
    return ValidationError(f"the body is nested deeper than {DEEPEST} levels", remedy="flatten it")


def _refuse(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no number of JSON", name, 0)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise json.JSONDecodeError("a number is larger than any that can be kept", "", 0)
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError("a name is given twice", "", 0)
    return found


class _HasSettings(Protocol):
    max_prompts: int


class StrictRequest(Request):
    """A request whose body is read by these rules."""

    async def json(self) -> Any:
        """See :func:`parse_json`."""
        if not hasattr(self, "_json"):
            body = await self.body()
            settings: _HasSettings = self.app.state.services.settings
            most = MOST_VALUES + VALUES_A_PROMPT * settings.max_prompts
            if len(body) > _AT_ONCE:
                self._json = await run_in_threadpool(parse_json, body, most)
            else:
                self._json = parse_json(body, most)
        return self._json

    async def _get_form(self, **limits: Any) -> FormData:
        form = await super()._get_form(**limits)
        for name, value in form.multi_items():
            for text in (name, value if isinstance(value, str) else value.filename or ""):
                check_text(text, "form")
        return form
