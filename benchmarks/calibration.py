"""Do the statistics keep what they promise? Simulated data with a known truth, shares of errors and of coverage.

Scores of C prompts with S seeds each: what a prompt is worth to a model (independent between models, so seeds of one
prompt agree more than prompts do) plus what a seed is worth. Null data are two models with one distribution. "normal",
"skewed" (log-normal, sigma 1), "heavy" (Student's t with 3 degrees of freedom) and "bounded" (four yes-or-no answers a
clip, many ties) name the distribution of the scores. "uneven" are differences that are skewed themselves and have a
mean of zero: two models that do differ, though not in their means.

    OMP_NUM_THREADS=1 python benchmarks/calibration.py [--simulations 2000] [--quick]

The part "skewness" says how often intervals of skewed means hold and how many have a caution, the part "scores" the
same of scores of runs: the prompts' means of every model and metric, of all ``--runs`` together, are the population.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance
from vid_diffusion_bench.statistics import (
    SequentialPlan,
    Variance,
    cluster_bootstrap,
    equivalence,
    interval_caution,
    non_inferiority,
    paired_t,
    paired_test,
    permutation_test,
    rank_models,
    samples_needed,
    sign_flip,
    skewness,
    wilcoxon,
)
from vid_diffusion_bench.statistics.clusters import cluster_means
from vid_diffusion_bench.statistics.resampling import draw_counts
from vid_diffusion_bench.storage import load_result

Table = np.ndarray
Row = dict[str, object]
TESTS = {"t": paired_t, "wilcoxon": wilcoxon, "sign_flip": sign_flip, "chosen": paired_test}
SIZES = ((8, 1), (8, 3), (20, 1), (20, 3), (50, 1), (50, 3))


def normal(rng: np.random.Generator, c: int, s: int) -> Table:
    return rng.normal(size=(c, 1)) + rng.normal(size=(c, s))


def skewed(rng: np.random.Generator, c: int, s: int) -> Table:
    return np.exp(rng.normal(size=(c, 1))) + np.exp(rng.normal(size=(c, s)))


def heavy(rng: np.random.Generator, c: int, s: int) -> Table:
    return rng.standard_t(3, size=(c, 1)) + rng.standard_t(3, size=(c, s))


def bounded(rng: np.random.Generator, c: int, s: int) -> Table:
    return rng.binomial(4, np.broadcast_to(rng.beta(4, 1.5, size=(c, 1)), (c, s))) / 4


def exponential(rng: np.random.Generator, c: int, s: int) -> Table:
    return rng.exponential(size=(c, 1)) + 0.5 * rng.normal(size=(c, s))


SHAPES: dict[str, tuple[Callable[[np.random.Generator, int, int], Table], float]] = {
    "normal": (normal, 0.0),
    "skewed": (skewed, 2 * math.exp(0.5)),
    "heavy": (heavy, 0.0),
    "bounded": (bounded, 4 / 5.5),
    "exponential": (exponential, 1.0),
}
"""Scores of one model and their mean."""


def null_differences(shape: str, rng: np.random.Generator, c: int, s: int) -> Table:
    draw, mean = SHAPES["exponential" if shape == "uneven" else shape]
    return draw(rng, c, s) - (mean if shape == "uneven" else draw(rng, c, s))


def prompts(c: int, s: int) -> list[int]:
    return np.repeat(np.arange(c), s).tolist()


def percent(hits: list[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1)


def type_one(simulations: int, sizes: tuple[tuple[int, int], ...] = SIZES) -> Iterator[Row]:
    """How often each test finds, at 5 %, a difference that is none."""
    for shape in ("normal", "skewed", "heavy", "bounded", "uneven"):
        for c, s in sizes:
            rng, clusters = np.random.default_rng([c, s, *shape.encode()]), prompts(c, s)
            found: dict[str, list[bool]] = {name: [] for name in TESTS}
            for _ in range(simulations):
                differences = null_differences(shape, rng, c, s).ravel().tolist()
                for name, test in TESTS.items():
                    found[name].append(finds(test, differences, clusters))
            yield {"shape": shape, "prompts": c, "seeds": s, **{name: percent(hits) for name, hits in found.items()}}


def finds(test: Callable, differences: list[float], clusters: list[int]) -> bool:
    if test is sign_flip:
        return sign_flip(differences, clusters, resamples=999).p_value <= 0.05
    return test(differences, clusters).p_value <= 0.05


def margins(simulations: int, sizes: tuple[tuple[int, int], ...] = SIZES) -> Iterator[Row]:
    """How often a difference exactly as large as the margin passes, at 5 %."""
    for shape in ("normal", "skewed", "heavy", "bounded", "uneven"):
        for c, s in sizes:
            rng, clusters = np.random.default_rng([c, s, 1, *shape.encode()]), prompts(c, s)
            margin = 100.0  # so far out that only one of the two bounds decides
            equivalent, no_worse = [], []
            for _ in range(simulations):
                shifted = (margin + null_differences(shape, rng, c, s)).ravel().tolist()
                equivalent.append(equivalence(shifted, clusters, margin).holds)
                no_worse.append(non_inferiority(shifted, clusters, margin, resamples=2000).holds)
            row: Row = {"shape": shape, "prompts": c, "seeds": s}
            yield row | {"equivalence": percent(equivalent), "non_inferiority": percent(no_worse)}


def coverage(simulations: int) -> Iterator[Row]:
    """How often the 95 % interval holds the true mean: of scores, and of differences of two equal models.

    "plain" is the percentile bootstrap without the expansion, of the scores.
    """
    for shape, (draw, mean) in SHAPES.items():
        for c, s in ((5, 1), (5, 3), (8, 1), (8, 3), (12, 1), (12, 3), (20, 1), (20, 3), (50, 1), (50, 3)):
            rng, clusters = np.random.default_rng([c, s, 2, *shape.encode()]), prompts(c, s)
            scores, differences, plain = [], [], []
            for _ in range(simulations):
                one = draw(rng, c, s)
                low, high = cluster_bootstrap(one.ravel().tolist(), clusters)
                scores.append(low <= mean <= high)
                low, high = plain_percentile(one)
                plain.append(low <= mean <= high)
                low, high = cluster_bootstrap((one - draw(rng, c, s)).ravel().tolist(), clusters)
                differences.append(low <= 0 <= high)
            row: Row = {"shape": shape, "prompts": c, "seeds": s}
            yield row | {"scores": percent(scores), "plain": percent(plain), "differences": percent(differences)}


def plain_percentile(values: Table) -> tuple[float, float]:
    """Interval of the mean of ``values`` (C, S) by the usual percentile bootstrap over prompts."""
    means = np.concatenate([*draw_counts(len(values), 2000, 0)]) @ values.mean(axis=1) / len(values)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


SKEWED = {
    "normal": (lambda rng, c: rng.normal(size=c), 0.0, 0.0),
    **{
        f"gamma, skewness {skew}": (lambda rng, c, k=4 / skew**2: rng.gamma(k, size=c), 4 / skew**2, skew)
        for skew in (0.5, 1.0, 1.5, 2.0, 3.0)
    },
    "beta(9, 1)": (lambda rng, c: rng.beta(9, 1, size=c), 0.9, -1.47),
    "difference of log-normals": (lambda rng, c: np.exp(rng.normal(size=c)) - np.exp(rng.normal(size=c)), 0.0, 0.0),
}
"""Scores of c prompts, their mean, their skewness."""
PROMPTS = (8, 12, 20, 30, 50, 100)


def skewed_means(simulations: int) -> Iterator[Row]:
    """How often 95 % intervals hold the mean, how many have a caution, and how often the others hold."""
    for shape, (draw, mean, skew) in SKEWED.items():
        for c in PROMPTS:
            rng = np.random.default_rng([c, 8, *shape.encode()])
            yield {"shape": shape, "skewness": skew, "prompts": c, **cautioned(draw, rng, c, mean, simulations)}


def real_scores(simulations: int, runs: Sequence[Path]) -> Iterator[Row]:
    """The same, of prompts drawn from those of ``runs``."""
    for (model, metric), scores in populations(runs).items():
        for c in PROMPTS:
            rng, mean = np.random.default_rng([c, 9]), float(scores.mean())
            row: Row = {
                "model": model,
                "metric": metric,
                "skewness": round(skewness(scores, range(len(scores))) or 0, 2),
            }
            yield row | {"prompts": c, **cautioned(partial(_drawn, scores), rng, c, mean, simulations)}


def _drawn(scores: Table, rng: np.random.Generator, c: int) -> Table:
    return rng.choice(scores, c)


def cautioned(
    draw: Callable[[np.random.Generator, int], Table], rng: np.random.Generator, c: int, mean: float, simulations: int
) -> Row:
    held, said = [], []
    for _ in range(simulations):
        values = draw(rng, c).tolist()
        low, high = cluster_bootstrap(values, range(len(values)))
        held.append(low <= mean <= high)
        said.append(interval_caution(values, range(len(values))) is not None)
    quiet = [h for h, s in zip(held, said, strict=True) if not s]
    return {"holds": percent(held), "cautioned": percent(said), "others_hold": percent(quiet) if quiet else None}


def populations(runs: Sequence[Path]) -> dict[tuple[str, str], Table]:
    """Of each model and metric that has different values for 20 prompts or more, the prompts' means in every run."""
    found: dict[tuple[str, str], list[float]] = {}
    for folder in runs:
        for model in load_result(folder).models:
            for metric in model.metric_results:
                known = [
                    (s.value, r.prompt_id) for r in model.records if (s := r.scores.get(metric)) and s.value is not None
                ]
                if known:
                    found.setdefault((model.model_name, metric), []).extend(cluster_means(*zip(*known, strict=True)))
    return {name: np.array(means) for name, means in found.items() if len(means) >= 20 and len(set(means)) > 2}


