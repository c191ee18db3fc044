"""``vid-bench auth keys``."""

from __future__ import annotations

import time

from cyclopts import App

from vid_diffusion_bench.auth.permissions import in_order
from vid_diffusion_bench.cli.auth_shown import Scope, key_data, life, permissions_of, short, table
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.cli.server_database import ACTOR, opened_auth
from vid_diffusion_bench.exceptions import ValidationError

keys = App(name="keys", help="List, make and revoke API keys.")


@keys.command(name="list")
def list_keys(name: str | None = None, /) -> Reply:
    """List API keys, revoked ones too.

    Args:
        name: Of this user only.
    """
    with opened_auth() as auth:
        found = auth.keys.all(auth.users.named(name).id if name else None)
        names = {user.id: user.username for user in auth.users.all()}
    rows = [
        (f"{key.prefix}…", names.get(key.user_id, key.user_id), key.name, life(key), short(key.permissions))
        for key in found
    ]
    titles = ("key", "user", "name", "state", "permissions")
    return Reply({"api_keys": [key_data(key) for key in found]}, table(titles, rows))


@keys.command(name="make")
def make_key(user: str, /, *, name: str = "vid-bench", permissions: Scope = None, days: float | None = None) -> Reply:
    """Make an API key and print it, this once.

    Args:
        user: Whose.
        name: What it is for.
        permissions: What it may do; all that its user may when not given.
        days: When it expires.
    """
    if days is not None and not 0 < days < 36_500:
        raise ValidationError("--days is a positive number", remedy="leave it out for a key that does not expire")
    with opened_auth() as auth:
        owner = auth.users.named(user)
        scope = owner.permissions if permissions is None else permissions_of(permissions, owner.permissions)
        ends = None if days is None else time.time() + days * 86_400
        made, secret = auth.keys.make(owner, name, scope, expires_at=ends)
        auth.audit.add(
            "key.make",
            actor=ACTOR,
            target=made.id,
            owner=owner.username,
            prefix=made.prefix,
            permissions=in_order(made.permissions),
        )
    return Reply({**key_data(made), "api_key": secret}, f"{secret}\n\nthe key of {owner.username}, shown this once")


@keys.command(name="revoke")
def revoke_key(key: str, /) -> Reply:
    """Refuse an API key from now on.

    Args:
        key: Its id, or how it begins, as `vid-bench auth keys list` shows it.
    """
    with opened_auth() as auth:
        revoked = auth.keys.revoke(auth.keys.find(key.rstrip("…")).id)
        auth.audit.add("key.revoke", actor=ACTOR, target=revoked.id, prefix=revoked.prefix)
    return Reply(key_data(revoked), f"{revoked.prefix}… is revoked")
