"""Samples of two runs that are the same but for what is under test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.gate.result import Pairing
from vid_diffusion_bench.results import ModelResult, SampleRecord

PARAMETERS: Final = tuple(GenerationParameters.model_fields)

_Key = tuple[str, int, int]


@dataclass(frozen=True)
class Pair:
    """The same prompt and seed in both runs."""

    baseline: SampleRecord
    candidate: SampleRecord

    @property
    def cluster(self) -> str:
        """Pairs of one prompt are not independent."""
        return self.baseline.prompt_id

    @property
    def clips(self) -> int:
        return sum(has_clip(record) for record in (self.baseline, self.candidate))


def has_clip(record: SampleRecord) -> bool:
    """Whether the sample was made, whatever became of its file."""
    return record.status == "completed" and record.clip is not None


def pair_samples(
    baseline: ModelResult, candidate: ModelResult, under_test: Collection[str]
) -> tuple[list[Pair], Pairing]:
    """Pairs in the order of the baseline, and the count of everything else.

    Prompt, seed and every parameter that is not ``under_test`` must agree.
    """
    first, second = _by_key(baseline.records), _by_key(candidate.records)
    shared = [Pair(first[key], second[key]) for key in first if key in second]
    differing = [_differences(pair, under_test) for pair in shared]
    pairs = [pair for pair, differences in zip(shared, differing, strict=True) if not differences]
    lost = [pair for pair in pairs if has_clip(pair.baseline) and not has_clip(pair.candidate)]
    pairing = Pairing(
        baseline=len(first),
        candidate=len(second),
        paired=len(pairs),
        prompts=len({pair.cluster for pair in pairs}),
        only_baseline=len(first) - len(shared),
        only_candidate=len(second) - len(shared),
        other_parameters=len(shared) - len(pairs),
        differing={name: text for differences in reversed(differing) for name, text in differences.items()},
        both_clips=sum(pair.clips == 2 for pair in pairs),
        lost=len(lost),
        lost_to=dict(sorted(Counter(_failure(pair.candidate) for pair in lost).items())),
        gained=sum(pair.clips == 1 for pair in pairs) - len(lost),
        neither=sum(pair.clips == 0 for pair in pairs),
    )
    return pairs, pairing


def _by_key(records: Iterable[SampleRecord]) -> dict[_Key, SampleRecord]:
    """Records by prompt, seed and, should two share both, their order."""
    seen: Counter[tuple[str, int]] = Counter()
    found: dict[_Key, SampleRecord] = {}
    for record in records:
        name = (record.prompt, record.seed)
        found[(*name, seen[name])] = record
        seen[name] += 1
    return found


def _differences(pair: Pair, under_test: Collection[str]) -> dict[str, str]:
    first, second = pair.baseline.parameters, pair.candidate.parameters
    names = [name for name in PARAMETERS if name not in under_test and getattr(first, name) != getattr(second, name)]
    return {name: f"{_text(getattr(first, name))} against {_text(getattr(second, name))}" for name in names}


def _text(value: Any) -> str:
    return "the model's own" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _failure(record: SampleRecord) -> str:
    return record.failure.code if record.failure else "NO_CLIP"
