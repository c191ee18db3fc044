"""Which samples of several subjects belong together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from vid_diffusion_bench.comparison.pairs import PARAMETERS, SEED, Pair, pair_samples, parameter_differences
from vid_diffusion_bench.comparison.result import PairCount
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.results import SampleRecord

BY_SEED, BY_PROMPT = "prompt and seed", "prompt"
NOTHING_SHARED = "no prompt is common to all that is compared"


class Matching:
    """The pairs of every two subjects, and the samples that all have.

    Samples meet by prompt and seed; where two subjects share prompts but no seed, all meet by prompt and order. The
    generation parameters need not agree, because models have their own; where they differ it is said.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.subjects = list(subjects)
        self.paired_by = BY_SEED
        self.pairs, self.counts = self._matched(PARAMETERS)
        if any(not pairs for pairs in self.pairs.values()):
            pairs, counts = self._matched([*PARAMETERS, SEED])
            if any(pairs[two] and not self.pairs[two] for two in pairs):
                self.paired_by, self.pairs, self.counts = BY_PROMPT, pairs, counts

    def _matched(self, under_test: Sequence[str]) -> tuple[dict[tuple[str, str], list[Pair]], list[PairCount]]:
        every: dict[tuple[str, str], list[Pair]] = {}
        counts = []
        for first, second in combinations(self.subjects, 2):
            pairs, found = pair_samples(first.result, second.result, under_test)
            every[first.name, second.name] = pairs
            counts.append(
                PairCount(
                    first=first.name,
                    second=second.name,
                    pairs=found.paired,
                    prompts=found.prompts,
                    both_clips=found.both_clips,
                    differing=_parameters_that_differ(pairs),
                )
            )
        return every, counts

    @property
    def reason(self) -> str | None:
        """Why nothing can be compared."""
        if len(self.subjects) < 2:
            return "one model alone is compared with nothing"
        if not any(self.pairs.values()):
            return NOTHING_SHARED
        return None

    def common(self) -> list[tuple[SampleRecord, ...]]:
        """Samples that every subject has, a record of each subject in their order."""
        first, *others = self.subjects
        partners = [
            {pair.baseline.key: pair.candidate for pair in self.pairs[first.name, other.name]} for other in others
        ]
        return [
            (record, *(partner[record.key] for partner in partners))
            for record in first.result.records
            if all(record.key in partner for partner in partners)
        ]


def _parameters_that_differ(pairs: Sequence[Pair]) -> dict[str, str]:
    """Of each parameter that differs in some pair, how it does in the first of them."""
    return {name: text for pair in reversed(pairs) for name, text in parameter_differences(pair).items()}
