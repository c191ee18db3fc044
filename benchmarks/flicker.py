"""Temporal flickering: ours against VBench's formula as its code computes it. CPU seconds, one thread; never asserts.

    python benchmarks/flicker.py [--clips 16] [--size 256] [--frames 24] [--rounds 15]

VBench 0.1.5 reads a file with OpenCV and takes numpy's mean of cv2.absdiff of two float32 frames. The two ways turn
their order every round, and VBench's runs twice, the second time as the control. The static filter is not in it: it
is another program there, and optical flow on both sides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from natural import KINDS, natural_clip
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.pixels import measure_changes
from vid_diffusion_bench.metrics.pixels.temporal_flickering import flickering
from vid_diffusion_bench.video import Video, read_video, write_preview


def theirs(frames: Sequence[np.ndarray]) -> float:
    """VBench's score of a list of uint8 frames."""
    means = [np.mean(cv2.absdiff(a.astype(np.float32), b.astype(np.float32))) for a, b in pairwise(frames)]
    return (255.0 - np.mean(np.array(means)).item()) / 255.0


def read_as_theirs(path: Path) -> list[np.ndarray]:
    frames, capture = [], cv2.VideoCapture(str(path))
    while True:
        more, frame = capture.read()
        if not more:
            break
        frames.append(frame)
    capture.release()
    return frames


def ours(video: Video) -> float:
    """Our score, through the extractor that the metric uses."""
    return flickering(measure_changes(Clip("clip", "clip", lambda: video)))


def compared(ways: dict[str, Callable[[], list[float]]], rounds: int, frames: int) -> dict[str, object]:
    """Median frames a CPU second of each way, quartiles of its gain on the first in the same round, and its values."""
    names, seconds, values = list(ways), {name: [] for name in ways}, {}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.process_time()
            values[name] = ways[name]()
            seconds[name].append(time.process_time() - started)
    first = seconds[names[0]]
    report: dict[str, object] = {}
    for name in names:
        gains = [base / own for base, own in zip(first, seconds[name], strict=True)]
        report[name] = {
            "frames_a_cpu_second": round(frames / statistics.median(seconds[name])),
            "gain_quartiles": [round(quartile, 2) for quartile in statistics.quantiles(gains, n=4)],
            "largest_difference": float(np.abs(np.subtract(values[name], values[names[0]])).max()),
        }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(options.clips):
            clip, _ = natural_clip(KINDS[number % 3], number, options.frames, options.size, options.size)
            paths.append(Path(folder) / f"{number}.mp4")
            write_preview(paths[-1], clip)
        videos = [read_video(path) for path in paths]
        scoring = {
            "vbench": lambda: [theirs(list(video.frames)) for video in videos],
            "vbench again (control)": lambda: [theirs(list(video.frames)) for video in videos],
            "ours": lambda: [ours(video) for video in videos],
        }
        from_files = {
            "vbench": lambda: [theirs(read_as_theirs(path)) for path in paths],
            "vbench again (control)": lambda: [theirs(read_as_theirs(path)) for path in paths],
            "ours": lambda: [ours(read_video(path)) for path in paths],
            "reading alone": lambda: [float(len(read_video(path).frames)) for path in paths],
        }
        total = options.clips * options.frames
        report = {
            "clips": options.clips,
            "size": options.size,
            "scoring": compared(scoring, options.rounds, total),
            "from_files": compared(from_files, options.rounds, total),
        }
    report["from_files"]["reading alone"].pop("largest_difference")  # type: ignore[index]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
