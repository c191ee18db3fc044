"""Permutation test of a number that two whole sets have between them, such as a Fréchet distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import ValidationError

_Features = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Permutation:
    """``statistic`` as observed; ``p_value`` the share of ``resamples`` + 1 labellings with one as large or larger."""

    statistic: float
    p_value: float
    resamples: int


def permutation_test(
    statistic: Callable[[_Features, _Features], float],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    blocks_first: Sequence[Hashable],
    blocks_second: Sequence[Hashable],
    *,
    resamples: int = 999,
    seed: int = 0,
) -> Permutation:
    """Test that two sets come from one distribution, by exchanging which set their blocks belong to.

    With the same blocks on both sides they are paired: in each block a fair coin decides whether its rows change
    sides. A block of a prompt and a seed exchanges single pairs; a block of a prompt exchanges its seeds together,
    which also holds the level when prompts favour one model or the other. With no block in common, whole blocks are
    dealt anew, as many to each side as before. p = (b + 1) / (R + 1) (Phipson and Smyth 2010), so the level holds for
    any ``statistic`` and any number of rows.

    Args:
        statistic: Of features (N, D) and (M, D): a number that is larger when the sets differ more.
        first: Features (N, D), finite.
        second: Features (M, D), finite.
        blocks_first: The block of each row of ``first`` (N,): a prompt, or a prompt and a seed.
        blocks_second: The block of each row of ``second`` (M,).
        resamples: Random labellings, at least 1; p is at least 1 / (resamples + 1).
        seed: Of the labellings.

    Raises:
        ValidationError: An empty set, other shapes, NaN or infinity, blocks of which only some are shared, a shared
            block with more rows on one side, fewer than two blocks, or a statistic that is not a finite number.
    """
    rows, sides = _checked(first, second, blocks_first, blocks_second)
    if resamples < 1:
        raise ValidationError(f"resamples is at least 1, not {resamples}")
    draws = _labellings(blocks_first, blocks_second, np.random.default_rng(seed))
    observed = _finite(statistic(rows[sides[0]], rows[sides[1]]))
    # The same sets in another order may differ in the last bits.
    least = observed - 1e-9 * abs(observed)
    as_large = 0
    for _ in range(resamples):
        one, other = next(draws)
        as_large += _finite(statistic(rows[one], rows[other])) >= least
    return Permutation(observed, (as_large + 1) / (resamples + 1), resamples)


def _checked(
    first: npt.ArrayLike, second: npt.ArrayLike, blocks_first: Sequence[Hashable], blocks_second: Sequence[Hashable]
) -> tuple[_Features, tuple[_Rows, _Rows]]:
    """Rows of both sets (N + M, D), and which belong to each."""
    one, other = (np.asarray(features, np.float64) for features in (first, second))
    if one.ndim != 2 or other.ndim != 2 or one.shape[1:] != other.shape[1:] or not len(one) or not len(other):
        raise ValidationError(f"two sets of features are (N, D) and (M, D), not {one.shape} and {other.shape}")
    if (len(one), len(other)) != (len(blocks_first), len(blocks_second)):
        raise ValidationError(
            f"{len(one)} and {len(other)} rows have {len(blocks_first)} and {len(blocks_second)} blocks: one a row"
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValidationError("features are not finite", remedy="Leave out the clips whose features are not.")
    return np.concatenate([one, other]), (np.arange(len(one)), len(one) + np.arange(len(other)))


def _labellings(
    blocks_first: Sequence[Hashable], blocks_second: Sequence[Hashable], rng: np.random.Generator
) -> Iterator[tuple[_Rows, _Rows]]:
    one, other = _rows_of(blocks_first, 0), _rows_of(blocks_second, len(blocks_first))
    shared = one.keys() & other.keys()
    if not shared:
        if len(one) < 2 or len(other) < 2:
            raise ValidationError("two blocks a set are needed to exchange them", remedy="Use more prompts.")
        return _dealt([*one.values(), *other.values()], len(one), rng)
    if one.keys() != other.keys():
        raise ValidationError(
            f"{len(shared)} blocks are in both sets, {len(one.keys() ^ other.keys())} in one only",
            remedy="Keep the blocks that both have (paired), or compare sets that share none.",
        )
    if len(one) < 2:
        raise ValidationError("two blocks are needed to exchange them", remedy="Use more prompts.")
    if any(len(one[block]) != len(other[block]) for block in one):
        raise ValidationError(
            "a block has more rows in one set than in the other", remedy="Leave out samples without a partner."
        )
    return _swapped([(one[block], other[block]) for block in sorted(one, key=str)], rng)


def _rows_of(blocks: Sequence[Hashable], start: int) -> dict[Hashable, _Rows]:
    members: dict[Hashable, list[int]] = {}
    for row, block in enumerate(blocks, start):
        members.setdefault(block, []).append(row)
    return {block: np.array(members[block]) for block in sorted(members, key=str)}


def _swapped(pairs: Sequence[tuple[_Rows, _Rows]], rng: np.random.Generator) -> Iterator[tuple[_Rows, _Rows]]:
    while True:
        coins = rng.integers(0, 2, len(pairs))
        yield (
            np.concatenate([pair[coin] for pair, coin in zip(pairs, coins, strict=True)]),
            np.concatenate([pair[1 - coin] for pair, coin in zip(pairs, coins, strict=True)]),
        )


def _dealt(blocks: Sequence[_Rows], to_first: int, rng: np.random.Generator) -> Iterator[tuple[_Rows, _Rows]]:
    while True:
        order = rng.permutation(len(blocks))
        yield (
            np.concatenate([blocks[at] for at in order[:to_first]]),
            np.concatenate([blocks[at] for at in order[to_first:]]),
        )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValidationError(f"the statistic of the two sets is {value}, not a finite number")
    return float(value)
