"""When requests arrive at a server: constant, Poisson or from a trace. The times are fixed before the first is sent."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vid_diffusion_bench.config import BenchmarkConfig, derive_seed
from vid_diffusion_bench.exceptions import ValidationError

CLOSED = "closed"


@dataclass(frozen=True)
class Arrivals:
    """An arrival process over all requests of a model.

    ``times`` are seconds, the first 0 or later, in order; ``None`` in a closed loop, where a request arrives when
    another has ended. ``process`` says all that decides them.
    """

    process: dict[str, Any]
    times: tuple[float, ...] | None
    concurrency: int | None


def plan_arrivals(config: BenchmarkConfig, count: int) -> Arrivals:
    """The arrivals of ``count`` requests.

    Raises:
        ValidationError: The trace cannot be read, or is too short.
    """
    name = config.arrival or CLOSED
    concurrency = config.concurrency or (1 if name == CLOSED else None)
    process: dict[str, Any] = {"arrival": name, "concurrency": concurrency, "warmup": config.warmup}
    times: tuple[float, ...] | None = None
    if name == "trace":
        times, sha256 = read_trace(Path(str(config.arrival_trace)), count)
        process |= {"trace_sha256": sha256}
    elif name != CLOSED:
        assert config.rate is not None
        process |= {"rate": config.rate}
        if name == "poisson":
            process |= {"seed": arrival_seed(config.base_seed)}
            times = poisson(config.rate, count, process["seed"])
        else:
            times = constant(config.rate, count)
    return Arrivals(process, times, concurrency)


def arrival_seed(base_seed: int) -> int:
    """The seed of Poisson arrivals: from the run's own, apart from every clip's."""
    return derive_seed(base_seed, "arrivals", 0)


def constant(rate: float, count: int) -> tuple[float, ...]:
    """One request every ``1 / rate`` seconds, the first at 0."""
    return tuple(index / rate for index in range(count))


def poisson(rate: float, count: int, seed: int) -> tuple[float, ...]:
    """Gaps drawn from an exponential of mean ``1 / rate`` seconds (a Poisson process); the first request at 0."""
    import numpy as np

    gaps = np.random.default_rng(seed).exponential(1 / rate, max(count - 1, 0))
    return (0.0, *(float(time) for time in np.cumsum(gaps)))[:count]


def read_trace(path: Path, count: int) -> tuple[tuple[float, ...], str]:
    """The first ``count`` times of a trace, moved so that the first is 0, and the SHA-256 of the file.

    A trace holds seconds in ascending order: one a line (# starts a comment), or a JSON list.

    Raises:
        ValidationError: It is missing, holds something else, or fewer times than requests.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
        values = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
        times = [float(value) for value in values]
    except (OSError, ValueError, TypeError) as error:
        raise ValidationError(
            f"{path} is not a trace of arrivals: {error}", remedy="one number of seconds a line"
        ) from error
    if not all(map(math.isfinite, times)) or times != sorted(times):
        raise ValidationError(f"{path}: times are finite and ascending", remedy="sort them; seconds, one a line")
    if len(times) < count:
        raise ValidationError(
            f"{path} holds {len(times)} arrivals for {count} requests",
            remedy="give a longer trace, or fewer prompts or samples per prompt",
        )
    return tuple(time - times[0] for time in times[:count]), hashlib.sha256(content).hexdigest()


def _lines(text: str) -> list[str]:
    stripped = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in stripped if line]
