"""Optical flow: Farneback, DIS and ours, flows a CPU second and end-point error. One thread; prints, never asserts.

    python benchmarks/flow.py [--sizes 64 128 256 512] [--seeds 4] [--rounds 9]

The clips are pans, zooms and rotations of photographs whose flow is known exactly; the error is over the pixels that
stay in the frame. The ways turn their order every round. "ours, raw" is the flow before vectors are dropped that do not
explain the change. The metrics always take a pair of frames both ways, which "ours, both ways" does; it counts as two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from natural import KINDS, inside, natural_clip
from vid_diffusion_bench.features.flow import FlowField, luma

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]
BOTH = "ours, both ways"
Pair = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def make_pairs(size: int, seeds: int) -> list[Pair]:
    """Two luma frames, the flow between them and where it stays inside, of each kind and seed."""
    pairs = []
    for kind in KINDS:
        for seed in range(seeds):
            clip, flow = natural_clip(kind, seed, 2, size, size)
            first, second = luma(clip.frames)
            pairs.append((first, second, flow[0], inside(flow)[0]))
    return pairs


def ways(size: int) -> dict[str, Way]:
    def dis(preset: int) -> Way:
        made = cv2.DISOpticalFlow.create(preset)
        return lambda first, second: made.calc(first, second, None)

    field = FlowField(size, size)
    return {
        # Parameters of OpenCV's own example.
        "farneback": lambda a, b: cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0),
        "farneback again (control)": lambda a, b: cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0),
        "DIS ultrafast": dis(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST),
        "DIS fast": dis(cv2.DISOPTICAL_FLOW_PRESET_FAST),
        "DIS medium": dis(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
        "ours, raw": lambda a, b: field._dis.calc(a, b, None),
        "ours": field.between,
        BOTH: lambda a, b: field.both(a, b)[0],
    }


def errors(way: Way, pairs: list[Pair]) -> dict[str, float]:
    """End-point error in pixels over the pixels that stay inside: mean, median, share above one pixel; and the share of
    vectors dropped, with the mean error of the others."""
    found, kept = [], []
    for first, second, flow, mask in pairs:
        seen = way(first, second)
        found.append(np.hypot(*np.moveaxis(seen - flow, 2, 0))[mask])
        kept.append((seen != 0).any(axis=2)[mask])
    error, held = np.concatenate(found), np.concatenate(kept)
    return {
        "mean_error": round(float(error.mean()), 3),
        "median_error": round(float(np.median(error)), 3),
        "above_one_pixel": round(float((error > 1).mean()), 4),
        "dropped": round(float(1 - held.mean()), 3),
        "mean_error_of_the_others": round(float(error[held].mean()), 3),
    }


def compared(size: int, seeds: int, rounds: int) -> dict[str, object]:
    pairs, known = make_pairs(size, seeds), ways(size)
    names, seconds = list(known), {name: [] for name in known}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.process_time()
            for first, second, _, _ in pairs:
                known[name](first, second)
            seconds[name].append(time.process_time() - started)
    report: dict[str, object] = {}
    for name in names:
        flows = 2 if name == BOTH else 1
        gains = [flows * base / own for base, own in zip(seconds["farneback"], seconds[name], strict=True)]
        report[name] = {
            "flows_a_cpu_second": round(flows * len(pairs) / statistics.median(seconds[name])),
            "gain_quartiles": [round(quartile, 2) for quartile in statistics.quantiles(gains, n=4)],
            **errors(known[name], pairs),
        }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    report = {size: compared(size, options.seeds, options.rounds) for size in options.sizes}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
