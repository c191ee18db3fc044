"""The linear model over conditions: terms, their columns, and which of them the conditions can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from vid_diffusion_bench.research.cells import Array
from vid_diffusion_bench.research.experiment import Condition, Factor, Level

ONE_LEVEL = "only one of its levels has values"


@dataclass(frozen=True)
class Coding:
    """A factor's columns. Levels that no value was measured at are left out; the codes of the others add up to zero.

    Level i of k is the i-th unit vector, the last is -1 throughout ("sum" or deviation coding). A continuous factor is
    one column that runs from -1 to 1 over its range.
    """

    factor: Factor
    levels: list[Level]

    @property
    def width(self) -> int:
        return 1 if self.factor.continuous else len(self.levels) - 1

    def of(self, level: Level) -> Array:
        """The code (width,) of a level."""
        if self.factor.continuous:
            low, high = (float(end) for end in self.factor.levels if isinstance(end, int | float))
            assert isinstance(level, int | float)
            return np.array([(2 * level - low - high) / (high - low)])
        if level == self.levels[-1] and type(level) is type(self.levels[-1]):
            return np.full(self.width, -1.0)
        place = [type(known) is type(level) and known == level for known in self.levels].index(True)
        return np.array(np.eye(self.width)[place])


@dataclass(frozen=True)
class Term:
    """A main effect or an interaction, and its columns in the matrix."""

    factors: tuple[str, ...]
    columns: tuple[int, ...]

    @property
    def name(self) -> str:
        return ":".join(self.factors)


@dataclass(frozen=True)
class ModelMatrix:
    """``matrix`` (C, p), its first column the intercept, of full rank. ``left_out``: term to why it is not in."""

    matrix: Array
    terms: list[Term]
    codings: dict[str, Coding]
    left_out: dict[str, str]

    def row(self, levels: Mapping[str, Level]) -> Array:
        """The row (p,) that gives the mean at ``levels``, the other factors averaged."""
        row = np.zeros(self.matrix.shape[1])
        row[0] = 1.0
        codes = {name: self.codings[name].of(level) for name, level in levels.items()}
        for term in self.terms:
            if set(term.factors) <= set(levels):
                row[list(term.columns)] = _products([codes[name] for name in term.factors])
        return row


def model_matrix(factors: Sequence[Factor], conditions: Sequence[Condition], interactions: int) -> ModelMatrix:
    """The matrix of main effects and interactions of at most ``interactions`` factors.

    A term comes in only if all its columns add to the rank: in a fraction the first of a set of aliases stands for it.
    """
    codings, left_out = {}, {}
    for factor in factors:
        seen = [condition.settings[factor.name] for condition in conditions]
        levels = [level for level in factor.levels if level in seen] if not factor.continuous else factor.levels
        if len(set(seen)) < 2:
            left_out[factor.name] = ONE_LEVEL
        else:
            codings[factor.name] = Coding(factor, list(levels))
    columns: list[Array] = [np.ones(len(conditions))]
    terms: list[Term] = []
    for size in range(1, min(interactions, len(codings)) + 1):
        for names in combinations(codings, size):
            added = _columns(names, codings, conditions)
            if _rank([*columns, *added]) == len(columns) + len(added):
                terms.append(Term(names, tuple(range(len(columns), len(columns) + len(added)))))
                columns += added
            else:
                left_out[":".join(names)] = "the conditions that have values cannot tell it from the terms before it"
    return ModelMatrix(np.column_stack(columns), terms, codings, left_out)


def _columns(names: Sequence[str], codings: Mapping[str, Coding], conditions: Sequence[Condition]) -> list[Array]:
    rows = [_products([codings[name].of(condition.settings[name]) for name in names]) for condition in conditions]
    return list(np.array(rows).T)


def _products(codes: Sequence[Array]) -> Array:
    """Products of one entry of each code, the first factor's entry changing fastest."""
    return np.array([np.prod(entries) for entries in product(*reversed(codes))])


def _rank(columns: Sequence[Array]) -> int:
    return int(np.linalg.matrix_rank(np.column_stack(columns)))
