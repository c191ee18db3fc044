"""Whether a request may pass: who asks, how often, and whether they may."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Request

from vid_diffusion_bench.auth import Permission, Principal
from vid_diffusion_bench.exceptions import AuthenticationError, PermissionDeniedError


class Requires:
    """The dependency of a route: authenticates, counts the request against its limit, checks the permission."""

    def __init__(self, access: Permission | Literal["public"]) -> None:
        self.access = access

    def __call__(self, request: Request) -> Principal | None:
        """Who asks; ``None`` on a public route that nobody known asks.

        Raises:
            AuthenticationError: Nobody known asks.
            RateLimitExceededError: They ask too often.
            PermissionDeniedError: They may not.
        """
        principal: Principal | None = None  # authenticate(request)
        request.state.principal = principal
        if self.access == "public":
            return principal
        if principal is None:
            raise AuthenticationError("this needs a token or an API key", remedy="send Authorization: Bearer TOKEN")
        if not principal.may(self.access):
            raise PermissionDeniedError(f"this needs the permission {self.access}", details={"permission": self.access})
        return principal


def _principal(request: Request) -> Principal:
    found = request.state.principal
    assert isinstance(found, Principal), "only routes that are not public ask who"
    return found


Caller = Annotated[Principal, Depends(_principal)]
"""Who asks, as a parameter of a route that is not public."""
