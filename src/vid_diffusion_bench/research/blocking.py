"""Prompts as blocks: which prompt meets which condition, and in which order the clips are made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

import numpy as np

from vid_diffusion_bench.research.experiment import Blocking, Trial

_TRIES = 20_000
"""Draws of incomplete blocks times prompts times conditions."""


def complete_trials(conditions: Sequence[str], prompts: Sequence[str], sample_size: int) -> list[Trial]:
    """Every condition on the same ``sample_size`` pairs of prompt and seed: each prompt once, then each again."""
    pairs = [(prompts[number % len(prompts)], number // len(prompts)) for number in range(sample_size)]
    return [Trial(condition=name, prompt=prompt, index=index) for name in conditions for prompt, index in pairs]


def incomplete_trials(
    conditions: Sequence[str], prompts: Sequence[str], per_condition: int, seeds: int, seed: int
) -> list[Trial]:
    """Every condition on ``per_condition`` of the prompts, so that pairs of conditions meet as evenly as is found.

    Prompt by prompt the conditions are taken that met each other least, ties drawn; of many such draws that with the
    smallest sum of squares of the pairs' meetings is kept; in a balanced incomplete block design all are equal.
    """
    draw = np.random.default_rng(seed)
    tries = max(1, _TRIES // (len(conditions) * len(prompts)))
    found = [_blocks(conditions, len(prompts), per_condition, draw) for _ in range(tries)]
    blocks, _ = min(found, key=lambda entry: entry[1])
    return [
        Trial(condition=name, prompt=prompt, index=index)
        for prompt, block in zip(prompts, blocks, strict=True)
        for name in block
        for index in range(seeds)
    ]


def _blocks(
    conditions: Sequence[str], count: int, per_condition: int, draw: np.random.Generator
) -> tuple[list[list[str]], int]:
    """The conditions of each of ``count`` prompts, and the sum of squares of how often pairs meet."""
    lacking = dict.fromkeys(conditions, per_condition)
    met: dict[frozenset[str], int] = {frozenset(pair): 0 for pair in combinations(conditions, 2)}
    blocks: list[list[str]] = []
    for left in range(count, 0, -1):
        chosen: list[str] = []
        for _ in range(-(-sum(lacking.values()) // left)):
            free = [name for name in conditions if name not in chosen and lacking[name]]
            chosen.append(min(free, key=lambda name: _cost(name, chosen, lacking, met, left, draw)))
        for pair in combinations(chosen, 2):
            met[frozenset(pair)] += 1
        for name in chosen:
            lacking[name] -= 1
        blocks.append(chosen)
    return blocks, sum(times**2 for times in met.values())


def _cost(
    name: str,
    chosen: Sequence[str],
    lacking: Mapping[str, int],
    met: Mapping[frozenset[str], int],
    left: int,
    draw: np.random.Generator,
) -> tuple[bool, int, float]:
    """First who must come in every prompt that is left, then who met the others least."""
    meetings = sum(met[frozenset((name, other))] for other in chosen)
    return lacking[name] < left, meetings, float(draw.random())


def describe(trials: Sequence[Trial], conditions: Sequence[str]) -> Blocking:
    """How evenly prompts and conditions meet."""
    seen: dict[str, set[str]] = {}
    for trial in trials:
        seen.setdefault(trial.prompt, set()).add(trial.condition)
    sizes = [len(names) for names in seen.values()]
    pairs = [sum(set(pair) <= names for names in seen.values()) for pair in combinations(conditions, 2)]
    return Blocking(
        complete=min(sizes) == len(conditions),
        prompts=len(seen),
        conditions_per_prompt=(min(sizes), max(sizes)),
        concurrence=(min(pairs), max(pairs)),
    )


def is_connected(trials: Sequence[Trial]) -> bool:
    """Whether any two conditions can be compared within prompts, if only through others."""
    neighbours: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for trial in trials:
        ends = ("prompt", trial.prompt), ("condition", trial.condition)
        neighbours.setdefault(ends[0], set()).add(ends[1])
        neighbours.setdefault(ends[1], set()).add(ends[0])
    reached, waiting = set(), [next(iter(neighbours))]
    while waiting:
        if (node := waiting.pop()) not in reached:
            reached.add(node)
            waiting += neighbours[node]
    return len(reached) == len(neighbours)


def randomised(trials: Sequence[Trial], blocks: Mapping[str, Hashable] | None, seed: int) -> list[Trial]:
    """The trials in a random order; with ``blocks`` (of a condition) those of one block one after another.

    The order of the blocks is that of their first trials, so it is random too.
    """
    order = [trials[place] for place in np.random.default_rng(seed).permutation(len(trials))]
    if blocks is not None:
        first = {block: place for place, block in reversed([*enumerate(blocks[trial.condition] for trial in order)])}
        order.sort(key=lambda trial: first[blocks[trial.condition]])
    return order
