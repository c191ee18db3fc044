"""How often somebody may guess a password."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError as LimitsStorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from vid_diffusion_bench.exceptions import RateLimitExceededError, StorageError

MINUTES: Final = 5
OF_A_NAME: Final = RateLimitItemPerMinute(10, MINUTES, namespace="login-name")
OF_AN_ADDRESS: Final = RateLimitItemPerMinute(100, MINUTES, namespace="login-address")
_TOLD: Final = RateLimitItemPerMinute(1, MINUTES, namespace="login-told")


class LoginLimiter:
    """Ten logins a name and a hundred an address in five minutes, in every process together.

    An attempt counts before its password is looked at, so that many at once are not more than many. A right password
    forgets the attempts on its name, not those of the address: who guesses may have an account of their own.
    """

    def __init__(self, storage: str) -> None:
        self._limiter = MovingWindowRateLimiter(storage_from_string(storage, wrap_exceptions=True))

    def attempt(self, username: str, address: str | None) -> None:
        """Count one login.

        Raises:
            RateLimitExceededError: There were too many; ``details`` say when to come again.
            StorageError: The store of the counts is away.
        """
        try:
            for item, of in ((OF_AN_ADDRESS, network(address)), (OF_A_NAME, username.lower())):
                if not self._limiter.hit(item, of):
                    raise self._exceeded(item, of)
        except LimitsStorageError as error:
            raise StorageError("the store of rate limits cannot be reached", remedy="see that it runs") from error

    def passed(self, username: str) -> None:
        """Forget the attempts on a name: its owner has come."""
        try:
            self._limiter.clear(OF_A_NAME, username.lower())
        except LimitsStorageError as error:
            raise StorageError("the store of rate limits cannot be reached", remedy="see that it runs") from error

    def is_news(self, username: str, address: str | None) -> bool:
        """Whether that this name and address are limited was not told in this window: a log must not be flooded."""
        return self._limiter.hit(_TOLD, username.lower(), network(address))

    def _exceeded(self, item: RateLimitItem, of: str) -> RateLimitExceededError:
        reset_at = self._limiter.get_window_stats(item, of).reset_time
        wait = max(1, math.ceil(reset_at - time.time()))
        details = {
            "limit": item.amount,
            "remaining": 0,
            "reset_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(math.ceil(reset_at))),
            "retry_after": wait,
        }
        return RateLimitExceededError("too many logins", remedy=f"try again in {wait} s", details=details)


def network(address: str | None) -> str:
    """What counts as one address: of IPv6, the /64 that one line of a provider is."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
