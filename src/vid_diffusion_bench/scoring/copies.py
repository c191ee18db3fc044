"""Clips that are there twice, which a comparison of two sets takes for more than they are."""

from __future__ import annotations

from collections.abc import Mapping

_EXAMPLES = 3


def real_ones_warning(generated: Mapping[str, str], real: Mapping[str, str]) -> list[str]:
    """That generated clips are also in the real set; both map a clip's key to its content."""
    by_content = {content: key for key, content in sorted(real.items(), reverse=True)}
    pairs = [(key, by_content[content]) for key, content in sorted(generated.items()) if content in by_content]
    return [f"{_counted(pairs, generated)} also in the real set: {_examples(pairs)}"] if pairs else []


def copies_warning(generated: Mapping[str, str]) -> list[str]:
    """That generated clips are copies of others of them."""
    first: dict[str, str] = {}
    pairs = [
        (key, first[content]) for key, content in sorted(generated.items()) if first.setdefault(content, key) != key
    ]
    return [f"{_counted(pairs, generated)} a copy of another: {_examples(pairs)}"] if pairs else []


def _counted(pairs: list[tuple[str, str]], generated: Mapping[str, str]) -> str:
    return f"{len(pairs)} of {len(generated)} generated clips {'is' if len(pairs) == 1 else 'are'}"


def _examples(pairs: list[tuple[str, str]]) -> str:
    shown = [f"{key} = {other}" for key, other in pairs[:_EXAMPLES]]
    return ", ".join([*shown, "..."] if len(pairs) > _EXAMPLES else shown)
