"""Is the order of the built-in models found with the planner's N, and is a model not found better than itself?

    python benchmarks/builtin_order.py FOLDER

1. A pilot of a few prompts gives the variance of the paired differences; the planner turns it into N; fresh prompts and
   seeds are run, N of them, and compared. Repeated with other seeds.
2. ``shapes-base`` against itself with other seeds: every pair of seed sets is compared, and what is found is counted.

What is made stays in FOLDER, so that a second call only compares. Prints Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from vid_diffusion_bench.comparison import Comparison, Question, SamplePlan, compare, plan
from vid_diffusion_bench.comparison.compare import compare_subjects
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.statistics import wilson_interval
from vid_diffusion_bench.world.captions import VALID, caption

MODELS = ("shapes-oracle", "shapes-base", "shapes-small")
METRIC, DIFFERENCE = "overall_score", 10.0
PER_CLIP = ("overall_score", "clip_similarity", "temporal_consistency", "motion_smoothness")
PILOT_SEED, ALPHA = 1000, 0.05


@dataclass(frozen=True)
class Sizes:
    """How much is run: pilot prompts, repeats of the comparison; prompts and seed sets of one model against itself."""

    pilot: int = 12
    repeats: int = 3
    null_prompts: int = 12
    null_sets: int = 60
    null_set_pairs: int = 60


def captions(count: int, start: int = 0) -> list[str]:
    """``count`` captions of the built-in world in a random order, from ``start`` on."""
    order = np.random.default_rng(0).permutation(len(VALID))[start : start + count]
    return [caption(VALID[at], int(at)) for at in order]


def make(folder: Path, models: Sequence[str], prompts: list[str], seed: int, **fields: object) -> BenchmarkResult:
    """A run, or what is left of it to do."""
    about = {"models": list(models), "prompts": prompts, "seed": seed, "device": "cpu", "warmup": 0}
    return run(BenchmarkConfig.create(**{**about, "output_dir": str(folder), **fields}))


def planned(
    folder: Path, sizes: Sizes, models: Sequence[str] = MODELS, difference: float = DIFFERENCE
) -> list[SamplePlan]:
    """The plans of every two models, from a pilot; the tests share the level."""
    pilot = make(folder / "pilot", models, captions(sizes.pilot), PILOT_SEED, metrics=[METRIC])
    pairs = list(combinations(models, 2))
    return [plan([pilot], METRIC, difference, models=two, alpha=ALPHA / len(pairs)) for two in pairs]


def confirmed(folder: Path, n: int, repeat: int, models: Sequence[str] = MODELS) -> Comparison:
    """A comparison of ``n`` prompts, others in each repeat and none of the pilot's."""
    prompts = captions(n, 100 + n * repeat)
    result = make(folder / f"confirmed-{repeat}", models, prompts, repeat, metrics=[METRIC])
    return compare([result], question=Question(metrics=[METRIC], alpha=ALPHA))


def order_found(comparison: Comparison) -> bool:
    """Whether of every two models the first, which is the better one, was found better."""
    figure = comparison.figure(METRIC)
    return figure is not None and all(one.better == one.first for one in figure.differences)


def seed_sets(result: BenchmarkResult, folder: Path) -> list[Subject]:
    """One model's run cut into sets of one clip a prompt, each with seeds of its own."""
    model = result.models[0]
    sets = sorted({record.index for record in model.records})
    return [
        Subject(
            f"seeds {at}",
            model.model_copy(update={"records": [record for record in model.records if record.index == at]}),
            result,
            folder,
        )
        for at in sets
    ]


def null_findings(subjects: list[Subject], pairs: list[tuple[int, int]], metrics: tuple[str, ...]) -> dict[str, int]:
    """How often each metric sets two seed sets of one model apart, at the level of the test itself."""
    found = dict.fromkeys(metrics, 0)
    for first, second in pairs:
        comparison = compare_subjects([subjects[first], subjects[second]], Question(metrics=metrics, alpha=ALPHA))
        for figure in comparison.figures:
            found[figure.name] += sum(one.p_value is not None and one.p_value <= ALPHA for one in figure.differences)
    return found


def _rates(found: dict[str, int], n: int) -> Iterator[str]:
    for name, count in found.items():
        low, high = wilson_interval(count, n)
        yield f"| `{name}` | {count} of {n} | {count / n:.1%} [{low:.1%}, {high:.1%}] |"


def main(folder: Path, sizes: Sizes) -> None:
    """Run all of it and print."""
    plans = planned(folder, sizes)
    print(
        "| models | pilot's difference | variance of the differences | N for 10 points, power 0.8 |\n|---|---|---|---|"
    )
    for one in plans:
        size = one.sizes[0]
        print(f"| {one.first}, {one.second} | {one.observed_difference:.1f} | {one.between:.0f} | {size.prompts} |")
    n = max(one.sizes[0].prompts for one in plans)
    comparisons = [confirmed(folder, n, repeat) for repeat in range(1, sizes.repeats + 1)]
    print(f"\nN = {n}: the order was found in {sum(map(order_found, comparisons))} of {sizes.repeats} repeats.\n")
    for repeat, comparison in enumerate(comparisons, 1):
        for one in comparison.figures[0].differences:
            low, high = one.confidence_interval or (float("nan"), float("nan"))
            print(
                f"| {repeat} | {one.first} − {one.second} | {one.difference:+.1f} [{low:+.1f}, {high:+.1f}] "
                f"| {one.test} | {one.p_holm:.2g} |"
            )
    prompts = captions(sizes.null_prompts, 1000)
    null = make(
        folder / "null", ("shapes-base",), prompts, 0, samples_per_prompt=sizes.null_sets, metrics=[*PER_CLIP, "fvd"]
    )
    subjects = seed_sets(null, folder / "null")
    every = list(combinations(range(len(subjects)), 2))
    apart = [(at, at + 1) for at in range(0, len(subjects) - 1, 2)]
    print(f"\nOne model against itself, {sizes.null_prompts} prompts, {len(subjects)} seed sets.\n")
    print("Every set used once:\n")
    print("\n".join(_rates(null_findings(subjects, apart, PER_CLIP), len(apart))))
    print("\nEvery pair, not independent:\n")
    print("\n".join(_rates(null_findings(subjects, every, PER_CLIP), len(every))))
    some = every[:: max(1, len(every) // sizes.null_set_pairs)][: sizes.null_set_pairs]
    print("\n".join(_rates(null_findings(subjects, some, ("fvd",)), len(some))))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "builtin-order"), Sizes())
