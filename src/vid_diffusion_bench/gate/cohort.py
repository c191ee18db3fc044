"""Whether two sets of samples were made by one recipe on one hardware and software, so that their costs compare."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from vid_diffusion_bench.comparison.pairs import Pair
from vid_diffusion_bench.results import Manifest, SampleRecord

SURROUNDINGS: Final = tuple(Manifest.model_fields)
"""What a manifest says; the recipe beside it: model and parameters, in which pairs agree, and the way of asking."""

_Manifests = Mapping[str, Manifest]


def cohort_differences(
    pairs: Sequence[Pair], baseline: _Manifests, candidate: _Manifests, under_test: Collection[str]
) -> list[str]:
    """What keeps the costs of ``pairs`` from being compared, each in words; nothing when they are of one cohort."""
    first = _Cohort([pair.baseline for pair in pairs], baseline)
    second = _Cohort([pair.candidate for pair in pairs], candidate)
    if problems := [*first.problems("baseline"), *second.problems("candidate")]:
        return problems
    differing = {
        name: _difference(name, first.facts[name], second.facts[name])
        for name in first.facts
        if name not in under_test and first.facts[name] != second.facts[name]
    }
    return [f"{name}: {text}" for name, text in differing.items()]


class _Cohort:
    """The surroundings of one run's samples; ``facts`` hold when there are no ``problems``."""

    def __init__(self, records: Sequence[SampleRecord], manifests: _Manifests) -> None:
        self._ids = {record.manifest for record in records}
        self._known = [manifests[name] for name in sorted(self._ids & manifests.keys())]
        asked = {_asked(record) for record in records}
        self.facts: dict[str, Any] = dict(self._known[0]) if self._known else {}
        self.facts |= {
            "batch_size": sorted({size for size, _ in asked}),
            "arrival": sorted({text for _, text in asked}),
        }

    def problems(self, side: str) -> list[str]:
        if len(self._known) < len(self._ids):
            return [f"the {side} does not say on what hardware and software it was made"]
        if len(self._known) > 1:
            return [f"the {side}'s clips were made on {len(self._known)} different machines or software versions"]
        return []


def _asked(record: SampleRecord) -> tuple[int, str]:
    """Clips of the call that made it, and how requests arrived at a served model."""
    if record.cost is None:
        return 1, ""
    serving = record.cost.serving
    return record.cost.batch_size, json.dumps(serving.process, sort_keys=True) if serving else ""


def _difference(name: str, first: Any, second: Any) -> str:
    if name != "packages":
        return f"{_text(first)} against {_text(second)}"
    differing = sorted(package for package in first.keys() | second.keys() if first.get(package) != second.get(package))
    return ", ".join(f"{one} {first.get(one, 'absent')} against {second.get(one, 'absent')}" for one in differing)


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
