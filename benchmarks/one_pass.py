"""All metrics in one pass against the sum of each alone: CPU seconds, decodes, passes of each extractor.

    python benchmarks/one_pass.py [--clips 8] [--size 256] [--frames 24] [--rounds 3] [--metrics NAME ...]

The clips are H.264 files of panned photographs. Metrics whose weights are absent are left out and named. The order of
the two ways turns every round; no feature is kept between passes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from natural import natural_clip
from vid_diffusion_bench.features import FeatureRegistry
from vid_diffusion_bench.metrics import MetricRegistry, unavailable
from vid_diffusion_bench.scoring import Reference, ScoringClip, score
from vid_diffusion_bench.video import Video, read_video, write_preview


def make_files(folder: Path, count: int, frames: int, size: int) -> list[Path]:
    paths = []
    for number in range(count):
        clip, _ = natural_clip(("pan", "zoom", "rotation")[number % 3], number, frames, size, size)
        paths.append(folder / f"{number}.mp4")
        write_preview(paths[-1], clip)
    return paths


class Counting:
    """Clips that count their decodes."""

    def __init__(self) -> None:
        self.decodes = 0

    def read(self, path: Path) -> Video:
        self.decodes += 1
        return read_video(path)

    def clips(self, paths: list[Path], pairs: list[Path]) -> list[ScoringClip]:
        prompt = "a red circle moving left on a black background"
        return [
            ScoringClip(path.name, path.name, prompt, partial(self.read, path), partial(read_video, pair))
            for path, pair in zip(paths, pairs, strict=True)
        ]


@contextmanager
def counted_passes() -> Iterator[Counter[str]]:
    """Every extractor counts how often it computes."""
    counts: Counter[str] = Counter()
    originals = {name: FeatureRegistry.get(name) for name in FeatureRegistry.names()}

    def counting(name: str, compute, clip):  # noqa: ANN001, ANN202
        counts[name] += 1
        return compute(clip)

    for name, extractor in originals.items():
        FeatureRegistry.register(name, replace(extractor, compute=partial(counting, name, extractor.compute)))
    try:
        yield counts
    finally:
        for name, extractor in originals.items():
            FeatureRegistry.register(name, extractor)


def measured(names: list[str], generated: list[Path], real: list[Path]) -> dict[str, object]:
    """One call of ``score`` a group: CPU seconds, decodes and passes."""
    counting = Counting()
    with counted_passes() as passes:
        clips, others = counting.clips(generated, real), counting.clips(real, real)
        before = time.process_time()
        score(clips, names, reference=Reference(others, "real", "real"))
        cpu = time.process_time() - before
    return {"cpu_seconds": cpu, "decodes": counting.decodes, "passes": passes}


def alone(names: list[str], generated: list[Path], real: list[Path]) -> dict[str, object]:
    total: dict[str, object] = {"cpu_seconds": 0.0, "decodes": 0, "passes": Counter()}
    for name in names:
        one = measured([name], generated, real)
        total = {key: total[key] + one[key] for key in total}  # type: ignore[operator]
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--metrics", nargs="*")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    asked = options.metrics or MetricRegistry.names()
    absent = {name: why for name in asked if (why := unavailable(MetricRegistry.get(name)))}
    names = [name for name in asked if name not in absent]
    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(Path(folder), 2 * options.clips, options.frames, options.size)
        generated, real = paths[: options.clips], paths[options.clips :]
        measured(names, generated, real)
        together, apart = [], []
        for number in range(options.rounds):
            ways = [(measured, together), (alone, apart)]
            for way, results in ways[:: 1 if number % 2 else -1]:
                results.append(way(names, generated, real))
    seconds = {
        "together": statistics.median(one["cpu_seconds"] for one in together),
        "sum_of_each_alone": statistics.median(one["cpu_seconds"] for one in apart),
    }
    report = {
        "clips_a_set": options.clips,
        "metrics": names,
        "without_weights": absent,
        "cpu_seconds": {way: round(value, 2) for way, value in seconds.items()},
        "ratio": round(seconds["sum_of_each_alone"] / seconds["together"], 2),
        "decodes": {"together": together[0]["decodes"], "alone": apart[0]["decodes"]},
        "passes": {"together": together[0]["passes"], "alone": apart[0]["passes"]},
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
