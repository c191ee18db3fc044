"""Two pieces of plain data beside each other, leaf by leaf."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from vid_diffusion_bench.disclosure.verification import DIFFERS, EXACT, WITHIN, Difference, Outcome

_NOTHING: Final = object()
_SHOWN: Final = 200


@dataclass
class Comparison:
    """What was compared so far: leaves, how many were equal, the largest relative difference, what differs."""

    n: int = 0
    equal: int = 0
    largest: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        return DIFFERS if self.differences else EXACT if self.equal == self.n else WITHIN

    def number(self, what: str, stated: Any, found: Any, tolerance: float = 0.0, scale: float = 0.0) -> None:
        """Compare two leaves; numbers may be ``tolerance`` apart, relative to the larger of them and ``scale``."""
        self.n += 1
        if _same(stated, found):
            self.equal += 1
            return
        apart = _relative(stated, found, scale) if _is_number(stated) and _is_number(found) else None
        if apart is not None and apart <= tolerance:
            self.largest = max(self.largest, apart)
        else:
            self.differences.append(Difference(what=what, stated=shown(stated), found=shown(found)))

    def tree(self, what: str, stated: Any, found: Any, tolerance: float = 0.0, scale: float = 0.0) -> None:
        """Compare every leaf of two trees; one that is missing on a side differs."""
        first, second = dict(leaves(stated)), dict(leaves(found))
        for path in dict.fromkeys([*first, *second]):
            name = f"{what}{': ' if what and path else ''}{path}"
            self.number(name, first.get(path, _NOTHING), second.get(path, _NOTHING), tolerance, scale)


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in nested mappings and lists; an empty one is a leaf."""
    if isinstance(data, dict) and data:
        for name, value in data.items():
            yield from leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(data, list | tuple) and data:
        for index, value in enumerate(data):
            yield from leaves(value, f"{path}[{index}]")
    else:
        yield path, list(data) if isinstance(data, tuple) else data


def shown(value: Any) -> str | int | float | None:
    """A leaf as a difference holds it: short, and nothing that JSON cannot hold."""
    if value is _NOTHING:
        return "(nothing)"
    if value is None or (_is_number(value) and abs(value) <= sys.float_info.max):
        number: int | float | None = value
        return number
    text = f"an integer of {value.bit_length()} bits" if isinstance(value, int) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(stated: Any, found: Any) -> bool:
    return bool(type(stated) is type(found) or (_is_number(stated) and _is_number(found))) and bool(stated == found)


def _relative(stated: float, found: float, scale: float) -> float:
    try:
        return abs(stated - found) / max(abs(stated), abs(found), scale)
    except OverflowError:
        return math.inf
