"""Fractional two-level factorials: generators, defining relation, resolution, aliases (Box and Hunter 1961)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, islice, product
from string import ascii_uppercase

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.research.designs import Settings
from vid_diffusion_bench.research.experiment import Factor, Fraction

Word = frozenset[str]
_LETTERS = ascii_uppercase.replace("I", "")
_MOST_CHOICES = 50_000


def fractional_factorial(
    factors: Sequence[Factor], runs: int | None, generators: Sequence[str] | None
) -> tuple[list[Settings], Fraction]:
    """The conditions of a fraction of 2 ** k, and what is confounded in it.

    Args:
        factors: At least three, of two levels each; the first level is the low one.
        runs: Conditions, a power of two; by default half of all. Without ``generators`` they are chosen for the
            highest resolution, and among those for the fewest short words (minimum aberration, Fries and Hunter 1980).
        generators: Such as ``["D=ABC"]``, in the letters A, B, C ... (no I) of the factors in their order; ``D=-ABC``
            is the other half.

    Raises:
        ValidationError: A factor has not two levels, or runs and generators are impossible or contradict.
    """
    _check(factors)
    letters = _LETTERS[: len(factors)]
    words = _parsed(generators, letters) if generators else _chosen(letters, _exponent(len(factors), runs))
    if runs is not None and runs != 2 ** (len(letters) - len(words)):
        raise ValidationError(
            f"{len(words)} generators of {len(letters)} variables leave {2 ** (len(letters) - len(words))} conditions, "
            f"and runs is {runs}",
            remedy="give one of the two",
        )
    conditions = [_settings(factors, letters, signs) for signs in _signs(letters, words)]
    return conditions, _described(factors, letters, words)


def _check(factors: Sequence[Factor]) -> None:
    if other := [factor.name for factor in factors if len(factor.levels) != 2]:
        raise ValidationError(
            f"a fractional factorial is of variables with two levels, and {', '.join(other)} has another number",
            remedy='give two levels, or design="full_factorial" or "latin_hypercube"',
        )
    if not 3 <= len(factors) <= len(_LETTERS):
        raise ValidationError(
            f"a fractional factorial is of 3 to {len(_LETTERS)} variables, not {len(factors)}",
            remedy='use design="full_factorial"',
        )


def _exponent(count: int, runs: int | None) -> int:
    """log2 of the number of conditions."""
    exponent = count - 1 if runs is None else int(math.log2(runs)) if runs > 0 else -1
    if (runs is not None and 2**exponent != runs) or not count < 2**exponent < 2**count:
        possible = [2**k for k in range(2, count) if count < 2**k]
        raise ValidationError(
            f"a fraction of 2**{count} has {' or '.join(map(str, possible))} conditions, not {runs}", remedy="give runs"
        )
    return exponent


Generator = tuple[str, Word, int]
"""A factor's letter, the interaction of base factors it is set equal to, and its sign."""


def _parsed(texts: Sequence[str], letters: str) -> list[Generator]:
    generators: list[Generator] = []
    for text in texts:
        left, equals, right = text.replace(" ", "").upper().partition("=")
        sign = -1 if right.startswith("-") else 1
        word = frozenset(right.lstrip("+-"))
        if not equals or len(left) != 1 or not word <= set(letters) - {left} or left not in letters or len(word) < 2:
            raise ValidationError(
                f"{text!r} is no generator of {', '.join(letters)}",
                remedy=f"write such as {letters[-1]}={letters[:-1]}",
            )
        generators.append((left, word, sign))
    made = [left for left, _, _ in generators]
    if len(set(made)) < len(made) or any(word & set(made) for _, word, _ in generators):
        raise ValidationError(
            "generators set each of their letters once, from letters that no generator sets", remedy="D=AB, E=AC"
        )
    return generators


def _chosen(letters: str, exponent: int) -> list[Generator]:
    base, made = letters[:exponent], letters[exponent:]
    interactions = [frozenset(word) for size in range(exponent, 1, -1) for word in combinations(base, size)]
    choices = islice(combinations(interactions, len(made)), _MOST_CHOICES)
    best = min(choices, key=lambda words: _pattern(_relation(list(zip(made, words, strict=True))), len(letters)))
    return [(letter, word, 1) for letter, word in zip(made, best, strict=True)]


def _relation(generators: Sequence[tuple[str, Word]]) -> list[Word]:
    """Every product of the generators' words but the identity."""
    words = [word | {letter} for letter, word in generators]
    relation = []
    for size in range(1, len(words) + 1):
        for chosen in combinations(words, size):
            together: Word = frozenset()
            for word in chosen:
                together = together ^ word
            relation.append(together)
    return relation


def _pattern(relation: Sequence[Word], count: int) -> tuple[int, ...]:
    """How many words there are of each length, the shortest first: less is better."""
    return tuple(sum(len(word) == size for word in relation) for size in range(1, count + 1))


def _signs(letters: str, generators: Sequence[Generator]) -> list[dict[str, int]]:
    base = [letter for letter in letters if letter not in {left for left, _, _ in generators}]
    rows = []
    for signs in product((-1, 1), repeat=len(base)):
        row = dict(zip(base, signs, strict=True))
        row |= {left: sign * math.prod(row[letter] for letter in word) for left, word, sign in generators}
        rows.append(row)
    return rows


def _settings(factors: Sequence[Factor], letters: str, signs: dict[str, int]) -> Settings:
    return {factor.name: factor.levels[signs[letter] > 0] for factor, letter in zip(factors, letters, strict=True)}


def _described(factors: Sequence[Factor], letters: str, generators: Sequence[Generator]) -> Fraction:
    relation = _relation([(left, word) for left, word, _ in generators])
    names = {letter: factor.name for letter, factor in zip(letters, factors, strict=True)}
    effects = [frozenset(word) for size in (1, 2) for word in combinations(letters, size)]
    aliases = {
        _name(effect, names): [
            _name(other, names) for other in effects if other != effect and (other ^ effect) in relation
        ]
        for effect in effects
    }
    return Fraction(
        letters=names,
        generators=[f"{left}={'-' * (sign < 0)}{_spelled(word)}" for left, word, sign in generators],
        relation=[f"I={_spelled(word)}" for word in sorted(relation, key=lambda word: (len(word), _spelled(word)))],
        resolution=min(len(word) for word in relation),
        aliases={effect: others for effect, others in aliases.items() if others},
    )


def _spelled(word: Word) -> str:
    return "".join(sorted(word))


def _name(word: Word, names: dict[str, str]) -> str:
    return ":".join(names[letter] for letter in sorted(word))
