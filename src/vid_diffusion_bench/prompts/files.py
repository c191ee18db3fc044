"""Prompt files: text with one prompt a line, a JSON list, or CSV with a ``prompt`` column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from vid_diffusion_bench.exceptions import InvalidPromptError, ValidationError
from vid_diffusion_bench.prompts.check import check_prompt

Located = tuple[str, object, object]
"""Where in the file, the prompt, and its image or ``None``."""

FORMATS = "one prompt a line (.txt), a list of strings (.json) or a `prompt` column (.csv)"


def read_prompts(path: Path | str) -> list[str]:
    """The prompts of a file, in order; repeats are kept once, because a repeat would be the same clip.

    ``.txt`` (and any other suffix): one a line; blank lines and lines that start with ``#`` are skipped.
    ``.json``: a list of strings, or of objects with a ``prompt``. ``.csv``: the column called ``prompt``.

    Raises:
        ValidationError: The file is missing, is not UTF-8, or has another shape than its suffix says.
        InvalidPromptError: A prompt is empty, too long or not text; the message names the file and the line.
    """
    return list(read_prompts_and_images(path)[0])


def read_prompts_and_images(path: Path | str) -> tuple[list[str], dict[str, str]]:
    """As :func:`read_prompts`, and the image that each prompt starts from where the file names one.

    It is in the column, or under the name, ``image``; a relative path is relative to the file.

    Raises:
        ValidationError: Also when one prompt has two images.
        InvalidPromptError: As for :func:`read_prompts`.
    """
    path = Path(path)
    readers = {".json": _from_json, ".csv": _from_csv}
    located = list(readers.get(path.suffix.lower(), _from_text)(_text(path), path.name))
    if not located:
        raise InvalidPromptError(f"{path} holds no prompts", remedy=f"write {FORMATS}")
    images: dict[str, str] = {}
    for number, (where, prompt, image) in enumerate(located, 1):
        check_prompt(prompt, number, where=f"{path.name}, {where}")
        file = None if image is None else _beside(path, image, where)
        if file is not None and images.setdefault(str(prompt), file) != file:
            raise ValidationError(f"{path.name}, {where}: this prompt has another image above", remedy="word it anew")
    return list(dict.fromkeys(str(prompt) for _, prompt, _ in located)), images


def _beside(path: Path, image: object, where: str) -> str:
    if not isinstance(image, str):
        raise ValidationError(f"{path.name}, {where}: the image is not the path of a file", remedy='"image": "a.png"')
    return str(path.parent / Path(image).expanduser())


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


def _from_text(text: str, _name: str) -> Iterator[Located]:
    for number, line in enumerate(text.split("\n"), 1):
        prompt = line.strip()
        if prompt and not prompt.startswith("#"):
            yield f"line {number}", prompt, None


def _from_json(text: str, name: str) -> Iterator[Located]:
    try:
        entries = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        at = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValidationError(f"{name}{at} is not JSON: {error}", remedy='write ["a prompt", "another"]') from error
    if not isinstance(entries, list):
        raise ValidationError(f"{name} holds no list", remedy='write ["a prompt", "another"]')
    for number, entry in enumerate(entries, 1):
        fields = entry if isinstance(entry, dict) else {"prompt": entry}
        yield f"entry {number}", fields.get("prompt"), fields.get("image")


def _from_csv(text: str, name: str) -> Iterator[Located]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "prompt" not in (rows.fieldnames or ()):
        raise ValidationError(
            f"{name}, line 1 has no column `prompt`", remedy=f"columns are {', '.join(rows.fieldnames or ['(none)'])}"
        )
    try:
        for row in rows:
            yield f"line {rows.line_num}", (row["prompt"] or "").strip(), (row.get("image") or "").strip() or None
    except csv.Error as error:
        raise ValidationError(f"{name}, line {rows.line_num} is not CSV: {error}") from error
