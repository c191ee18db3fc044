"""Values of one metric as a table of blocks by conditions: the mean of each prompt's clips in a condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.research.experiment import Experiment
from vid_diffusion_bench.research.outcome import ClipOutcome

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """``values`` (B, C): the mean over the clips of block b under condition c, NaN where there is none.

    Conditions and blocks without any value are left out. A block is a prompt, or of a single prompt a seed.
    """

    conditions: list[str]
    blocks: list[str]
    values: Array
    clips: int
    by_seed: bool

    @property
    def complete(self) -> bool:
        return bool(np.isfinite(self.values).all())

    @property
    def all_equal(self) -> bool:
        """Whether nothing but rounding is different between any two values."""
        known = self.values[np.isfinite(self.values)]
        return bool(np.ptp(known) <= 1e-12 * max(1e-300, np.abs(known).max())) if known.size else True


def cells(experiment: Experiment, clips: Sequence[ClipOutcome], metric: str) -> Cells:
    """The cells of ``metric`` over the clips that have a value; NaN and infinity are no values."""
    known = [(clip, value) for clip in clips if (value := clip.values.get(metric)) is not None and math.isfinite(value)]
    by_seed = len({clip.prompt for clip, _ in known}) == 1
    found: dict[tuple[str, str], list[float]] = {}
    for clip, value in sorted(known, key=lambda entry: entry[0].index):
        found.setdefault((_block(clip, by_seed=by_seed), clip.condition), []).append(value)
    blocks = _in_order([_block(clip, by_seed=by_seed) for clip, _ in known], experiment.prompts)
    seen = {condition for _, condition in found}
    conditions = [condition.id for condition in experiment.conditions if condition.id in seen]
    values = np.full((len(blocks), len(conditions)), np.nan)
    for (block, condition), members in found.items():
        values[blocks.index(block), conditions.index(condition)] = math.fsum(members) / len(members)
    return Cells(conditions, blocks, values, len(known), by_seed)


def _block(clip: ClipOutcome, *, by_seed: bool) -> str:
    return f"seed {clip.index:06d}" if by_seed else clip.prompt


def _in_order(blocks: Sequence[str], prompts: Sequence[str]) -> list[str]:
    place = {prompt: number for number, prompt in enumerate(prompts)}
    return sorted(set(blocks), key=lambda block: (place.get(block, 0), block))
