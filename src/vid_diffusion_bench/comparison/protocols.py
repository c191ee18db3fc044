"""Whether two results were measured alike, and if not, which fields of their protocols differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vid_diffusion_bench.results import MetricResult

_LONGEST = 60
_ABSENT = "absent"


def protocol_differences(first: MetricResult, second: MetricResult) -> dict[str, str]:
    """Fields of the protocols that differ, by dotted path, with both values in words; empty when they are alike."""
    if first.protocol_fingerprint == second.protocol_fingerprint:
        return {}
    return dict(_differing(first.protocol, second.protocol, ""))


def _differing(first: Mapping[str, Any], second: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name, _ABSENT), second.get(name, _ABSENT)
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(one, other, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", f"{_text(one)} against {_text(other)}"


def _text(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
