"""Peak memory of scoring 50 and 1,000 small clips, each in a process of its own. Prints, never asserts.

python benchmarks/memory.py [--few 50] [--many 1000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROMPTS_A_RUN = 50


def make_clips(folder: Path, count: int) -> None:
    """Clips of the built-in world by its renderer, stored and not scored."""
    from vid_diffusion_bench.config import BenchmarkConfig
    from vid_diffusion_bench.engine import run
    from vid_diffusion_bench.world.captions import VALID, caption

    prompts = [caption(attributes) for attributes in VALID[:: len(VALID) // PROMPTS_A_RUN]][:PROMPTS_A_RUN]
    config = BenchmarkConfig(
        models=["shapes-oracle"],
        prompts=prompts,
        samples_per_prompt=count // PROMPTS_A_RUN,
        output_dir=str(folder),
        device="cpu",
    )
    run(config, score=False)


def score(folder: Path) -> None:
    """Score by every default metric and print this process's peak resident memory in bytes."""
    from vid_diffusion_bench.engine import rescore
    from vid_diffusion_bench.profiling import high_water_mark

    result = rescore(folder)
    absent = [name for name, value in result.models[0].metrics.items() if value is None]
    print(json.dumps({"peak_rss": high_water_mark(), "metrics_without_value": absent}))


def measured(count: int, root: Path) -> dict[str, object]:
    folder = root / str(count)
    make_clips(folder, count)
    command = [sys.executable, __file__, "--score", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {"clips": count, "peak_rss_mb": round(found["peak_rss"] / 1e6, 1), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=50)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--score", type=Path)
    options = parser.parse_args()
    if options.score:
        score(options.score)
        return
    with tempfile.TemporaryDirectory() as root:
        runs = [measured(count, Path(root)) for count in (options.few, options.many)]
    growth = runs[1]["peak_rss_mb"] - runs[0]["peak_rss_mb"]  # type: ignore[operator]
    print(json.dumps({"runs": runs, "growth_mb": round(growth, 1), "goal_mb": 200}, indent=1))


if __name__ == "__main__":
    main()
