"""What profiler and engine cost: per denoising step, per reported latency, per run. Prints medians, never asserts.

Every comparison runs in alternating order and has a control beside it: the bare call against itself. A difference
inside the control's spread is none.

    python benchmarks/overhead.py [--model shapes-base] [--rounds 15] [--clips 6] [--steps 1000]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import make_plan, run
from vid_diffusion_bench.engine.session import Session, StepWatch
from vid_diffusion_bench.models import get_model
from vid_diffusion_bench.profiling import Sampler, measure, sample_memory
from vid_diffusion_bench.storage import RunStore

PROMPTS = [
    "a red circle moving left on a black background",
    "a blue square growing on a white background",
    "a green star spinning on a gray background",
    "a yellow cross moving up on a blue background",
    "a purple triangle standing still on a white background",
    "a cyan circle shrinking on a black background",
]


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def alternating(bare: Callable[[], float], ours: Callable[[], float], rounds: int) -> dict[str, object]:
    """Medians of bare, control (bare again) and ours, the order turned every round, and the ratios round by round.

    Wall seconds are what the call returns (for ours: what the engine reports), CPU seconds are this process's.
    """
    wall: dict[str, list[float]] = {"bare": [], "control": [], "ours": []}
    cpu: dict[str, list[float]] = {"bare": [], "control": [], "ours": []}
    for number in range(rounds):
        order = [("bare", bare), ("control", bare), ("ours", ours)]
        for name, call in order[number % 3 :] + order[: number % 3]:
            before = time.process_time()
            wall[name].append(call())
            cpu[name].append(time.process_time() - before)
    return {"rounds": rounds, "wall": summary(wall), "cpu": summary(cpu)}


def summary(times: dict[str, list[float]]) -> dict[str, object]:
    """Median seconds, and quartiles of the ratio to bare in the same round."""
    found: dict[str, object] = {f"{name}_seconds": round(statistics.median(times[name]), 4) for name in times}
    for name in ("control", "ours"):
        ratios = [value / base for value, base in zip(times[name], times["bare"], strict=True)]
        found[f"{name}_to_bare_quartiles"] = [round(quartile, 4) for quartile in statistics.quantiles(ratios, n=4)]
    return found


def per_step(steps: int, rounds: int) -> dict[str, object]:
    """Microseconds a denoising step of a denoiser that does nothing, less the bare loop.

    ``profiler`` is the stage timer alone, ``engine`` adds the engine's step watch, ``sampled`` adds memory sampled from
    another process; ``control`` is the bare loop once more.
    """
    denoiser, x = torch.nn.Identity(), torch.zeros(1)
    config = BenchmarkConfig(models=["shapes-oracle"], prompts=PROMPTS[:1], timeout_seconds=3600.0)
    batch = make_plan(config).models[0].batches[0]

    def bare() -> float:
        started = time.perf_counter()
        for _ in range(steps):
            denoiser(x)
        return time.perf_counter() - started

    def measured(sampler: Sampler | None, watch: StepWatch | None) -> float:
        with measure({"denoiser": [denoiser]}, "cpu", sampler) as measurement:
            if watch:
                watch.timer = measurement.timer
            started = time.perf_counter()
            for step in range(1, steps + 1):
                denoiser(x)
                if watch:
                    watch(step, steps)
                else:
                    measurement.timer.step()
            return time.perf_counter() - started

    with tempfile.TemporaryDirectory() as folder, RunStore(folder) as store, sample_memory("cpu") as sampler:
        session = Session(config, "cpu", store, events.ignore, threading.Event(), 1, 0, set())
        kinds: dict[str, Callable[[], float]] = {
            "control": bare,
            "profiler": lambda: measured(None, None),
            "engine": lambda: measured(None, StepWatch(session, batch)),
            "sampled": lambda: measured(sampler, StepWatch(session, batch)),
        }
        found: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(rounds):
            base = bare()
            order = list(kinds.items())
            for name, call in order[number % 4 :] + order[: number % 4]:
                found[name].append(1e6 * (call() - base) / steps)
    medians = {f"{name}_microseconds_a_step": round(statistics.median(times), 2) for name, times in found.items()}
    return {**medians, "goal_microseconds_a_step": 200, "steps": steps, "rounds": rounds}


def latency(name: str, rounds: int, device: str = "cpu", precision: str = "fp32") -> dict[str, object]:
    """The latency that is reported, memory sampled, against the bare pipeline call at the same seed and shape."""
    model = get_model(name)
    config = BenchmarkConfig(models=[name], prompts=PROMPTS[:1], device=device)
    batch = make_plan(config).models[0].batches[0]
    model.load(device, precision)
    call = model.call  # type: ignore[attr-defined]
    pipeline = model._loaded  # type: ignore[attr-defined]
    requests = [sample.request for sample in batch]

    def bare() -> float:
        arguments = call.arguments(requests)
        with torch.inference_mode():
            return seconds(lambda: pipeline(**arguments))

    with tempfile.TemporaryDirectory() as folder, RunStore(folder) as store, sample_memory(device) as sampler:
        session = Session(config, device, store, events.ignore, threading.Event(), 1, 0, set())

        def reported() -> float:
            watch = StepWatch(session, batch)
            with measure(model.stages(), device, sampler) as measured:
                watch.timer = measured.timer
                model.generate(requests, watch)
            return measured.cost(1).latency

        bare()
        return alternating(bare, reported, rounds)


def wall(name: str, clips: int, rounds: int) -> dict[str, object]:
    """A whole run with scoring off (load, warm-up, clips, store) against load, warm-up and the bare calls."""
    prompts = PROMPTS[:clips]

    def bare() -> float:
        started = time.perf_counter()
        model = get_model(name)
        samples = make_plan(BenchmarkConfig(models=[name], prompts=prompts)).models[0].samples
        model.load("cpu", "fp32")
        call, pipeline = model.call, model._loaded  # type: ignore[attr-defined]
        for sample in [samples[0], *samples]:
            with torch.inference_mode():
                pipeline(**call.arguments([sample.request]))
        model.unload()
        return time.perf_counter() - started

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            config = BenchmarkConfig(models=[name], prompts=prompts, output_dir=str(Path(folder) / "run"), device="cpu")
            return seconds(lambda: run(config, score=False))

    bare()
    return alternating(bare, ours, rounds) | {"clips": clips}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="shapes-base")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--wall-rounds", type=int, default=9)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = {
        "model": options.model,
        "per_step": per_step(options.steps, options.rounds),
        "reported_latency": latency(options.model, options.rounds),
        "run_without_scoring": wall(options.model, options.clips, options.wall_rounds),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
