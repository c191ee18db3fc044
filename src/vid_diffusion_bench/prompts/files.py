"""Prompt files: text with one prompt a line, a JSON list, or CSV with a ``prompt`` column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from vid_diffusion_bench.exceptions import InvalidPromptError, ValidationError
from vid_diffusion_bench.prompts.check import check_prompt

FORMATS = "one prompt a line (.txt), a list of strings (.json) or a `prompt` column (.csv)"


def read_prompts(path: Path | str) -> list[str]:
    """The prompts of a file, in order; repeats are kept once, because a repeat would be the same clip.

    ``.txt`` (and any other suffix): one a line; blank lines and lines that start with ``#`` are skipped.
    ``.json``: a list of strings, or of objects with a ``prompt``. ``.csv``: the column called ``prompt``.

    Raises:
        ValidationError: The file is missing, is not UTF-8, or has another shape than its suffix says.
        InvalidPromptError: A prompt is empty, too long or not text; the message names the file and the line.
    """
    path = Path(path)
    readers = {".json": _from_json, ".csv": _from_csv}
    located = list(readers.get(path.suffix.lower(), _from_text)(_text(path), path.name))
    if not located:
        raise InvalidPromptError(f"{path} holds no prompts", remedy=f"write {FORMATS}")
    for number, (where, prompt) in enumerate(located, 1):
        check_prompt(prompt, number, where=f"{path.name}, {where}")
    return list(dict.fromkeys(str(prompt) for _, prompt in located))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValidationError(
            f"prompts cannot be read from {path}: {error.strerror or error}", remedy=f"give a file: {FORMATS}"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValidationError(f"{path.name}, line {line} is not UTF-8 text", remedy="save the file as UTF-8") from error


def _from_text(text: str, _name: str) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.split("\n"), 1):
        prompt = line.strip()
        if prompt and not prompt.startswith("#"):
            yield f"line {number}", prompt


def _from_json(text: str, name: str) -> Iterator[tuple[str, object]]:
    try:
        entries = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        at = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValidationError(f"{name}{at} is not JSON: {error}", remedy='write ["a prompt", "another"]') from error
    if not isinstance(entries, list):
        raise ValidationError(f"{name} holds no list", remedy='write ["a prompt", "another"]')
    for number, entry in enumerate(entries, 1):
        prompt = entry.get("prompt") if isinstance(entry, dict) else entry
        yield f"entry {number}", prompt


def _from_csv(text: str, name: str) -> Iterator[tuple[str, object]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "prompt" not in (rows.fieldnames or ()):
        raise ValidationError(
            f"{name}, line 1 has no column `prompt`", remedy=f"columns are {', '.join(rows.fieldnames or ['(none)'])}"
        )
    try:
        for row in rows:
            yield f"line {rows.line_num}", (row["prompt"] or "").strip()
    except csv.Error as error:
        raise ValidationError(f"{name}, line {rows.line_num} is not CSV: {error}") from error
