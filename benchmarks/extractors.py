"""Frames per second of feature extractors against the bare forward pass of their network. Prints, never asserts.

The extractor gets decoded frames and does everything else: sampling, preprocessing, moving, forward, copying back. The
bare pass gets its input ready, in the batches of the extractor (16 frames, or one clip). Both in turns, with the same
random weights, in the tiny sizes of the tests and in the published ones; CPU seconds on one thread, or wall seconds
with the device synchronised on CUDA.

    python benchmarks/extractors.py [--rounds 5] [--sizes tiny real] [--extractors NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

FRAMES = 16
EXTRACTORS = (
    "i3d-cdfvd",
    "clip-vit-b-32",
    "clip-vit-b-16",
    "clip-vit-l-14",
    "dino-vit-b-16",
    "dinov2-base",
    "videomae-base",
)
Call = Callable[[], Any]


def save_tiny(folder: Path) -> None:
    """The networks of the tests."""
    import torch

    import tiny_i3d
    import tiny_networks

    torch.save(tiny_i3d.random_i3d().state_dict(), folder / "i3d_pretrained_400.pt")
    tiny_networks.save_clip(folder)
    tiny_networks.save_dino(folder)
    tiny_networks.save_videomae(folder)


def save_real(folder: Path) -> None:
    """Networks of the published sizes; of CLIP only the tower of pictures, beside a text tower of one layer."""
    from transformers import (
        CLIPConfig,
        CLIPModel,
        CLIPTextConfig,
        CLIPVisionConfig,
        Dinov2Config,
        Dinov2Model,
        VideoMAEConfig,
        VideoMAEForVideoClassification,
        ViTConfig,
        ViTModel,
    )

    from fvd import make_weights

    make_weights(folder)
    text = CLIPTextConfig(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2)
    base = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    large = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    for name, patch, size in (("b-32", 32, base), ("b-16", 16, base), ("l-14", 14, large)):
        pictures = CLIPVisionConfig(patch_size=patch, **size)
        clip = CLIPModel(CLIPConfig(text_config=text, vision_config=pictures, projection_dim=512))
        clip.save_pretrained(folder / f"clip-vit-{name}")
    ViTModel(ViTConfig(patch_size=16), add_pooling_layer=False).save_pretrained(folder / "dino-vit-b-16")
    Dinov2Model(Dinov2Config(image_size=518, patch_size=14)).save_pretrained(folder / "dinov2-base")
    classifier = VideoMAEForVideoClassification(VideoMAEConfig(use_mean_pooling=True))
    classifier.save_pretrained(folder / "videomae-base")


def bare(name: str, frames: Any) -> Call:
    """The forward pass of the network of extractor ``name``, on the input it makes of ``frames`` (16, H, W, 3)."""
    from vid_diffusion_bench.features import get_extractor
    from vid_diffusion_bench.features.networks.base import ClipNetwork, load_network
    from vid_diffusion_bench.features.networks.device import network_device

    if name == "i3d-cdfvd":
        from vid_diffusion_bench.features.i3d_pixels import cdfvd_pixels
        from vid_diffusion_bench.features.networks.i3d_files import load_state, tensor

        network, pixels = load_network("i3d-kinetics-400", load_state), tensor(cdfvd_pixels(frames))
        return lambda: network(pixels)
    source = get_extractor(name).compute.__self__  # type: ignore[attr-defined]
    network, pixels = load_network(source.weights, source.load), source.preprocessing(frames).to(network_device())
    batch = pixels[None] if isinstance(source, ClipNetwork) else pixels
    return lambda: source.embed(network, batch)


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


def compare(name: str, video: Any, rounds: int) -> dict[str, float]:
    """Frames a second of both, and the median of extractor over bare, round by round."""
    from vid_diffusion_bench.features import Clip, get_extractor

    extractor, forward = get_extractor(name), bare(name, video.frames[:FRAMES])
    times: dict[str, list[float]] = {"extractor": [], "bare": []}
    calls: dict[str, Call] = {
        "bare": forward,
        "extractor": lambda: extractor.compute(Clip("clip", "clip", lambda: video)),
    }
    for number in range(-1, rounds):
        for kind in ("bare", "extractor") if number % 2 else ("extractor", "bare"):
            taken = seconds(calls[kind])
            if number >= 0:
                times[kind].append(taken)
    ratios = [base / whole for whole, base in zip(times["extractor"], times["bare"], strict=True)]
    rates = {f"{kind}_frames_a_second": round(FRAMES / statistics.median(taken), 1) for kind, taken in times.items()}
    return {**rates, "share_of_bare": round(statistics.median(ratios), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", nargs="+", choices=["tiny", "real"], default=["tiny", "real"])
    parser.add_argument("--extractors", nargs="+", choices=EXTRACTORS, default=list(EXTRACTORS))
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=256)
    options = parser.parse_args()
    import torch

    from natural import natural_clip

    torch.set_num_threads(1)
    torch.manual_seed(0)
    video, _ = natural_clip("pan", 0, FRAMES, options.height, options.width)
    report: dict[str, Any] = {"frames": FRAMES, "height": options.height, "width": options.width}
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["VIDBENCH_WEIGHTS_DIR"] = str(Path(folder) / "weights")
            os.environ["VIDBENCH_CACHE_DIR"] = str(Path(folder) / "cache")
            (Path(folder) / "weights").mkdir()
            {"tiny": save_tiny, "real": save_real}[size](Path(folder) / "weights")
            report[size] = {name: compare(name, video, options.rounds) for name in options.extractors}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
