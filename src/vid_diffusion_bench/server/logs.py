"""Logs as one JSON object a line. Nothing is set up at import: :func:`configure` does it."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from typing import Any, Final, TextIO

from vid_diffusion_bench.results import iso

REQUESTS: Final = "vid_diffusion_bench.requests"
"""The logger of the line that every request leaves."""
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered: every line that is logged on its way has it."""
_SECRETS: Final = re.compile(
    r"vdb_[A-Za-z0-9_-]{8,}"  # API keys
    r"|eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"  # JWTs (RFC 7519)
    r"|(?<=://)[^/\s:@\"]*:[^/\s@\"]+(?=@)"  # USER:PASSWORD of a URL
    r"|(?<=[?&])[^\s\"#]*"  # what comes after ? in a URL
)
HIDDEN: Final = "[hidden]"


class JsonLines(logging.Formatter):
    """``at``, ``level``, ``logger``, ``message``, ``request_id`` within a request, what the record has as ``fields``,
    and the traceback of an error.

    Nothing that logs here logs secrets; should one come in a message of somebody else's, it is hidden.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hidden(record.getMessage()),
            **({"request_id": asked} if (asked := request_id.get()) else {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = hidden(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def hidden(text: str) -> str:
    """``text`` without keys, tokens, passwords and queries of URLs."""
    return _SECRETS.sub(HIDDEN, text)


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Make this process's logs :class:`JsonLines` on ``stream``, by default standard error."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
