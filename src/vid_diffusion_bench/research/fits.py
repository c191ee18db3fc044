"""The two ways an experiment is tested: repeated measures where every block is whole, else a mixed model."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vid_diffusion_bench.research.analysis import Effect
from vid_diffusion_bench.research.cells import Array, Cells
from vid_diffusion_bench.research.terms import ModelMatrix, Term

Method = Literal["repeated measures", "mixed model", "fixed blocks"]
BOTH = "mean of Greenhouse–Geisser and Huynh–Feldt"
NO_ERROR = "it is the same in every block: there is no error to test it against"
NOTHING = "no value differs between its levels"
GIRDEN = 0.75
"""Epsilon of Greenhouse and Geisser below which it takes part in the correction."""
_TINY = 1e-11


@dataclass(frozen=True)
class Estimate:
    """A linear combination of means: its value, standard error, and degrees of freedom; ``by_block`` (B,) if known."""

    value: float
    error: float
    freedom: float
    by_block: Array | None = None

    def interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """By Student's t; ``None`` without a standard error."""
        from scipy.special import stdtrit

        if not self.error > 0 or self.freedom <= 0:
            return None
        half = float(stdtrit(self.freedom, 0.5 + confidence / 2)) * self.error
        return self.value - half, self.value + half

    def p_value(self) -> float | None:
        """Two-sided, that it is zero."""
        from scipy.special import stdtr

        if not self.error > 0 or self.freedom <= 0:
            return None
        return float(2 * stdtr(self.freedom, -abs(self.value) / self.error))


@dataclass(frozen=True)
class Fit:
    """A fitted model: how to estimate a row of the matrix, and what it says of each term."""

    method: Method
    effects: list[Effect]
    fitted: Array
    residuals: Array
    coefficients: Array
    covariance: Array | None = None
    freedom: float = 0.0
    by_block: Array | None = None
    converged: bool = True

    def estimate(self, row: Array) -> Estimate:
        """``row`` (p,) times the coefficients."""
        if self.by_block is not None:
            values = self.by_block @ row
            error = float(values.std(ddof=1)) / math.sqrt(len(values))
            small = _TINY * max(1e-300, float(np.abs(self.by_block).max()))
            return Estimate(float(values.mean()), error if error > small else 0.0, len(values) - 1, values)
        assert self.covariance is not None
        variance = float(row @ self.covariance @ row)
        return Estimate(float(row @ self.coefficients), math.sqrt(max(0.0, variance)), self.freedom)


def repeated_measures(cells: Cells, model: ModelMatrix) -> Fit:
    """Analysis of variance with each effect against its own interaction with the blocks.

    Of every block the orthonormal combinations that make up an effect are taken; F tests that their mean over the
    blocks is zero. In a balanced factorial this is the usual repeated-measures analysis (Winer 1971; Maxwell, Delaney
    and Kelley 2018, chapter 12): what differs between prompts, or how strongly a prompt responds, is in no F's way.
    With more than one degree of freedom they are multiplied by Huynh and Feldt's (1976) epsilon; where Greenhouse and
    Geisser's (1959) is below 0.75, by the mean of both, because the latter alone is too strict for few blocks and the
    former too lax where spreads differ much (Girden 1992; Stevens 2002, 13.7; figures in benchmarks/README.md).
    """
    solve = np.linalg.pinv(model.matrix)
    by_block = cells.values @ solve.T
    fitted = np.broadcast_to(model.matrix @ by_block.mean(axis=0), cells.values.shape)
    blocks = np.mean(cells.values, axis=1, keepdims=True) - cells.values.mean()
    scale = float(np.ptp(cells.values))
    return Fit(
        "repeated measures",
        [_own_error(term, cells.values, solve, scale) for term in model.terms],
        fitted + blocks,
        cells.values - fitted - blocks,
        by_block.mean(axis=0),
        by_block=by_block,
    )


def _own_error(term: Term, values: Array, solve: Any, scale: float) -> Effect:
    from scipy.special import fdtrc

    basis = np.linalg.qr(solve[list(term.columns)].T)[0]
    scores = values @ basis
    n, width = scores.shape
    between = n * float(np.square(scores.mean(axis=0)).sum())
    deviations = scores - scores.mean(axis=0)
    error = float(np.square(deviations).sum())
    if error <= n * (_TINY * scale) ** 2:
        return Effect(term=term.name, reason=NO_ERROR if between > n * (_TINY * scale) ** 2 else NOTHING)
    df1, df2 = float(width), float((n - 1) * width)
    f = between / df1 / (error / df2)
    covariance = deviations.T @ deviations
    epsilon, correction = _epsilon(covariance, n)
    return Effect(
        term=term.name,
        df1=df1,
        df2=df2,
        f=f,
        p_uncorrected=float(fdtrc(df1, df2, f)),
        epsilon=epsilon if width > 1 else None,
        correction=correction if width > 1 else None,
        p_value=float(fdtrc(epsilon * df1, epsilon * df2, f)) if width > 1 else float(fdtrc(df1, df2, f)),
        partial_eta_squared=between / (between + error),
    )


