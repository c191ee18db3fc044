"""Checks of the profiler on a GPU, and what bf16 and compiling bring; writes docs/benchmarks-gpu.md.

Memory of known tensors against PyTorch's allocator and NVML; the energy counter against the integral of the power over
a steady minute; baseline, bf16 and compiled on a random-weight Wan; the reported latency against the bare call. Without
a CUDA device the same code runs on a tiny model on the processor, and the page says which figures are open.

    python benchmarks/gpu.py [--page docs/benchmarks-gpu.md] [--seconds 60] [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

import overhead
import random_wan
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import make_plan
from vid_diffusion_bench.models import VideoModel, get_model
from vid_diffusion_bench.profiling import compile_seconds, measure, read_manifest, resolve_device, sample_memory
from vid_diffusion_bench.profiling.nvml import Nvml
from vid_diffusion_bench.profiling.sampler import DEVICE_VRAM, PROCESS_VRAM

MIB = 1024**2
PROMPT = "a red circle moving left on a black background"
OPEN = "open: no CUDA device was at hand"
Row = list[str]


def known_tensors(device: str) -> list[Row]:
    """Tensors of known size, and what each reading rose by."""
    rows: list[Row] = []
    if device == "cpu":
        return rows
    with sample_memory(device) as sampler:
        for mib in (256, 1024, 4096):
            torch.cuda.empty_cache()
            with measure({}, device, sampler) as before:
                time.sleep(0.2)
            with measure({}, device, sampler) as during:
                block = torch.ones(mib * MIB, dtype=torch.uint8, device=device)
                torch.cuda.synchronize()
                time.sleep(0.2)
            del block
            first, then = before.cost(1), during.cost(1)
            rises = [
                _rise(first.peak_vram, then.peak_vram),
                _rise(first.peak_vram_reserved, then.peak_vram_reserved),
                _rise(before.memory.window.peak(PROCESS_VRAM), during.memory.window.peak(PROCESS_VRAM)),
                _rise(before.memory.window.peak(DEVICE_VRAM), during.memory.window.peak(DEVICE_VRAM)),
            ]
            rows.append([f"{mib} MiB", *rises])
    return rows


def _rise(before: int | None, during: int | None) -> str:
    return "not told" if before is None or during is None else f"{(during - before) / MIB:.1f} MiB"


def steady_power(call: Callable[[], object], device: str, seconds: float) -> list[Row]:
    """Calls for ``seconds``: joules by the energy counter, and by the integral of the power read every 0.1 s."""
    if device == "cpu":
        call()
        return []
    meter, done = Nvml(device), threading.Event()
    readings: list[tuple[float, float]] = []

    def read() -> None:
        while not done.wait(0.1):
            if (watts := meter.power_watts()) is not None:
                readings.append((time.perf_counter(), watts))

    reader = threading.Thread(target=read)
    reader.start()
    with measure({}, device) as measured:
        end, calls = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            call()
            calls += 1
    done.set()
    reader.join()
    cost = measured.cost(1)
    pairs = pairwise(readings)
    integral = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairs)
    span = readings[-1][0] - readings[0][0] if len(readings) > 1 else 0.0
    by_power = f"{integral / span:.1f} W" if span else meter.reasons.get("power", "not told")
    gpu = cost.energy.get("gpu")
    by_counter = f"{gpu / cost.latency:.1f} W" if gpu is not None else cost.reasons.get("energy_joules", "not told")
    each = f"{gpu / calls:.1f} J" if gpu is not None else "not told"
    return [[f"{cost.latency:.0f} s, {calls} calls", by_counter, by_power, each]]


def variants(folder: Path, device: str, rounds: int) -> list[Row]:
    """Latency of a call in each variant, with the first variant against itself as the control."""
    kinds: list[tuple[str, str, bool]] = [("fp32", "fp32", False), ("fp32 again (control)", "fp32", False),
                                          ("bf16", "bf16", False), ("bf16, compiled", "bf16", True)]  # fmt: skip
    rows: list[Row] = []
    base = 0.0
    for label, precision, compiled in kinds:
        model = get_model(str(folder))
        model.load(device, precision)
        if compiled:
            model._loaded.transformer.compile()  # type: ignore[attr-defined]
        call, before = caller(model), compile_seconds()
        first = overhead.seconds(call)
        spent = compile_seconds() - before
        times = [overhead.seconds(call) for _ in range(rounds)]
        usual = statistics.median(times)
        base = base or usual
        low, _, high = statistics.quantiles(times, n=4)
        model.unload()
        rows.append([label, f"{first:.3f} s", f"{spent:.1f} s", f"{usual:.4f} s ({low:.4f} to {high:.4f})",
                     f"{base / usual:.2f}"])  # fmt: skip
    return rows


def caller(model: VideoModel) -> Callable[[], object]:
    """One call of a loaded model at its defaults."""
    requests = [_plan(model).request]
    return lambda: model.generate(requests, lambda _step, _total: None)


def _plan(model: VideoModel) -> Any:
    config = BenchmarkConfig(models=[model.name], prompts=[PROMPT], metrics=[])
    return make_plan(config).models[0].samples[0]


def page(device: str, options: argparse.Namespace) -> str:
    """Measure everything and write it up."""
    on_gpu = device != "cpu"
    with tempfile.TemporaryDirectory() as root:
        folder = random_wan.save(random_wan.MID if on_gpu else random_wan.TINY, Path(root) / "wan")
        model = get_model(str(folder))
        model.load(device, "bf16" if on_gpu else "fp32")
        power = steady_power(caller(model), device, options.seconds)
        model.unload()
        timed = variants(folder, device, options.rounds)
        ratios = overhead.latency(str(folder), options.rounds, device, "bf16" if on_gpu else "fp32")["wall"]
        step = overhead.per_step(1000, options.rounds)
        tensors = known_tensors(device)
    step_cost = (
        f"A denoising step of a denoiser that does nothing: {step['sampled_microseconds_a_step']} µs with memory "
        f"sampled (goal {step['goal_microseconds_a_step']} µs); the bare loop against itself "
        f"{step['control_microseconds_a_step']} µs. Reported latency to the bare call, quartiles: "
        f"{ratios['ours_to_bare_quartiles']}; the bare call to itself: {ratios['control_to_bare_quartiles']}."
    )
    variant_heads = ["variant", "first call", "of it compiling", "steady call (quartiles)", "speed"]
    parts = [
        "# Benchmarks on a GPU",
        "Written by `make bench-gpu`; see [the benchmarks of the tool](../benchmarks/README.md) for the others.",
        _state(device),
        "## Memory: what each reading rises by for a tensor of known size",
        _table(["tensor", "allocator", "reserved", "this process (NVML)", "device (NVML)"], tensors),
        "## Power over a steady minute",
        _table(["load", "mean by the energy counter", "mean by power read every 0.1 s", "energy a call"], power),
        "## Precision and compiling, on a Wan of random weights",
        f"One after the other, {options.rounds} steady calls each; the second row is the first once more.",
        _table(variant_heads, timed),
        "## What the profiler costs",
        step_cost,
    ]
    return "\n\n".join(parts) + "\n"


def _state(device: str) -> str:
    manifest = read_manifest(device, "fp32")
    name, day = manifest.device_name or manifest.processor, datetime.now(UTC).date()
    about = f"{name}, torch {manifest.packages['torch']}, {day}"
    if device != "cpu":
        return f"Measured on {about}."
    return (
        f"**The figures of a GPU are open: none was at hand.** The code ran on the processor ({about}) with a tiny "
        "model, to show that it runs; the seconds below say nothing of a GPU."
    )


def _table(heads: Row, rows: list[Row]) -> str:
    if not rows:
        return OPEN + "."
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks-gpu.md"))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    options.page.write_text(page(resolve_device(options.device), options), encoding="utf-8")
    print(options.page)


if __name__ == "__main__":
    main()
