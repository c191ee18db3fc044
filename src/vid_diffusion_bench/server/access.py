"""Whether a request may pass: who asks, how often, and whether they may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from vid_diffusion_bench.auth import Permission, Principal, Tier
from vid_diffusion_bench.auth.audit import Origin
from vid_diffusion_bench.auth.permissions import in_order, lower
from vid_diffusion_bench.exceptions import (
    AuthenticationError,
    PermissionDeniedError,
    RateLimitExceededError,
    ServerOverloadedError,
    StorageError,
)
from vid_diffusion_bench.server.rate_limits import Standing

UNCOUNTED: Final = ("/health", "/monitoring/health", "/metrics")
"""Paths that probes ask every few seconds."""
Access = Permission | Literal["public", "known"]
"""A permission; ``known``: anybody who is known; ``public``: everybody."""


class Requires:
    """The dependency of a route: authenticates, counts the request against its limit, checks the permission.

    :meth:`let_in` does it, before the body is read: who may not ask makes no work. As a dependency it is no more than
    who was let in, so that a route that lets in nobody has nobody.
    ``opened_by`` names a setting that makes the route one for everybody.
    """

    def __init__(self, access: Access, opened_by: str | None = None) -> None:
        self.access, self._opened_by = access, opened_by

    async def __call__(self, request: Request) -> Principal | None:
        """Who was let in; ``None`` on a public route that nobody known asks."""
        principal: Principal | None = request.state.principal
        return principal

    async def let_in(self, request: Request) -> None:
        """Authenticate, count and check.

        What waits for a database or a store runs in a thread; what does not is done at once.

        Raises:
            AuthenticationError: Nobody known asks.
            RateLimitExceededError: They ask too often.
            PermissionDeniedError: They may not.
        """
        principal = _remembered(request)
        if principal is not None and request.app.state.services.limiter.is_near:
            self._pass(request, principal)
        else:
            await run_in_threadpool(lambda: self._pass(request, principal or self._principal(request)))

    def _pass(self, request: Request, principal: Principal | None) -> None:
        request.state.principal = principal
        self._count(request, principal)
        if self.access == "public" or self._is_opened(request):
            return
        if principal is None:
            raise AuthenticationError("this needs a token or an API key", remedy="send Authorization: Bearer TOKEN")
        if self.access != "known" and not principal.may(self.access):
            raise PermissionDeniedError(f"this needs the permission {self.access}", details={"permission": self.access})

    def _count(self, request: Request, principal: Principal | None) -> None:
        path = request.scope["path"].removeprefix("/api/v1")
        if path in UNCOUNTED:
            return
        address = request.client.host if request.client else None
        headers = request.scope["answer_headers"]
        try:
            standing = request.app.state.services.limiter.count(principal, address, path)
        except RateLimitExceededError as error:
            headers.update(
                Standing(error.details["limit"], 0, error.details["reset"], error.details["window"]).headers()
            )
            raise
        if standing:
            headers.update(standing.headers())

    def _principal(self, request: Request) -> Principal | None:
        try:
            return authenticate(request)
        except (AuthenticationError, StorageError, ServerOverloadedError) as error:
            # A login with an old token, and a health probe while the database is away, need not be known.
            if self.access == "public" or self._is_opened(request):
                return None
            if isinstance(error, AuthenticationError):
                self._count(request, None)
            raise

    def _is_opened(self, request: Request) -> bool:
        settings = request.app.state.services.settings
        return self._opened_by is not None and bool(getattr(settings, self._opened_by))


def authenticate(request: Request) -> Principal | None:
    """Who sends the request; ``None`` when it names nobody.

    Raises:
        AuthenticationError: It names nobody known, or two.
    """
    auth = request.app.state.services.auth
    found: Principal | None = auth.authenticate(
        _only(request, "Authorization"), _only(request, "X-API-Key"), origin=origin_of(request)
    )
    return found


def _remembered(request: Request) -> Principal | None:
    keys, others = request.headers.getlist("X-API-Key"), request.headers.getlist("Authorization")
    if len(keys) != 1 or others:
        return None
    found: Principal | None = request.app.state.services.auth.remembered(None, keys[0])
    return found


def origin_of(request: Request) -> Origin:
    """Where the request comes from, for the audit log and for limits."""
    address = request.client.host if request.client else None
    return Origin(address, str(request.scope.get("request_id", "")) or None)


def within(caller: Principal, permissions: Iterable[Permission], tier: Tier) -> None:
    """Nobody gives, or takes from somebody, more than they have.

    Raises:
        PermissionDeniedError: They would.
    """
    if more := in_order(frozenset(permissions) - caller.permissions):
        raise PermissionDeniedError(f"whoever asks may not {', '.join(more)}", details={"permissions": more})
    if lower(tier, caller.tier) != tier:
        raise PermissionDeniedError(f"whoever asks has the tier {caller.tier}", details={"tier": caller.tier})


def _only(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise AuthenticationError(f"{name} is given {len(values)} times", remedy="send it once")
    return values[0] if values else None


async def _known(request: Request) -> Principal:
    found = request.state.principal
    assert isinstance(found, Principal), "only routes that are not public ask who"
    return found


async def _origin(request: Request) -> Origin:
    return origin_of(request)


Caller = Annotated[Principal, Depends(_known)]
"""Who asks, as a parameter of a route that is not public."""
Asked = Annotated[Origin, Depends(_origin)]
"""Where from, as a parameter of a route."""
