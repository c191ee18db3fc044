"""Users and keys as ``vid-bench auth`` reads and shows them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from vid_diffusion_bench.auth.permissions import PERMISSIONS, READ_ONLY, Permission, in_order

if TYPE_CHECKING:
    from rich.table import Table

    from vid_diffusion_bench.auth.keys import ApiKey
    from vid_diffusion_bench.auth.user import User

Scope = Annotated[list[Permission | Literal["all", "read-only"]] | None, Parameter(consume_multiple=True, negative=())]


def permissions_of(
    given: Sequence[Any], within: frozenset[Permission] = frozenset(PERMISSIONS)
) -> frozenset[Permission]:
    """Permissions by name; ``all`` and ``read-only`` mean those of them that are ``within``."""
    named = {"all": within, "read-only": within & frozenset(READ_ONLY)}
    return frozenset(permission for name in given for permission in named.get(name, (name,)))


def short(permissions: frozenset[Permission]) -> str:
    """In a word where there is one."""
    names = {frozenset(PERMISSIONS): "all", frozenset(READ_ONLY): "read-only", frozenset(): "nothing"}
    return names.get(permissions) or ", ".join(in_order(permissions))


def state(user: User) -> str:
    """How they come in."""
    if user.disabled:
        return "disabled"
    return "OIDC" if user.issuer else "password" if user.has_password else "keys only"


def life(key: ApiKey) -> str:
    """Whether it is of use."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "in use" if key.last_used_at else "not used yet"
    return "expired" if key.expires_at <= time.time() else f"until {moment(key.expires_at)}"


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user_data(user: User) -> dict[str, Any]:
    """Plain data."""
    shown = ("id", "username", "tier", "disabled", "has_password", "issuer", "subject")
    data = {name: getattr(user, name) for name in shown}
    return {**data, "permissions": in_order(user.permissions), "created_at": moment(user.created_at)}


def key_data(key: ApiKey) -> dict[str, Any]:
    """Plain data; the key itself is known to nobody."""
    data = {name: getattr(key, name) for name in ("id", "user_id", "name", "prefix", "tier")}
    times = {name: moment(getattr(key, name)) for name in ("created_at", "expires_at", "revoked_at", "last_used_at")}
    return {**data, "permissions": in_order(key.permissions), **times}


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """What rich prints."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        shown.add_column(title, no_wrap=title != "permissions", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
