"""Search against chance on `shapes-base`: the same budgets, the same clips, and the winners on fresh seeds.

Quality is `overall_score`, latency the measured wall time of a clip. All searches share one folder of clips, so that a
setting which several of them try is one measurement: what differs between the strategies is only which settings they
try. A killed run goes on where it stopped.

On a machine with other work the wall time of a clip says more of the neighbours than of the setting. `--clock passes`
puts the passes of the denoiser in its place, which is no measurement of time: 1 ms a pass, two passes a step with
guidance above 1 and one without.

    python benchmarks/optimize.py --folder FOLDER [--repeats 5] [--evaluations 24] [--prompts 10] [--clock passes]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

from vid_diffusion_bench import BenchmarkSuite, StandardPrompts, events
from vid_diffusion_bench.ai_optimization import (
    AIOptimizationEngine,
    OptimizationResult,
    Options,
    SearchSpace,
    evaluation,
    read_result,
)
from vid_diffusion_bench.ai_optimization.confirm import compare
from vid_diffusion_bench.ai_optimization.measured import Measured, read_measured
from vid_diffusion_bench.ai_optimization.objectives import define
from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.models import get_model
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.statistics import hypervolume

SPACE = SearchSpace(
    discrete_params={"num_inference_steps": [2, 3, 4, 5, 6, 8, 10, 12], "guidance_scale": [1, 1.5, 2, 3, 4, 6]},
    categorical_params={"scheduler": ["euler", "lcm", "unipc"]},
)
STRATEGIES = ("bayesian", "random")
UP = (True, False)
_CHECK_SEED = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=24)
    parser.add_argument("--prompts", type=int, default=10)
    parser.add_argument("--check", type=Path, help="optimized.json: its best on all prompts of shapes-v1")
    parser.add_argument("--clock", choices=("wall", "passes"), default="wall")
    asked = parser.parse_args()
    if asked.check:
        print(json.dumps(_check(asked.check, asked.folder / "check"), indent=1))
        return
    if asked.clock == "passes":
        evaluation.read_measured = _count_passes
    found: dict[str, list[OptimizationResult]] = {name: [] for name in STRATEGIES}
    for repeat in range(asked.repeats):
        for name in STRATEGIES:
            found[name].append(_search(name, repeat, asked))
            print(json.dumps(_row(name, repeat, found[name][-1])), flush=True)
    print(json.dumps(_summary(found), indent=1))


def _search(strategy: str, repeat: int, asked: argparse.Namespace) -> OptimizationResult:
    suite = BenchmarkSuite(device="cpu", output_dir=asked.folder, listener=_say)
    return AIOptimizationEngine(suite).optimize_benchmark_parameters(
        "shapes-base",
        "pareto",
        strategy,
        SPACE,
        asked.evaluations,
        prompts=StandardPrompts.SHAPES_V1[: asked.prompts],
        options=Options(seed=repeat, top=5, clips_dir=asked.folder / "clips"),
        output_dir=asked.folder / f"{asked.clock}-{strategy}-{repeat}",
    )


def _check(path: Path, folder: Path) -> dict[str, object]:
    """The best of a search and the default in turn, on more prompts than the search had and on seeds of their own."""
    found, model, objective = read_result(path), get_model("shapes-base"), define("pareto", "cpu")
    fields = {"models": ["shapes-base"], "prompts": StandardPrompts.SHAPES_V1, "metrics": [objective.quality]}
    evaluator = evaluation.Evaluator(BenchmarkConfig.create(**fields), model, "cpu", objective, folder)
    default, best = evaluator.measure_together([{}, found.best_parameters], _CHECK_SEED, 8)
    assert isinstance(default, Measured)
    assert isinstance(best, Measured)
    compared = [compare(axis, best, default).model_dump() for axis in objective.axes]
    return {"best": found.best_parameters, "clips": best.clips, "compared": compared}


def _count_passes(result: BenchmarkResult, setting: dict[str, object], *rest: object) -> Measured:
    """What was measured, with the denoiser's passes in the place of the milliseconds."""
    found = read_measured(result, setting, *rest)
    count = float(passes(result.models[0].records[0].parameters))
    samples = [sample.model_copy(update={"latency_ms": count}) for sample in found.samples]
    return found.model_copy(update={"latency_ms": count, "latency_warnings": [], "samples": samples})


def passes(parameters: GenerationParameters) -> int:
    """How often the denoiser is called for a clip."""
    return (parameters.num_inference_steps or 0) * (2 if (parameters.guidance_scale or 0) > 1 else 1)


def _row(strategy: str, repeat: int, result: OptimizationResult) -> dict[str, object]:
    return {
        "strategy": strategy,
        "repeat": repeat,
        "hypervolume_of_search": _volume(result, len(result.trials)),
        "after_half": _volume(result, len(result.trials) // 2),
        "hypervolume_on_fresh_seeds": result.hypervolume,
        "best": result.best_parameters,
        "balanced_on_fresh_seeds": result.best_score,
        "balanced_in_search": result.search_score,
        "against_default": {
            found.axis: [found.default, found.value, found.difference, found.difference_interval]
            for found in result.comparisons
        },
        "beats_default": result.beats_default,
        "front": [entry.setting for entry in result.front],
    }


def _volume(result: OptimizationResult, first: int) -> float:
    """Volume over the default that the front of the first settings encloses, in shares of the default's figures."""
    default = result.default
    assert default.quality is not None
    own = (default.quality, default.latency_ms)
    points = [
        [v / o for v, o in zip(trial.values, own, strict=True)] for trial in result.trials[:first] if trial.values
    ]
    return hypervolume(points, (1.0, 1.0), UP)


def _summary(found: dict[str, list[OptimizationResult]]) -> dict[str, object]:
    volumes = {name: [_volume(r, len(r.trials)) for r in results] for name, results in found.items()}
    halves = {name: [_volume(r, len(r.trials) // 2) for r in results] for name, results in found.items()}
    fresh = {name: [r.best_score for r in results] for name, results in found.items()}
    return {
        "median hypervolume": {name: median(values) for name, values in volumes.items()},
        "median hypervolume after half": {name: median(values) for name, values in halves.items()},
        "median balanced on fresh seeds": {name: median(values) for name, values in fresh.items()},
        "beat the default on fresh seeds": {n: sum(r.beats_default is True for r in rs) for n, rs in found.items()},
        "searches": {name: len(results) for name, results in found.items()},
    }


def _say(event: events.Event) -> None:
    if isinstance(event, events.TrialCompleted):
        print(event.phase, event.done, event.total, event.state, event.setting, event.values, flush=True)


if __name__ == "__main__":
    main()