def power(simulations: int) -> Iterator[Row]:
    """Found as often as planned? Prompts from ``samples_needed``, with the true variances."""
    for between, within, seeds, difference, wanted in (
        (1.0, 1.0, 1, 1.0, 0.8),
        (1.0, 1.0, 3, 0.6, 0.8),
        (0.2, 2.0, 2, 0.4, 0.8),
        (1.0, 0.5, 1, 0.5, 0.9),
    ):
        plan = samples_needed(difference, Variance(between, within), seeds=seeds, power=wanted)
        rng, clusters = np.random.default_rng([seeds, plan.prompts, 3]), prompts(plan.prompts, seeds)
        found = []
        for _ in range(simulations):
            shared = math.sqrt(between) * rng.normal(size=(plan.prompts, 1))
            values = difference + shared + math.sqrt(within) * rng.normal(size=(plan.prompts, seeds))
            found.append(paired_test(values.ravel().tolist(), clusters).p_value <= 0.05)
        row: Row = {"between": between, "within": within, "seeds": seeds, "difference": difference}
        yield row | {"prompts": plan.prompts, "planned": round(100 * plan.power, 1), "found": percent(found)}


def sequential(simulations: int) -> Iterator[Row]:
    """Total error under no difference; power and mean prompts under one that the fixed test finds with power 0.9."""
    for looks, total in ((2, 20), (4, 40), (5, 50), (5, 100)):
        plan = SequentialPlan(looks)
        due = plan.prompts_at(total)
        row: Row = {"looks": looks, "prompts": total}
        for shape in ("normal", "heavy", "bounded", "skewed"):
            rng = np.random.default_rng([looks, total, 4, *shape.encode()])
            runs = [run(plan, due, null_differences(shape, rng, total, 1)[:, 0]) for _ in range(simulations)]
            row[f"error_{shape}"] = percent([stopped for stopped, _ in runs])
        effect = 3.24 / math.sqrt(total)
        rng = np.random.default_rng([looks, total, 5])
        samples = effect + rng.normal(size=(simulations, total))
        runs = [run(plan, due, values) for values in samples]
        row["found"] = percent([stopped for stopped, _ in runs])
        row["found_by_fixed_test"] = percent([paired_t(v, range(total)).p_value <= 0.05 for v in samples])
        yield row | {"mean_prompts": round(float(np.mean([n for _, n in runs])), 1)}


