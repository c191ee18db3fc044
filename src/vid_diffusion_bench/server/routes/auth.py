"""Logins, tokens and API keys (R20)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query

from vid_diffusion_bench.auth.permissions import in_order
from vid_diffusion_bench.exceptions import NotFoundError, PermissionDeniedError, ValidationError
from vid_diffusion_bench.server.access import Asked, Caller, within
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import auth as schemas
from vid_diffusion_bench.server.schemas.base import Flag
from vid_diffusion_bench.server.services import Shared

router = Routes("/auth", tag="Authentication")


@router.on("POST", "/login", access="public", raises=(401,))
def login(body: schemas.LoginRequest, services: Shared, origin: Asked) -> schemas.LoginAnswer:
    """A token for a user name and its password.

    Ten attempts a name and a hundred an address in five minutes; more are answered 429.
    """
    _, token = services.auth.login(body.username, body.password.get_secret_value(), origin)
    return schemas.LoginAnswer(access_token=token.value, expires_in=token.expires_in)


@router.on("POST", "/logout", access="known", status=204, raises=(400,))
def logout(
    caller: Caller, services: Shared, origin: Asked, body: Annotated[schemas.LogoutRequest | None, Body()] = None
) -> None:
    """End the token that the request is sent with, or every token of its user."""
    everywhere = body is not None and body.everywhere
    if everywhere:
        services.auth.users.end_tokens(caller.user_id)
    elif caller.token_id is None:
        raise ValidationError("there is no login of this server to end", remedy="an API key ends by being revoked")
    else:
        services.auth.tokens.revoke(caller.token_id)
    services.auth.audit.add("logout", actor=caller.username, origin=origin, everywhere=everywhere)


@router.on("POST", "/password", access="known", status=204, raises=(400, 403))
def change_password(body: schemas.PasswordChange, caller: Caller, services: Shared, origin: Asked) -> None:
    """Change one's own password, which ends every token of one's own; a key cannot do it."""
    if caller.key_id is not None:
        raise PermissionDeniedError("an API key cannot change a password", remedy="log in first")
    services.auth.check_own_password(caller, body.current_password.get_secret_value(), origin)
    services.auth.users.change(caller.user_id, password=body.new_password.get_secret_value())
    services.auth.audit.add("password.change", actor=caller.username, origin=origin)


@router.on("GET", "/me", access="known")
def get_me(caller: Caller) -> schemas.Me:
    """Who asks, and what they may do."""
    return schemas.Me(
        user_id=caller.user_id,
        username=caller.username,
        permissions=in_order(caller.permissions),
        tier=caller.tier,
        key_id=caller.key_id,
    )


@router.on("POST", "/api-keys", access="keys.manage", status=201, raises=(400,))
def make_key(body: schemas.KeyRequest, caller: Caller, services: Shared, origin: Asked) -> schemas.NewKey:
    """An API key of one's own, which only this answer ever holds.

    It may do no more than whoever makes it; one that is made with a key does not outlast that key.
    """
    auth = services.auth
    tier = body.tier or caller.tier
    within(caller, body.permissions, tier)
    expires_at = body.expires_at.timestamp() if body.expires_at else None
    if caller.key_id is not None and (end := auth.keys.get(caller.key_id).expires_at) is not None:
        expires_at = end if expires_at is None else min(end, expires_at)
    user = auth.users.get(caller.user_id)
    made, secret = auth.keys.make(user, body.name, body.permissions, tier=tier, expires_at=expires_at)
    auth.audit.add(
        "key.make",
        actor=caller.username,
        target=made.id,
        origin=origin,
        owner=user.username,
        prefix=made.prefix,
        permissions=in_order(made.permissions),
    )
    return schemas.NewKey(**dict(schemas.Key.of(made)), api_key=secret)


@router.on("GET", "/api-keys", access="keys.manage")
def list_keys(
    caller: Caller,
    services: Shared,
    everybody: Annotated[Flag, Query(description="keys of all users; for those who may manage users")] = False,
) -> schemas.Keys:
    """One's own API keys, revoked ones too; at most 1000."""
    if everybody and not caller.is_admin:
        raise PermissionDeniedError("this needs the permission users.manage", details={"permission": "users.manage"})
    found = services.auth.keys.all(None if everybody else caller.user_id)
    return schemas.Keys(api_keys=[schemas.Key.of(key) for key in found])


@router.on("DELETE", "/api-keys/{key_id}", access="keys.manage", raises=(404,))
def revoke_key(key_id: schemas.IdOfPath, caller: Caller, services: Shared, origin: Asked) -> schemas.Key:
    """Refuse an API key from now on: one's own, or, for who may manage users, anybody's."""
    found = services.auth.keys.get(key_id)
    if found.user_id != caller.user_id and not caller.is_admin:
        # As if it were not there: ids of others' keys are nobody's business.
        raise NotFoundError(f"there is no API key {key_id}")
    revoked = services.auth.keys.revoke(key_id)
    services.auth.audit.add("key.revoke", actor=caller.username, target=key_id, origin=origin, prefix=found.prefix)
    return schemas.Key.of(revoked)


@router.on("POST", "/keys/rotate", access="users.manage")
def rotate(
    caller: Caller, services: Shared, origin: Asked, body: Annotated[schemas.RotationRequest | None, Body()] = None
) -> schemas.Rotation:
    """Sign tokens with a new key. The old one checks tokens until the last of them has expired."""
    immediately = body is not None and body.immediately
    made = services.auth.rotate(immediately=immediately, actor=caller.username, origin=origin)
    return schemas.Rotation(kid=made.id, created_at=made.created_at)
