"""What a command costs before it does anything: CPU seconds of whole processes, user and system; never asserts.

    python benchmarks/start.py [--rounds 11]

Each round runs all of them, every other in reverse; the first, which writes the bytecode, is not counted.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys

LIBRARIES = "import cyclopts, rich.console, rich.table\nfrom pydantic import BaseModel\nclass A(BaseModel):\n    a: int"
COMMANDS = ("--help", "weights list", "models list", "metrics list")
RUN = "from vid_diffusion_bench.cli import main; main()"


def cpu_seconds(arguments: list[str]) -> float:
    """Of one process of this Python."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    processes = {
        "Python alone (control)": ["-c", "pass"],
        "the libraries alone": ["-c", LIBRARIES],
        **{f"vid-bench {command}": ["-c", RUN, *command.split()] for command in COMMANDS},
    }
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for at in range(rounds + 1):
        for name, arguments in sorted(processes.items(), reverse=bool(at % 2)):
            seconds[name].append(cpu_seconds(arguments))
    for name, found in seconds.items():
        low, middle, high = statistics.quantiles(found[1:], n=4)
        print(f"{name:26} {middle:.3f} (quartiles {low:.3f}, {high:.3f})")


if __name__ == "__main__":
    main()
