"""P-values of several tests, adjusted: Holm for the errors of a family, Benjamini and Hochberg for their share.

An adjusted value is compared with the level itself: 0.03 adjusted is found at 5 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.statistics.clusters import Values


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979): the chance of one false finding in the family is at most the level.

    Args:
        p_values: (K,), 0..1, of tests that may depend on each other in any way; may be empty.

    Returns:
        Adjusted p-values in the order given: the i-th smallest times K - i, never below a smaller one's, at most 1.

    Raises:
        ValidationError: A p-value outside 0..1, or NaN.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _restored(stepped, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's step-up adjustment (1995): of what is found, at most the level's share is false.

    That holds in expectation for independent or positively dependent tests (Benjamini and Yekutieli 2001).

    Args:
        p_values: (K,), 0..1; may be empty.

    Returns:
        Adjusted p-values in the order given: the i-th smallest times K / i, never above a larger one's, at most 1.

    Raises:
        ValidationError: A p-value outside 0..1, or NaN.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (len(p) / np.arange(1, len(p) + 1))
    return _restored(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _checked(p_values: Sequence[float]) -> Values:
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValidationError(f"p-values are a list of numbers between 0 and 1, not {list(p_values)}")
    return p


def _restored(adjusted: Values, order: np.ndarray) -> list[float]:
    found = np.empty(len(adjusted))
    found[order] = np.minimum(adjusted, 1.0)
    return [float(value) for value in found]
