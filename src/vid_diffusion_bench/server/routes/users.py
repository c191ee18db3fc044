"""Users, and the log of what they did, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from vid_diffusion_bench.auth.permissions import in_order
from vid_diffusion_bench.server.access import Asked, Caller, within
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import auth as schemas
from vid_diffusion_bench.server.services import Shared

router = Routes(tag="Users")
_Limit = Annotated[int, Query(ge=1, le=1000)]


@router.on("GET", "/auth/users", access="users.manage")
def list_users(
    services: Shared,
    after: Annotated[str, Query(max_length=254, pattern=r"^[ -~]*$", description="the name before the page")] = "",
    limit: _Limit = 100,
) -> schemas.UsersPage:
    """Users by name."""
    found = services.auth.users.all(after=after, limit=limit + 1)
    users = [schemas.UserAnswer.of(user) for user in found[:limit]]
    return schemas.UsersPage(users=users, next=users[-1].username if len(found) > limit else None)


@router.on("POST", "/auth/users", access="users.manage", status=201, raises=(400, 409))
def make_user(body: schemas.UserRequest, caller: Caller, services: Shared, origin: Asked) -> schemas.UserAnswer:
    """A user, who may do no more than whoever makes them."""
    within(caller, body.permissions, body.tier)
    password = body.password.get_secret_value() if body.password else None
    made = services.auth.users.make(body.username, body.permissions, password=password, tier=body.tier)
    permissions = in_order(made.permissions)
    services.auth.audit.add(
        "user.make", actor=caller.username, target=made.username, origin=origin, permissions=permissions, tier=made.tier
    )
    return schemas.UserAnswer.of(made)


@router.on("PATCH", "/auth/users/{user_id}", access="users.manage", raises=(400, 404, 409))
def change_user(
    user_id: schemas.IdOfPath, body: schemas.UserChange, caller: Caller, services: Shared, origin: Asked
) -> schemas.UserAnswer:
    """Change a user who may do no more than whoever asks; the last who may manage users stays one."""
    before = services.auth.users.get(user_id)
    within(caller, before.permissions, before.tier)
    within(caller, body.permissions or (), body.tier or "standard")
    password = body.password.get_secret_value() if body.password else None
    after = services.auth.users.change(
        user_id, permissions=body.permissions, tier=body.tier, password=password, disabled=body.disabled
    )
    changes = body.model_dump(exclude_none=True, exclude={"password"}) | ({"password": "changed"} if password else {})
    services.auth.audit.add("user.change", actor=caller.username, target=after.username, origin=origin, **changes)
    return schemas.UserAnswer.of(after)


@router.on("POST", "/auth/users/{user_id}/logout", access="users.manage", status=204, raises=(404,))
def end_tokens(user_id: schemas.IdOfPath, caller: Caller, services: Shared, origin: Asked) -> None:
    """End every token of a user."""
    target = services.auth.users.get(user_id)
    services.auth.users.end_tokens(user_id)
    services.auth.audit.add("logout", actor=caller.username, target=target.username, origin=origin, everywhere=True)


@router.on("GET", "/audit", access="audit.read")
def list_audit(
    services: Shared,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="`next` of the page before")] = None,
    limit: _Limit = 100,
    action: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z_.]+$")] = None,
    actor: Annotated[str | None, Query(max_length=254, pattern=r"^[ -~]+$")] = None,
) -> schemas.AuditPage:
    """The log of what matters to security, the newest first."""
    found = services.auth.audit.page(before=before, limit=limit + 1, action=action, actor=actor)
    entries = [schemas.AuditAnswer.of(entry) for entry in found[:limit]]
    return schemas.AuditPage(entries=entries, next=entries[-1].id if len(found) > limit else None)
