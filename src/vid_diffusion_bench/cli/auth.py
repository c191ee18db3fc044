"""``vid-bench auth``: users, keys and tokens of a server, on its database itself."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from vid_diffusion_bench.auth.permissions import Tier, in_order
from vid_diffusion_bench.cli.auth_keys import keys
from vid_diffusion_bench.cli.auth_shown import Scope, permissions_of, short, state, table, user_data
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.cli.server_database import ACTOR, opened_auth
from vid_diffusion_bench.exceptions import ValidationError

app = App(
    name="auth",
    help="Users, API keys and tokens of a server, on the database of VIDBENCH_DATABASE_URL or VIDBENCH_DATA_ROOT.",
)
users = App(name="users", help="List, make and change users.")
app.command(users)
app.command(keys)
_Flag = Annotated[bool, Parameter(negative=())]


@users.command(name="list")
def list_users() -> Reply:
    """List users."""
    with opened_auth() as auth:
        found = auth.users.all()
    rows = [(u.username, u.tier, state(u), short(u.permissions)) for u in found]
    return Reply({"users": [user_data(user) for user in found]}, table(("user", "tier", "state", "permissions"), rows))


@users.command(name="make")
def make_user(
    name: str,
    /,
    *,
    permissions: Scope = None,
    tier: Tier = "standard",
    password: _Flag = False,
    password_stdin: _Flag = False,
) -> Reply:
    """Make a user. Without a password they come by API keys only.

    Args:
        name: Such as an e-mail address.
        permissions: What they may do; `read-only` when not given, `all` makes an administrator.
        tier: The limits that hold for them.
        password: Ask for a password at the terminal.
        password_stdin: Read the password from standard input, its first line.
    """
    secret = _password(name, stdin=password_stdin) if password or password_stdin else None
    with opened_auth() as auth:
        made = auth.users.make(name, permissions_of(permissions or ["read-only"]), password=secret, tier=tier)
        auth.audit.add(
            "user.make", actor=ACTOR, target=made.username, permissions=in_order(made.permissions), tier=tier
        )
    return Reply(user_data(made), f"made {made.username}, who may {short(made.permissions)}")


@users.command(name="change")
def change_user(
    name: str,
    /,
    *,
    permissions: Scope = None,
    tier: Tier | None = None,
    password: _Flag = False,
    password_stdin: _Flag = False,
    disabled: bool | None = None,
) -> Reply:
    """Change a user. A new password, or `--disabled`, ends every token of theirs.

    Args:
        name: Who.
        permissions: What they may do from now on.
        tier: The limits that hold for them from now on.
        password: Ask for a new password at the terminal.
        password_stdin: Read the new password from standard input, its first line.
        disabled: Let them and their keys in no more; `--no-disabled` lets them in again.
    """
    secret = _password(name, stdin=password_stdin) if password or password_stdin else None
    scope = permissions_of(permissions) if permissions is not None else None
    with opened_auth() as auth:
        user = auth.users.named(name)
        after = auth.users.change(user.id, permissions=scope, tier=tier, password=secret, disabled=disabled)
        said: dict[str, Any] = {
            "permissions": in_order(scope) if scope is not None else None,
            "tier": tier,
            "disabled": disabled,
        }
        said["password"] = "changed" if secret else None
        changes = {key: value for key, value in said.items() if value is not None}
        auth.audit.add("user.change", actor=ACTOR, target=after.username, **changes)
    return Reply(user_data(after), f"{after.username}: {state(after)}, {after.tier}, may {short(after.permissions)}")


@app.command(name="logout")
def logout(name: str, /) -> Reply:
    """End every token of a user; API keys stay.

    Args:
        name: Who.
    """
    with opened_auth() as auth:
        user = auth.users.named(name)
        auth.users.end_tokens(user.id)
        auth.audit.add("logout", actor=ACTOR, target=user.username, everywhere=True)
    return Reply({"username": user.username}, f"the tokens of {user.username} are ended")


@app.command(name="rotate")
def rotate(*, immediately: _Flag = False) -> Reply:
    """Sign tokens with a new key; the old one checks tokens until the last of them has expired.

    Args:
        immediately: End the tokens of the old key now, as when it has become known; everybody must log in again.
    """
    with opened_auth() as auth:
        made = auth.rotate(immediately=immediately, actor=ACTOR)
    return Reply({"kid": made.id}, f"tokens are signed with {made.id} from now on")


def _password(name: str, *, stdin: bool) -> str:
    # Never an option: other users of the machine see command lines.
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"password of {name}: ")
    if getpass.getpass("once more: ") != first:
        raise ValidationError("the two are not the same", remedy="try again")
    return first
