"""How often somebody may ask: the table of the API reference, by tier, in moving windows that all processes share."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerSecond
from limits.errors import StorageError as LimitsStorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from vid_diffusion_bench.auth import Principal, Tier
from vid_diffusion_bench.exceptions import RateLimitExceededError, ServerOverloadedError

logger = logging.getLogger(__name__)
WINDOW: Final = 3600
"""Seconds."""
UNAVAILABLE: Final = 5


@dataclass(frozen=True)
class Limit:
    """``requests`` in any hour, and ``burst`` of them in any second."""

    name: str
    requests: int
    burst: int


TABLE: Final = {
    "benchmarks": Limit("benchmarks", 100, 20),
    "models": Limit("models", 1000, 100),
    "analytics": Limit("analytics", 500, 50),
    "streaming": Limit("streaming", 50, 10),
    "federated": Limit("federated", 10, 2),
}
"""Of the standard tier, by the first part of the path; see :data:`OTHER`."""
OTHER: Final = Limit("other", 1000, 100)
"""Of every other path."""
FACTORS: Final[dict[Tier, int | None]] = {"standard": 1, "premium": 10, "enterprise": None}
"""What a tier multiplies both numbers by; ``None``: no limit."""


@dataclass(frozen=True)
class Standing:
    """What is left of a limit; ``reset`` is when its window has room for all again, seconds since 1970."""

    limit: int
    remaining: int
    reset: int
    window: int = WINDOW

    def headers(self) -> dict[str, str]:
        """As the API reference prints them."""
        values = {"Limit": self.limit, "Remaining": self.remaining, "Reset": self.reset, "Window": self.window}
        return {f"X-RateLimit-{name}": str(value) for name, value in values.items()}


class RateLimiter:
    """Counts requests.

    Args:
        storage: ``memory://``, or ``redis://…`` where several processes count together.
    """

    def __init__(self, storage: str) -> None:
        self._windows = MovingWindowRateLimiter(storage_from_string(storage, wrap_exceptions=True))
        self.is_near = storage.startswith("memory:")
        """Whether counting waits for nobody."""

    def count(self, principal: Principal | None, address: str | None, path: str) -> Standing | None:
        """Count one request for ``path`` (below ``/api/v1``); ``None`` where there is no limit.

        A refused request counts against nothing.

        Raises:
            RateLimitExceededError: There were too many.
            ServerOverloadedError: The store that counts cannot be reached.
        """
        factor = FACTORS[principal.tier if principal else "standard"]
        if factor is None:
            return None
        limit = TABLE.get(path.strip("/").partition("/")[0], OTHER)
        who = f"user:{principal.user_id}" if principal else f"address:{address}"
        hour, second = RateLimitItemPerHour(limit.requests * factor), RateLimitItemPerSecond(limit.burst * factor)
        with _translated():
            if not self._windows.hit(second, limit.name, who):
                raise self._refused(second, limit.name, who)
            if not self._windows.hit(hour, limit.name, who):
                raise self._refused(hour, limit.name, who)
            return self._standing(hour, limit.name, who)

    def _standing(self, item: RateLimitItem, *identifiers: str) -> Standing:
        reset, remaining = self._windows.get_window_stats(item, *identifiers)
        return Standing(item.amount, remaining, math.ceil(reset), item.get_expiry())

    def _refused(self, item: RateLimitItem, *identifiers: str) -> RateLimitExceededError:
        found = self._standing(item, *identifiers)
        wait = max(1, math.ceil(found.reset - time.time()))
        return RateLimitExceededError(
            f"Rate limit exceeded. Try again in {wait} seconds.",
            remedy="ask less often, or have an administrator raise your tier",
            details={
                "limit": found.limit,
                "remaining": 0,
                "reset_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.reset)),
                "retry_after": wait,
                "reset": found.reset,
                "window": found.window,
            },
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except LimitsStorageError as error:
        logger.warning("the store of rate limits cannot be reached: %s", error)
        raise ServerOverloadedError("the store of rate limits cannot be reached", retry_after=UNAVAILABLE) from error