def run(plan: SequentialPlan, due: tuple[int, ...], values: Table) -> tuple[bool, int]:
    for number, n in enumerate(due, 1):
        if plan.look(number, values[:n].tolist(), range(n)).stop:
            return True, n
    return False, due[-1]


def permutation(simulations: int) -> Iterator[Row]:
    """How often the test finds, at 5 %, a Fréchet distance between clips of equal models; N = 32 clips, D features."""
    for kind, c, s, d in (
        ("paired", 32, 1, 16),
        ("paired", 16, 2, 16),
        ("unpaired", 32, 1, 16),
        ("unpaired", 16, 2, 16),
    ):
        rng, found, larger = np.random.default_rng([c, s, d, 6, *kind.encode()]), [], []
        scale = 1 / np.arange(1, d + 1)
        for _ in range(simulations):
            one, other = two_sets(rng, kind == "paired", c, s, scale)
            blocks = list(range(c * s)) if kind == "paired" else prompts(c, s)
            second = blocks if kind == "paired" else [block + c for block in blocks]
            for shift, hits in ((0.0, found), (0.5 * scale, larger)):
                p = permutation_test(frechet_distance, one, other + shift, blocks, second, resamples=99).p_value
                hits.append(p <= 0.05)
        yield {
            "blocks": kind,
            "prompts": c,
            "seeds": s,
            "features": d,
            "error": percent(found),
            "found": percent(larger),
        }


