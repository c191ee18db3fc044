"""Frames per second of feature extractors against the bare forward pass of their networks. Prints, never asserts.

The extractor gets decoded frames and does everything else: sampling, preprocessing, moving, forward, copying back. The
bare pass is the same calls of the same network, with the inputs they had in the extractor, ready beforehand. Both in
turns, with the same random weights, in the tiny sizes of the tests and in the published ones; CPU seconds on one
thread, or wall seconds with the device synchronised on CUDA.

    python benchmarks/extractors.py [--rounds 5] [--sizes tiny real] [--extractors NAME ...]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

FRAMES = 16
PROMPT = "a red circle moving left"
SAVED_BY = {
    "i3d-cdfvd": "save_i3d",
    "inception-v3-torchscript": "save_inception",
    "c3d-ucf101": "save_c3d",
    "clip-vit-b-32": "save_clip",
    "clip-vit-b-16": "save_clip",
    "clip-vit-l-14": "save_clip",
    "laion-aesthetic-l-14": "save_clip",
    "dino-vit-b-16": "save_dino",
    "dinov2-base": "save_dino",
    "videomae-base": "save_videomae",
    "x-clip-base-32": "save_x_clip",
    "vjepa2-vit-l": "save_vjepa2",
    "videomae-v2-giant-ssv2": "save_videomae_v2",
    "lpips": "save_trunks",
    "lpips:vgg": "save_trunks",
}
"""Each extractor, and what saves its network in `real_networks.py`. LPIPS computes in its metric."""
Call = Callable[[], Any]


def save_tiny(folder: Path, _: list[str]) -> None:
    """The networks of the tests."""
    import tiny_i3d
    import tiny_networks

    tiny_networks.save_networks(folder)
    tiny_i3d.save_i3d(folder)


def save_real(folder: Path, names: list[str]) -> None:
    import real_networks

    for save in dict.fromkeys(SAVED_BY[name] for name in names):
        getattr(real_networks, save)(folder)


def computing(name: str, video: Any, other: Any) -> Call:
    """Everything that becomes of the frames of ``video``; a new clip each time, so that nothing is kept."""
    from vid_diffusion_bench.features import Clip, get_extractor
    from vid_diffusion_bench.metrics import MetricRegistry

    def opened() -> Any:
        return Clip("clip", "clip", lambda: video, prompt=PROMPT, paired=lambda: other)

    if name.startswith("lpips"):
        return lambda: MetricRegistry.get(name).measure(opened())
    return lambda: get_extractor(name).compute(opened())


@contextmanager
def outermost_calls() -> Iterator[list[Call]]:
    """Calls of modules by anything that is no module, to be made again with the same inputs."""
    from torch.nn.modules import module

    calls: list[Call] = []
    depth = 0

    def enter(*_: Any) -> None:
        nonlocal depth
        depth += 1

    def leave(called: Any, inputs: tuple[Any, ...], options: dict[str, Any], _: Any) -> None:
        nonlocal depth
        depth -= 1
        if not depth:
            calls.append(lambda: called(*inputs, **options))

    hooks = [
        module.register_module_forward_pre_hook(enter),
        module.register_module_forward_hook(leave, with_kwargs=True),
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def seconds(call: Call) -> float:
    """CPU seconds, or wall seconds until the CUDA device is done."""
    import torch

    from vid_diffusion_bench.features.networks.device import exact_arithmetic, network_device

    on_cuda = network_device().type == "cuda"
    clock = time.perf_counter if on_cuda else time.process_time
    with exact_arithmetic():
        started = clock()
        call()
        if on_cuda:
            torch.cuda.synchronize()
        return clock() - started


def compare(name: str, video: Any, other: Any, rounds: int) -> dict[str, float]:
    """Frames a second of both, and the median of extractor over bare, round by round."""
    compute = computing(name, video, other)
    with outermost_calls() as passes:
        compute()
    calls: dict[str, Call] = {"extractor": compute, "bare": lambda: [call() for call in passes]}
    times: dict[str, list[float]] = {"extractor": [], "bare": []}
    seconds(calls["bare"])
    for number in range(rounds):
        for kind in ("bare", "extractor") if number % 2 else ("extractor", "bare"):
            times[kind].append(seconds(calls[kind]))
    ratios = [base / whole for whole, base in zip(times["extractor"], times["bare"], strict=True)]
    rates = {f"{kind}_frames_a_second": round(FRAMES / statistics.median(taken), 2) for kind, taken in times.items()}
    return {**rates, "network_calls": len(passes), "share_of_bare": round(statistics.median(ratios), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", nargs="+", choices=["tiny", "real"], default=["tiny", "real"])
    parser.add_argument("--extractors", nargs="+", choices=SAVED_BY, default=list(SAVED_BY))
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=256)
    options = parser.parse_args()
    import pytest
    import torch

    import tiny_networks
    from natural import natural_clip

    torch.set_num_threads(1)
    torch.manual_seed(0)
    video, other = (natural_clip("pan", place, FRAMES, options.height, options.width)[0] for place in (0, 1))
    print(json.dumps({"frames": FRAMES, "height": options.height, "width": options.width}))
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            weights = Path(folder) / "weights"
            weights.mkdir()
            tiny_networks.use_networks(patch, weights)
            patch.setenv("VIDBENCH_CACHE_DIR", str(Path(folder) / "cache"))
            {"tiny": save_tiny, "real": save_real}[size](weights, options.extractors)
            for name in options.extractors:
                found = compare(name, video, other, options.rounds)
                print(json.dumps({"size": size, "extractor": name, **found}), flush=True)


if __name__ == "__main__":
    main()
