"""Random draws in blocks of bounded memory, and whole clusters drawn again: the counts behind every bootstrap here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values

BLOCK_ENTRIES = 4_000_000
"""Entries of one block of draws: bounds memory at 32 MB whatever the number of clusters."""
KEPT_ENTRIES = 400_000
"""Up to so many entries, 3 MB, draws are kept for the next call."""

Draw = Callable[[int, int, np.random.Generator], Values]
"""Of C clusters, R draws and a generator: (R, C)."""


def in_blocks(draw: Draw, size: int, resamples: int, seed: int) -> Iterator[Values]:
    """Blocks (R, C) of ``draw`` for ``size`` clusters that together are ``resamples`` rows."""
    if size * resamples <= KEPT_ENTRIES:
        yield _kept(draw, size, resamples, seed)
        return
    rng, block = np.random.default_rng(seed), max(1, BLOCK_ENTRIES // size)
    for start in range(0, resamples, block):
        yield draw(size, min(block, resamples - start), rng)


@lru_cache(maxsize=16)
def _kept(draw: Draw, size: int, resamples: int, seed: int) -> Values:
    """Every metric of a run has the same number of prompts, and drawing costs more than all the rest."""
    return draw(size, resamples, np.random.default_rng(seed))


def draw_counts(size: int, resamples: int, seed: int) -> Iterator[Values]:
    """How often each of ``size`` clusters is drawn, in blocks of (R, C) that together are ``resamples`` rows."""
    return in_blocks(_counts, size, resamples, seed)


def _counts(size: int, resamples: int, rng: np.random.Generator) -> Values:
    return rng.multinomial(size, np.full(size, 1 / size), size=resamples).astype(np.float64)


def cluster_weights(clusters: Sequence[Hashable], resamples: int, seed: int) -> Values:
    """Weights of N samples in each of ``resamples`` draws of whole clusters, (R, N); each row sums to 1.

    Raises:
        ValidationError: Fewer than two clusters, or no resamples.
    """
    if resamples < 1:
        raise ValidationError(f"resamples is at least 1, not {resamples}")
    number = {cluster: at for at, cluster in enumerate(sorted(set(clusters), key=str))}
    if len(number) < 2:
        raise ValidationError(
            f"two independent clusters are needed, not {len(number)}",
            remedy="Use more prompts; more seeds of the same prompts do not count.",
        )
    counts = np.concatenate([*draw_counts(len(number), resamples, seed)])
    weights = counts[:, [number[cluster] for cluster in clusters]]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
