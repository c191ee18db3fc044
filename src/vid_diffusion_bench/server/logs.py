"""Logs: a JSON object a line, or short plain lines on a terminal. :func:`configure` sets them up, no import does."""

from __future__ import annotations

import json
import logging
import re
import sys
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
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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


class PlainLines(logging.Formatter):
    """The same for people: the local time, the level where it is not ``info``, the message, and the traceback.

    No character of a message can steer the terminal or begin another line.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = {"request_id": request_id.get(), **getattr(record, "fields", {})}
        words = [record.getMessage() if record.name != REQUESTS else _request(fields)]
        words += [f"({fields['request_id']})"] if record.levelno > logging.INFO and fields["request_id"] else []
        level = f"{record.levelname.lower()}: " if record.levelno != logging.INFO else ""
        lines = [f"{self.formatTime(record, '%H:%M:%S')} {level}{' '.join(words)}"]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        return "\n".join(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", hidden(line)) for line in lines)


def _request(fields: dict[str, Any]) -> str:
    return f"{fields['method']} {fields['route'] or '(no route)'}: {fields['status']} in {fields['duration_ms']:.0f} ms"


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send this process's logs to ``stream``, by default standard error, as its kind of file asks."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainLines() if stream.isatty() else JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if stream.isatty():
        logging.getLogger("uvicorn").setLevel(logging.WARNING)  # whose steps of starting and ending say nothing new
