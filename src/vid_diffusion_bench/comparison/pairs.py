"""Samples of two runs that are the same but for what is under test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.results import ModelResult, SampleRecord, Value

PARAMETERS: Final = tuple(GenerationParameters.model_fields)
SEED: Final = "seed"

_Key = tuple[str, int, int]


class Pairing(Value):
    """How the samples found each other: counts.

    ``paired`` have the same prompt, seed and parameters in both runs; ``other_parameters`` only the first two, and
    ``differing`` says which parameters. Of the paired, ``both_clips`` have two clips; ``lost`` only the baseline's
    (``lost_to``: failure code to count), ``gained`` only the candidate's, ``neither`` none.
    """

    baseline: int
    candidate: int
    paired: int = 0
    prompts: int = 0
    only_baseline: int = 0
    only_candidate: int = 0
    other_parameters: int = 0
    differing: dict[str, str] = Field(default_factory=dict)
    both_clips: int = 0
    lost: int = 0
    lost_to: dict[str, int] = Field(default_factory=dict)
    gained: int = 0
    neither: int = 0


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

    Prompt, seed and every parameter that is not ``under_test`` must agree. With :data:`SEED` under test, the samples
    of a prompt are paired in their order.
    """
    by_seed = SEED not in under_test
    first, second = _by_key(baseline.records, by_seed=by_seed), _by_key(candidate.records, by_seed=by_seed)
    shared = [Pair(first[key], second[key]) for key in first if key in second]
    differing = [
        parameter_differences(pair, [name for name in PARAMETERS if name not in under_test]) for pair in shared
    ]
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


def _by_key(records: Iterable[SampleRecord], *, by_seed: bool) -> dict[_Key, SampleRecord]:
    """Records by prompt, seed and, should two share both, their order."""
    seen: Counter[tuple[str, int]] = Counter()
    found: dict[_Key, SampleRecord] = {}
    for record in records:
        name = (record.prompt, record.seed if by_seed else 0)
        found[(*name, seen[name])] = record
        seen[name] += 1
    return found


def parameter_differences(pair: Pair, names: Iterable[str] = PARAMETERS) -> dict[str, str]:
    """Which of the generation parameters ``names`` differ, with both values in words."""
    found = {
        name: (getattr(pair.baseline.parameters, name), getattr(pair.candidate.parameters, name)) for name in names
    }
    return {name: f"{_text(one)} against {_text(other)}" for name, (one, other) in found.items() if one != other}


def _text(value: Any) -> str:
    return "the model's own" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _failure(record: SampleRecord) -> str:
    return record.failure.code if record.failure else "NO_CLIP"
