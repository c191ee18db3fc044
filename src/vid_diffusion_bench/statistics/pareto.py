"""The Pareto front of several objectives: who is on it, how surely, and how much it encloses."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values, check_values
from vid_diffusion_bench.statistics.resampling import cluster_weights


def pareto_front(points: npt.ArrayLike, maximize: Sequence[bool]) -> npt.NDArray[np.bool_]:
    """Which of ``points`` (N, D) no other point dominates, as bool (N,).

    A point dominates another when it is at least as good in every column and better in one; column ``d`` is better
    when larger if ``maximize[d]``, else when smaller. Equal points do not dominate each other.
    """
    values = np.asarray(points, np.float64)
    if values.size == 0:
        return np.zeros(len(values), bool)
    if values.ndim != 2 or values.shape[1] != len(maximize) or not np.isfinite(values).all():
        raise ValidationError(f"points are finite numbers of shape (N, {len(maximize)}), not {values.shape}")
    return np.asarray(_undominated(np.where(np.asarray(maximize, bool), values, -values)))


def front_probability(
    samples: npt.ArrayLike,
    clusters: Sequence[Hashable],
    maximize: Sequence[bool],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Values:
    """How often each model is on the Pareto front of the mean objectives when prompts are drawn again, (M,), 0..1.

    All models share the draws, so what prompts have in common cancels. It is the bootstrap's estimate: near 1 or 0 it
    is settled, in between the prompts at hand do not decide.

    Args:
        samples: Objectives (M models, N samples, D objectives), finite; sample ``n`` has the same prompt in all models.
        clusters: The prompt of each sample (N,), at least two.
        maximize: Whether larger is better, an objective (D,).
        resamples: Draws, at least 1.
        seed: Of the draws.

    Raises:
        ValidationError: Another shape, no model, NaN or infinity, unequal lengths, fewer than two clusters.
    """
    values = np.asarray(samples, np.float64)
    if values.ndim != 3 or not values.size or values.shape[2] != len(maximize):
        raise ValidationError(f"samples are (models, samples, {len(maximize)} objectives), not {values.shape}")
    if values.shape[1] != len(clusters):
        raise ValidationError(f"{values.shape[1]} samples and {len(clusters)} clusters: one cluster a sample is needed")
    if not np.isfinite(values).all():
        raise ValidationError("objectives are finite", remedy="Leave out samples that lack one, in every model.")
    gains = np.where(np.asarray(maximize, bool), values, -values)
    weights = cluster_weights(clusters, resamples, seed)
    return np.asarray(_undominated(np.einsum("rn,mnd->rmd", weights, gains)).mean(axis=0))


def hypervolume(points: npt.ArrayLike, reference: Sequence[float], maximize: Sequence[bool]) -> float:
    """Volume that ``points`` (N, D) dominate and that itself dominates ``reference`` (D,) (Zitzler and Thiele 1998).

    Exact, by slicing along the objectives (While et al. 2006): N log N for two of them, up to N^(D - 1) for more.
    Points not better than the reference in every objective add nothing. Its unit is the product of the objectives', so
    only values with one reference compare.

    Raises:
        ValidationError: Another shape, NaN or infinity.
    """
    values, limit = np.asarray(points, np.float64), np.asarray(reference, np.float64)
    wanted = (len(maximize),)
    if limit.shape != wanted or not np.isfinite(limit).all() or not len(maximize):
        raise ValidationError(f"a reference is {len(maximize)} finite numbers, not {list(reference)}")
    if values.size == 0:
        return 0.0
    if values.ndim != 2 or values.shape[1:] != wanted or not np.isfinite(values).all():
        raise ValidationError(f"points are finite numbers of shape (N, {len(maximize)}), not {values.shape}")
    sides = np.where(np.asarray(maximize, bool), values - limit, limit - values)
    return _volume(sides[(sides > 0).all(axis=1)])


def best_at_budget(
    quality: Sequence[float], cost: Sequence[float], budget: float, *, higher_is_better: bool = True
) -> int | None:
    """Index of the best ``quality`` (N,) whose ``cost`` (N,) is at most ``budget``; ``None`` if nothing is affordable.

    Of equals the cheaper, then the first. There is no interpolation: between two models there is no model.

    Raises:
        ValidationError: No models, unequal lengths, NaN or infinity.
    """
    gains = _gains(quality, cost, budget, higher_is_better)
    affordable = [at for at in range(len(gains)) if cost[at] <= budget]
    return min(affordable, key=lambda at: (-gains[at], cost[at], at), default=None)


def cost_at_quality(
    quality: Sequence[float], cost: Sequence[float], wanted: float, *, higher_is_better: bool = True
) -> int | None:
    """Index of the least ``cost`` (N,) whose ``quality`` (N,) is at least as good as ``wanted``; ``None`` if none is.

    Of equals the better, then the first.

    Raises:
        ValidationError: No models, unequal lengths, NaN or infinity.
    """
    gains = _gains(quality, cost, wanted, higher_is_better)
    enough = [at for at in range(len(gains)) if gains[at] >= (wanted if higher_is_better else -wanted)]
    return min(enough, key=lambda at: (cost[at], -gains[at], at), default=None)


def _gains(quality: Sequence[float], cost: Sequence[float], limit: float, higher_is_better: bool) -> list[float]:
    check_values([*quality, *cost], range(len(quality) + len(cost)))
    if len(quality) != len(cost):
        raise ValidationError(f"{len(quality)} qualities and {len(cost)} costs: one of each a model is needed")
    if not math.isfinite(limit):
        raise ValidationError(f"a limit is a finite number, not {limit}")
    return [float(value) if higher_is_better else -float(value) for value in quality]


def _undominated(gains: Values) -> npt.NDArray[np.bool_]:
    """Which of ``gains`` (..., N, D), larger is better, no other dominates: bool (..., N)."""
    at_least = (gains[..., :, None, :] >= gains[..., None, :, :]).all(axis=-1)
    better = (gains[..., :, None, :] > gains[..., None, :, :]).any(axis=-1)
    return np.asarray(~np.any(at_least & better, axis=-2))


def _volume(sides: Values) -> float:
    """Volume of the union of boxes from the origin to ``sides`` (N, D), all positive."""
    if not len(sides):
        return 0.0
    if sides.shape[1] == 1:
        return float(sides.max())
    ordered = sides[np.argsort(-sides[:, -1], kind="stable")]
    depths = ordered[:, -1] - np.append(ordered[1:, -1], 0.0)
    if sides.shape[1] == 2:
        return float(np.maximum.accumulate(ordered[:, 0]) @ depths)
    rest = ordered[:, :-1]
    return math.fsum(depth * _volume(_front(rest[: n + 1])) for n, depth in enumerate(depths) if depth > 0)


def _front(sides: Values) -> Values:
    return sides[_undominated(sides)]
