"""Schemathesis over the whole OpenAPI of a server that really listens, by its own command line.

All of its checks are on, as they are by default; saying so on the command line would undo what `api_fuzzing.toml`
takes back for one operation.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).with_name("api_fuzzing.toml")
ROLES = ("admin", "reader", "nobody")


def fuzz(url: str, folder: Path, *, key: str | None, examples: int, phases: str, seed: int, more=()) -> tuple[int, str]:
    """The exit status and all that schemathesis said; 0: nothing was found."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run", f"{url}/openapi.json",
        "--phases", phases, "--max-examples", str(examples), "--seed", str(seed), "--no-shrink",
        "--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off",
        "--request-timeout", "300", "--max-response-time", "300", *more,
    ]  # fmt: skip
    if key:
        command += ["--header", f"X-API-Key: {key}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return done.returncode, done.stdout + done.stderr
