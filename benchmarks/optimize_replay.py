"""Search against chance with many sampler seeds: each setting of `optimize.py` measured once, searches replayed on it.

Latency is the passes of the denoiser (`--clock passes` there), so that a table made on a busy machine is the same.
`--measure` makes the table, or goes on with it; without it the package's samplers search the table, and shares of the
hypervolume of its best front are printed. A setting proposed again is told again and costs nothing, as in a search.

    python benchmarks/optimize_replay.py TABLE --measure [--prompts 10]
    python benchmarks/optimize_replay.py TABLE [--repeats 30] [--evaluations 24] [--half 0|1] [--strategies NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import optuna

from optimize import SPACE, UP, passes
from vid_diffusion_bench import StandardPrompts, __version__
from vid_diffusion_bench.ai_optimization.evaluation import Evaluator
from vid_diffusion_bench.ai_optimization.objectives import define
from vid_diffusion_bench.ai_optimization.samplers import encode, make_sampler, quiet, suggest
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.models import get_model
from vid_diffusion_bench.profiling import read_manifest
from vid_diffusion_bench.results import utc_now
from vid_diffusion_bench.statistics import hypervolume

MODEL = "shapes-base"
STRATEGIES = ("random", "evolutionary", "multi_objective", "bayesian")
Point = tuple[float, float]
"""Quality and passes in shares of the default's."""
_SEED, _TRIES, _DRAWS = 0, 20, 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--prompts", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--evaluations", type=int, default=24)
    parser.add_argument("--half", type=int, choices=(0, 1), help="every other prompt, from the first or the second")
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES[1:], default=STRATEGIES[1:])
    asked = parser.parse_args()
    if asked.measure:
        _measure(asked.table, asked.prompts)
    else:
        _replay(_points(json.loads(asked.table.read_text()), asked.half), asked)


def _measure(path: Path, prompts: int) -> None:
    """Measure what the table lacks; it is written after each setting."""
    model, objective = get_model(MODEL), define("pareto", "cpu")
    fields = {"models": [MODEL], "prompts": StandardPrompts.SHAPES_V1[:prompts], "metrics": [objective.quality]}
    table = json.loads(path.read_text()) if path.exists() else {"made": _made(prompts), "settings": []}
    known = [entry["setting"] for entry in table["settings"]]
    with TemporaryDirectory() as clips:
        evaluator = Evaluator(BenchmarkConfig.create(**fields), model, "cpu", objective, Path(clips))
        for setting in [s for s in ({}, *SPACE.grid()) if s not in known]:
            samples = evaluator.measure(setting, _SEED).samples
            count = passes(model.defaults.model_copy(update=setting))
            quality = [round(sample.quality or 0.0, 4) for sample in samples]
            table["settings"].append({"setting": setting, "passes": count, "quality": quality})
            path.write_text(_written(table))
            print(len(table["settings"]), setting, count, mean(quality), flush=True)


def _made(prompts: int) -> dict[str, Any]:
    return {
        "how": f"optimize_replay.py --measure: {MODEL}, the first {prompts} prompts of shapes-v1, base seed {_SEED}",
        "when": utc_now(),
        "version": __version__,
        "processor": read_manifest("cpu", "fp32").processor,
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def _written(table: dict[str, Any]) -> str:
    """JSON with a line a setting."""
    lines = ",\n".join(json.dumps(entry) for entry in table["settings"])
    return f'{{"made": {json.dumps(table["made"])},\n"settings": [\n{lines}\n]}}\n'


def _points(table: dict[str, Any], half: int | None) -> dict[str, Point]:
    """Each setting's point; the default's is (1, 1)."""
    step = slice(half, None, None if half is None else 2)
    values = {_key(e["setting"]): (mean(e["quality"][step]), e["passes"]) for e in table["settings"]}
    quality, count = values.pop(_key({}))
    return {key: (value[0] / quality, value[1] / count) for key, value in values.items()}


def _replay(points: dict[str, Point], asked: argparse.Namespace) -> None:
    best = _volume(list(points.values()))
    chance: list[float] = []
    for name in ("random", *asked.strategies):
        started = time.process_time()
        found = [_volume(_search(name, points, asked.evaluations, seed)) / best for seed in range(asked.repeats)]
        seconds = (time.process_time() - started) / asked.repeats
        chance = chance or found
        print(json.dumps({"strategy": name, **_row(found, chance), "cpu seconds a search": round(seconds, 2)}))


def _search(strategy: str, points: dict[str, Point], evaluations: int, seed: int) -> list[Point]:
    """The points that a search of so many different settings saw."""
    seen: dict[str, Point] = {}
    drawn = random.Random(seed)
    with quiet():
        made = make_sampler(strategy, SPACE, axes=2, evaluations=evaluations, seed=seed)
        study = optuna.create_study(sampler=made.sampler, directions=["maximize", "minimize"])
        tries = 0
        while len(seen) < evaluations:
            if tries == _TRIES:
                study.enqueue_trial(encode(SPACE, drawn.choice([s for s in SPACE.grid() if _key(s) not in seen])))
            trial = study.ask()
            key = _key(suggest(SPACE, trial))
            study.tell(trial, points[key])
            tries = tries + 1 if key in seen else 0
            seen[key] = points[key]
    return list(seen.values())


def _row(found: Sequence[float], chance: Sequence[float]) -> dict[str, object]:
    """Shares of the best front, and how often one search, and the median of five, is above chance's."""
    low, middle, high = quantiles(found, n=4)
    row: dict[str, object] = {"searches": len(found), "median": round(middle, 3), "quartiles": [_two(low), _two(high)]}
    if found is chance:
        return row
    draw = random.Random(0)
    fives = [(median(draw.sample(found, 5)), median(draw.sample(chance, 5))) for _ in range(_DRAWS)]
    return {
        **row,
        "one above random": _two(mean(a > b for a in found for b in chance)),
        "median of five above random": _two(mean(a > b for a, b in fives)),
    }


def _volume(points: Sequence[Point]) -> float:
    return hypervolume(points, (1.0, 1.0), UP)


def _two(share: float) -> float:
    return round(share, 2)


def _key(setting: dict[str, Any]) -> str:
    return json.dumps(setting, sort_keys=True)


if __name__ == "__main__":
    main()
