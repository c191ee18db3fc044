"""Whether the assumptions of a test hold, as far as the data can say."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.research.analysis import Check
from vid_diffusion_bench.research.cells import Array, Cells
from vid_diffusion_bench.research.fits import BOTH, Fit
from vid_diffusion_bench.statistics import FEWEST_TWO_SIDED

LEVEL = 0.05
MANY_BLOCKS = 20
"""Blocks from which on the correction for sphericity costs less than half a point of a level of 5 %."""
MOST_SHAPIRO = 5000
"""Royston's approximation of the p-value is for at most so many values."""


def checks(cells: Cells, fit: Fit) -> list[Check]:
    """Normality and equal spread of the residuals, sphericity, convergence, and enough blocks."""
    residuals = fit.residuals[np.isfinite(fit.residuals)]
    found = [_normality(residuals, float(np.nanmax(np.abs(cells.values)))), _equal_spread(fit), _blocks(cells)]
    if fit.method == "repeated measures":
        found.append(_sphericity(fit))
    else:
        found.append(_convergence(fit))
    return found


def _normality(residuals: Array, scale: float) -> Check:
    from scipy.stats import shapiro

    name = "residuals are normal"
    if len(residuals) < 3 or np.ptp(residuals) <= 1e-12 * scale:
        return Check(
            name=name, holds=None, says="The residuals are too few or all equal: normality cannot be looked at."
        )
    thinned = residuals[:: -(-len(residuals) // MOST_SHAPIRO)]
    statistic, p = (float(number) for number in shapiro(thinned))
    holds = p >= LEVEL
    verdict = (
        "no departure from normality is seen"
        if holds
        else "they are not normal, which F tolerates only with many blocks"
    )
    says = f"Shapiro and Wilk's W = {statistic:.3f}, p = {_p(p)} over {len(thinned)} residuals: {verdict}."
    return Check(name=name, statistic=statistic, p_value=p, holds=holds, says=says)


def _equal_spread(fit: Fit) -> Check:
    from scipy.stats import levene

    name = "conditions spread alike"
    columns = [column[np.isfinite(column)] for column in fit.residuals.T]
    groups = [column for column in columns if len(column) >= 3]
    if len(groups) < 2 or all(np.ptp(group) == 0 for group in groups):
        return Check(name=name, holds=None, says="Too few values a condition: their spread cannot be compared.")
    result = levene(*groups, center="median")
    statistic, p = float(result.statistic), float(result.pvalue)
    if not np.isfinite([statistic, p]).all():
        return Check(name=name, holds=None, says="The residuals do not spread: nothing is to be compared.")
    holds = p >= LEVEL
    own = fit.method == "repeated measures"
    tolerated = "each effect has an error of its own, which takes this up" if own else "the p-values are approximate"
    verdict = "no difference of spread is seen" if holds else f"the spread differs between conditions; {tolerated}"
    says = f"Brown and Forsythe's F = {statistic:.3f}, p = {_p(p)} over {len(groups)} conditions: {verdict}."
    return Check(name=name, statistic=statistic, p_value=p, holds=holds, says=says)


def _blocks(cells: Cells) -> Check:
    count, what = len(cells.blocks), "seeds" if cells.by_seed else "prompts"
    holds = count >= FEWEST_TWO_SIDED
    enough = (
        "enough to find anything at all without trusting a distribution"
        if holds
        else (f"fewer than {FEWEST_TWO_SIDED}: every p-value rests on normality alone")
    )
    return Check(name="enough blocks", statistic=float(count), holds=holds, says=f"{count} {what}: {enough}.")


def _sphericity(fit: Fit) -> Check:
    name = "sphericity"
    corrected = [(effect.epsilon, effect.correction) for effect in fit.effects if effect.epsilon is not None]
    if not corrected:
        return Check(name=name, holds=None, says="Every effect has one degree of freedom: sphericity is not needed.")
    lowest, whose = min(corrected)
    says = f"The smallest epsilon is {lowest:.3f} ({whose}); degrees of freedom are multiplied by it."
    if len(fit.residuals) < MANY_BLOCKS:
        says += (
            f" With fewer than {MANY_BLOCKS} blocks effects of three levels and more err on the safe side where "
            "conditions spread alike: at 5 % they find 3 to 5 % where nothing is."
        )
    spherical = all(correction != BOTH for _, correction in corrected)
    return Check(name=name, statistic=lowest, holds=spherical, says=says)


def _convergence(fit: Fit) -> Check:
    name = "the mixed model converged"
    if fit.converged:
        return Check(name=name, holds=True, says="The restricted likelihood was maximised.")
    says = "It did not converge to a usable covariance; blocks are fixed effects instead (least squares within blocks)."
    return Check(name=name, holds=False, says=says)


def _p(p: float) -> str:
    return f"{p:.3g}"
