"""One file over HTTP, into a part file that a later call goes on with."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from vid_diffusion_bench.exceptions import WeightsNotFoundError

TIMEOUT_SECONDS = 30
_CHUNK = 1 << 20
_NO_ANSWER = (TimeoutError, http.client.HTTPException, urllib.error.URLError, ConnectionError)
_PAGE = re.compile(rb"\s*<(!doctype|html)", re.IGNORECASE)


def download(url: str, part: Path, progress: Callable[[int, int | None], None], *, resume: bool) -> None:
    """Read ``url`` into ``part``, whole.

    Args:
        url: Of the file itself.
        part: Kept when the connection breaks off.
        progress: Told the bytes there are, and all bytes where the server says how many.
        resume: Go on after the bytes that ``part`` holds, where the server can.

    Raises:
        WeightsNotFoundError: The server cannot be reached, has no such file, sends a web page instead, or breaks off.
    """
    if not resume:
        part.unlink(missing_ok=True)
    start = part.stat().st_size if part.exists() else 0
    try:
        with _open(url, start) as response:
            _read(response, url, part, start if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0, progress)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise WeightsNotFoundError(f"{url} answered {error.code} {error.reason}") from error
        # There are no bytes after ours: whether the file is the right one, its hash tells.
        if error.headers.get("Content-Range", "").rpartition("/")[2] != str(start):
            download(url, part, progress, resume=False)
    except _NO_ANSWER as error:
        raise _unreadable(url, error) from error


def read_text(url: str) -> str:
    """What a small page says.

    Raises:
        WeightsNotFoundError: The server cannot be reached, or has no such page.
    """
    try:
        with _open(url) as response:
            return response.read(_CHUNK).decode(errors="replace")
    except urllib.error.HTTPError as error:
        raise WeightsNotFoundError(f"{url} answered {error.code} {error.reason}") from error
    except _NO_ANSWER as error:
        raise _unreadable(url, error) from error


def _unreadable(url: str, error: Exception) -> WeightsNotFoundError:
    return WeightsNotFoundError(f"{url} cannot be read: {getattr(error, 'reason', None) or error}")


def _open(url: str, start: int = 0) -> http.client.HTTPResponse:
    headers = {"User-Agent": "vid-diffusion-bench", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - addresses are the catalogue's, all https
    response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
    return response


def _read(
    response: http.client.HTTPResponse,
    url: str,
    part: Path,
    start: int,
    progress: Callable[[int, int | None], None],
) -> None:
    length = response.headers.get("Content-Length")
    total = start + int(length) if length else None
    with part.open("ab" if start else "wb") as file:
        done = _copy(response, file, start, total, progress)
    if not start and _is_page(part):
        part.unlink()
        raise WeightsNotFoundError(f"{url} gave a web page instead of the file")
    if total is not None and done < total:
        raise WeightsNotFoundError(f"{url} broke off after {done} of {total} bytes; the same command goes on there")


def _copy(
    response: http.client.HTTPResponse,
    file: BinaryIO,
    done: int,
    total: int | None,
    progress: Callable[[int, int | None], None],
) -> int:
    progress(done, total)
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        progress(done, total)
    return done


def _is_page(part: Path) -> bool:
    with part.open("rb") as file:
        return bool(_PAGE.match(file.read(256)))