def _epsilon(covariance: Any, blocks: int) -> tuple[float, str]:
    """How far from spherical, and by whom, from the cross products (d, d) of the scores of ``blocks`` blocks."""
    width = len(covariance)
    lower = float(np.trace(covariance) ** 2 / (width * np.square(covariance).sum()))
    rest = width * (blocks - 1 - width * lower)
    upper = min(1.0, (blocks * width * lower - 2) / rest) if rest > 0 else 1.0
    if lower < GIRDEN:
        return (lower + upper) / 2, BOTH
    return upper, "Huynh–Feldt"


def mixed_model(cells: Cells, model: ModelMatrix) -> Fit:
    """A linear model with the block as random effect, by restricted maximum likelihood in statsmodels.

    Terms are tested by Wald's F of their coefficients with as many degrees of freedom as are left within blocks,
    cells - blocks + 1 - columns (the containment rule), because chi-squared rejects too often with few blocks. Where
    the fit does not converge, blocks are fixed effects instead: the intrablock analysis by least squares.
    """
    block, condition = np.nonzero(np.isfinite(cells.values))
    values = cells.values[block, condition]
    centre, scale = float(values.mean()), float(values.std()) or 1.0
    design = model.matrix[condition]
    freedom = len(values) - len(set(block.tolist())) + 1 - design.shape[1]
    found = _random_blocks((values - centre) / scale, design, block) if freedom > 0 else None
    fixed = found is None
    coefficients, covariance, fitted = found or _fixed_blocks((values - centre) / scale, design, block)
    coefficients, covariance = coefficients * scale, covariance * scale**2
    coefficients[0] += centre
    effects = [_wald(term, coefficients, covariance, freedom) for term in model.terms]
    grid = np.full(cells.values.shape, np.nan)
    grid[block, condition] = fitted * scale + centre
    return Fit(
        "fixed blocks" if fixed else "mixed model",
        effects,
        grid,
        cells.values - grid,
        coefficients,
        covariance,
        freedom,
        converged=not fixed,
    )


Solution = tuple[Array, Array, Array]
"""Coefficients (p,), their covariance (p, p), fitted values (N,)."""


def _random_blocks(values: Array, design: Array, block: Any) -> Solution | None:
    """Variances by statsmodels' restricted likelihood, the rest by generalised least squares with them.

    The covariance is (X' V^-1 X)^-1 and not the inverse of the likelihood's Hessian, which at a variance of zero, the
    bound, may not be positive. ``None`` where the fit does not converge.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = MixedLM(values, design, groups=block).fit(reml=True)
        except np.linalg.LinAlgError:
            return None
    error, between = float(result.scale), float(np.asarray(result.cov_re)[0, 0])
    if not result.converged or not np.isfinite([error, between]).all() or error <= 0:
        return None
    ratio = max(0.0, between) / error
    of_block = (block[:, None] == np.unique(block)[None, :]).astype(np.float64)
    sizes = of_block.sum(axis=0)
    shrunk = of_block * (ratio / (1 + ratio * sizes))
    weigh = np.eye(len(values)) - shrunk @ of_block.T
    covariance = np.linalg.inv(design.T @ weigh @ design)
    coefficients = covariance @ (design.T @ weigh @ values)
    fixed = design @ coefficients
    return coefficients, covariance * error, fixed + of_block @ (shrunk.T @ (values - fixed))


def _fixed_blocks(values: Array, design: Array, block: Any) -> Solution:
    """Least squares with a column a block, coded to add up to zero so that the intercept stays the mean."""
    from statsmodels.regression.linear_model import OLS

    names = sorted(set(block.tolist()))
    codes = np.vstack([np.eye(len(names) - 1), np.full(len(names) - 1, -1.0)])
    columns = codes[[names.index(name) for name in block.tolist()]]
    result = OLS(values, np.column_stack([design, columns])).fit()
    width = design.shape[1]
    return np.array(result.params[:width]), np.asarray(result.cov_params())[:width, :width], result.fittedvalues


def _wald(term: Term, coefficients: Array, covariance: Array, freedom: float) -> Effect:
    from scipy.special import fdtrc

    chosen = list(term.columns)
    if freedom <= 0:
        return Effect(term=term.name, reason="no degrees of freedom are left for the error")
    part, spread = coefficients[chosen], covariance[np.ix_(chosen, chosen)]
    if np.linalg.matrix_rank(spread) != len(chosen):
        return Effect(term=term.name, reason=NO_ERROR)
    f = float(part @ np.linalg.solve(spread, part)) / len(chosen)
    p = float(fdtrc(len(chosen), freedom, f))
    share = f * len(chosen) / (f * len(chosen) + freedom)
    return Effect(
        term=term.name,
        df1=float(len(chosen)),
        df2=float(freedom),
        f=f,
        p_uncorrected=p,
        p_value=p,
        partial_eta_squared=share,
    )
