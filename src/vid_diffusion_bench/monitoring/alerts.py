"""When somebody should look: stated rules, each with its threshold and with what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vid_diffusion_bench.monitoring.load import Load, share
from vid_diffusion_bench.monitoring.system import System
from vid_diffusion_bench.monitoring.traffic import Counts

Severity = Literal["warning", "critical"]
FEWEST_ENDED: Final = 5
"""Of fewer benchmarks a share that failed says nothing."""
FEWEST_REQUESTS: Final = 20


@dataclass(frozen=True)
class Facts:
    """What the rules look at."""

    system: System
    load: Load
    traffic: Counts


@dataclass(frozen=True)
class Rule:
    """Holds when what ``measure`` gives is at least ``threshold``; where it is ``None``, ``unmeasured`` says why."""

    name: str
    severity: Severity
    threshold: float
    unit: str
    meaning: str
    measure: Callable[[Facts], float | None]
    unmeasured: str = ""


@dataclass(frozen=True)
class Finding:
    """What a rule found. ``value`` is in the rule's unit."""

    rule: Rule
    value: float | None

    @property
    def active(self) -> bool:
        return self.value is not None and self.value >= self.rule.threshold


def look(facts: Facts, rules: Sequence[Rule] | None = None) -> list[Finding]:
    """What every rule finds, in their order."""
    return [Finding(rule, rule.measure(facts)) for rule in (RULES if rules is None else rules)]


def _benchmark_errors(facts: Facts) -> float | None:
    failed, ended = facts.load.failed_last_hour, facts.load.failed_last_hour + facts.load.completed_last_hour
    return share(failed, ended) if ended >= FEWEST_ENDED else None


def _server_errors(facts: Facts) -> float | None:
    requests = facts.traffic.requests
    return share(facts.traffic.failed, requests) if requests >= FEWEST_REQUESTS else None


RULES: Final = (
    Rule(
        "error_rate",
        "warning",
        10.0,
        "%",
        "of the benchmarks that completed or failed in the last hour, those that failed",
        _benchmark_errors,
        f"fewer than {FEWEST_ENDED} ended",
    ),
    Rule(
        "server_errors",
        "critical",
        5.0,
        "%",
        "of this process's requests in the last 5 minutes, those that ended in 5xx",
        _server_errors,
        f"fewer than {FEWEST_REQUESTS} requests",
    ),
    Rule(
        "disk",
        "critical",
        90.0,
        "%",
        "of the data root's file system is used",
        lambda facts: facts.system.disk_usage,
        "the data root cannot be read",
    ),
    Rule(
        "memory",
        "warning",
        90.0,
        "%",
        "of this machine's memory is used",
        lambda facts: facts.system.memory_percent,
    ),
    Rule(
        "silent_worker",
        "warning",
        1.0,
        "workers",
        "signed on and were seen in the last hour, but not in the last minute",
        lambda facts: float(facts.load.silent),
    ),
    Rule(
        "stalled_benchmark",
        "critical",
        1800.0,
        "s",
        "since a running benchmark said anything; of those that run, the longest",
        lambda facts: facts.load.quiet_seconds,
        "none runs",
    ),
    Rule(
        "rate_limit_storm",
        "warning",
        100.0,
        "requests",
        "were refused with 429 by this process in the last 5 minutes",
        lambda facts: float(facts.traffic.refused),
    ),
)
"""Checked together whenever somebody asks; nothing is kept, so an alert is over as soon as its cause is."""
