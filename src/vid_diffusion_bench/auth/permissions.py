"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Permission = Literal[
    "benchmark.create",
    "benchmark.read",
    "benchmark.cancel",
    "models.read",
    "models.evaluate",
    "metrics.compute",
    "metrics.read",
    "analytics.read",
    "monitoring.read",
    "keys.manage",
    "users.manage",
    "audit.read",
]
"""What a route needs. ``keys.manage`` is for one's own API keys; ``users.manage`` makes somebody an administrator, who
sees everybody's benchmarks."""
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)
READ_ONLY: Final[tuple[Permission, ...]] = tuple(
    name for name in PERMISSIONS if name.endswith(".read") and name != "audit.read"
)
"""What everybody may who may anything; the audit log tells of others."""

Tier = Literal["standard", "premium", "enterprise"]
TIERS: Final[tuple[Tier, ...]] = get_args(Tier)


def known(names: Iterable[str]) -> frozenset[Permission]:
    """Those of ``names`` that are permissions of this version."""
    given = frozenset(names)
    return frozenset(name for name in PERMISSIONS if name in given)


def in_order(permissions: Iterable[Permission]) -> list[Permission]:
    """As :data:`PERMISSIONS` orders them, each once."""
    given = frozenset(permissions)
    return [name for name in PERMISSIONS if name in given]


def lower(one: Tier, other: Tier) -> Tier:
    """The one of two tiers with the lower limits."""
    return min(one, other, key=TIERS.index)


@dataclass(frozen=True)
class Principal:
    """Who a request comes from: a user by a token, or by one of their API keys (``key_id``), whose permissions are then
    those of both."""

    user_id: str
    username: str
    permissions: frozenset[Permission]
    tier: Tier
    key_id: str | None = None
    token_id: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def is_admin(self) -> bool:
        return "users.manage" in self.permissions
