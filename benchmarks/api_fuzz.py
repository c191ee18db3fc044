"""Schemathesis for as long as one likes: every operation, all checks, as admin, as a read-only key and with no key.

    python benchmarks/api_fuzz.py [--examples 100] [--seed 7] [--role admin]

Prints what it says; ends with 1 if it found something. The suite holds a small run (tests/server/test_api_fuzz.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from api_fuzzing import ROLES, fuzz
from live_server import serving
from server_clients import app_of, key_of, make_user
from vid_diffusion_bench.auth import PERMISSIONS, READ_ONLY


def run(role: str, folder: Path, examples: int, seed: int) -> int:
    """Fuzz a server of its own as ``role``."""
    app = app_of(folder / role)
    permissions = {"admin": PERMISSIONS, "reader": READ_ONLY}.get(role)
    key = key_of(app, make_user(app, permissions, tier="enterprise")) if permissions else None
    begun = time.monotonic()
    with serving(app) as url:
        phases = "examples,coverage,fuzzing,stateful"
        code, said = fuzz(url, folder, key=key, examples=examples, phases=phases, seed=seed)
    print(f"{said}\n{role}: {'nothing found' if code == 0 else 'found something'}, {time.monotonic() - begun:.0f} s")
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--role", choices=ROLES)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        roles = [asked.role] if asked.role else ROLES
        sys.exit(max([run(role, Path(name), asked.examples, asked.seed) for role in roles]))


if __name__ == "__main__":
    main()