def two_sets(rng: np.random.Generator, shared: bool, c: int, s: int, scale: Table) -> tuple[Table, Table]:
    """Features (C S, D) of two equal models: what a prompt shows, which paired sets share, and what a seed does."""
    d = len(scale)
    shown = rng.normal(size=(2, c, 1, d))
    if shared:
        shown[1] = shown[0]
    one, other = ((shown + rng.normal(size=(2, c, s, d))) * scale).reshape(2, c * s, d)
    return one, other


def ranks(simulations: int) -> Iterator[Row]:
    """How often the intervals of all ranks hold the true ranks together: three equal models and a better one."""
    for c in (8, 20):
        rng, held = np.random.default_rng([c, 7]), []
        for _ in range(simulations):
            scores = rng.normal(size=c) + rng.normal(size=(4, c)) + np.array([0.8, 0, 0, 0])[:, None]
            found = rank_models(dict(zip("abcd", scores, strict=True)), range(c), higher_is_better=True, resamples=1)
            ends = {row.model: row.interval for row in found}
            held.append(ends["a"][0] == 1 and all(ends[m][0] <= 2 and ends[m][1] == 4 for m in "bcd"))
        yield {"models": 4, "prompts": c, "intervals_hold": percent(held)}


PARTS: dict[str, tuple[Callable[..., Iterator[Row]], int]] = {
    "type_one": (type_one, 1),
    "margins": (margins, 1),
    "coverage": (coverage, 1),
    "skewness": (skewed_means, 1),
    "scores": (real_scores, 1),
    "power": (power, 1),
    "sequential": (sequential, 1),
    "permutation": (permutation, 2),
    "ranks": (ranks, 2),
}
"""Each part, and by what its simulations are divided because one costs more."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="200 simulations")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", nargs="+", type=Path, default=[], help="folders of runs, for the part scores")
    options = parser.parse_args()
    simulations = 200 if options.quick else options.simulations
    for name in options.parts:
        part, divisor = PARTS[name]
        n = max(1, simulations // divisor)
        half = 196 * math.sqrt(0.05 * 0.95 / n)
        print(
            json.dumps(
                {"part": name, "simulations": n, "interval_of_5_percent": [round(5 - half, 1), round(5 + half, 1)]}
            )
        )
        for row in part(n, options.runs) if part is real_scores else part(n):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
