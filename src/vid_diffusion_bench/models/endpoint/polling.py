"""When to ask again, and when a clip that was found ready had become so."""

from __future__ import annotations

import math
from typing import Any

from vid_diffusion_bench.models.served import Progress

SHORTEST_SECONDS, LONGEST_SECONDS, SHARE = 0.02, 1.0, 0.02

WAITING = frozenset({"queued", "pending", "in_queue"})
RUNNING = frozenset({"in_progress", "running", "processing"})
DONE = frozenset({"completed", "succeeded"})

RULE = (
    f"asked again after {SHARE:.0%} of the time waited so far, at least {SHORTEST_SECONDS:g} s and at most "
    f"{LONGEST_SECONDS:g} s; the delay until the clip was found is taken out: by the server's own time of completion "
    "where that has fractions of a second, else half the gap"
)
"""What a protocol says of clips that are found by asking."""


def interval(elapsed: float) -> float:
    """Seconds until the next question, ``elapsed`` seconds after the request: an error of 1 % of the latency at most,
    as long as that is under 50 s; half a second after that.
    """
    return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, SHARE * elapsed))


def note_completion(
    progress: Progress, job: dict[str, Any], taken: tuple[float, float], gap: tuple[float, float]
) -> None:
    """Note how long a clip had been ready when it was found.

    Args:
        progress: Gets the delay and its error.
        job: The server's record; ``created_at`` and ``completed_at`` count only with fractions of a second, because
            the interface gives whole ones, which say less than the questions do.
        taken: When the job was sent and when the server had confirmed it, on the client's clock: it was made between.
        gap: When the last question that found it unfinished was sent, and when the one that found it was answered.
    """
    before, found = gap
    progress.discovery, progress.discovery_error = (found - before) / 2, (found - before) / 2
    created, completed = job.get("created_at"), job.get("completed_at")
    if created is None or completed is None or not (_is_fine(created) and _is_fine(completed)):
        return
    sent, confirmed = taken
    ready = (sent + confirmed) / 2 + completed - created
    if before <= ready <= found:
        progress.discovery, progress.discovery_error = found - ready, (confirmed - sent) / 2


def _is_fine(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value != int(value)
