"""Logins at a provider that are under way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from vid_diffusion_bench.exceptions import AuthenticationError

PENDING_SECONDS: Final = 600
"""How long somebody may take to log in."""
MAX_PENDING: Final = 10_000


@dataclass(frozen=True)
class Login:
    """Somebody who was sent to the provider; ``since`` is of the monotonic clock."""

    redirect_uri: str
    scopes: tuple[str, ...]
    verifier: str = field(repr=False)
    since: float = field(default_factory=time.monotonic)

    @property
    def challenge(self) -> str:
        """RFC 7636, section 4.2, method S256."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Logins:
    """By state. Each is taken once, within ten minutes; of too many the oldest is forgotten."""

    def __init__(self) -> None:
        self._by_state: dict[str, Login] = {}
        self._lock = threading.Lock()

    def add(self, state: str, login: Login) -> None:
        with self._lock:
            self._forget()
            if len(self._by_state) >= MAX_PENDING:
                del self._by_state[next(iter(self._by_state))]
            self._by_state[state] = login

    def redirect_uri(self, state: str | None) -> str:
        """Where who has this state comes back to.

        Raises:
            AuthenticationError: Nobody has it.
        """
        with self._lock:
            self._forget()
            found = self._by_state.get(state or "")
        if found is None:
            raise _forged()
        return found.redirect_uri

    def take(self, state: str | None, redirect_uri: str) -> Login:
        """The one of a state, or, without a state, the only one that comes back to this address.

        Raises:
            AuthenticationError: There is none, or there are several.
        """
        with self._lock:
            self._forget()
            fitting = [
                key
                for key, one in self._by_state.items()
                if one.redirect_uri == redirect_uri and (state is None or _same(key, state))
            ]
            if len(fitting) > 1:
                raise AuthenticationError(
                    "several logins are under way, and nothing says which this is",
                    remedy="pass the state of the callback, or its whole address to exchange_callback",
                )
            if not fitting:
                raise _forged()
            return self._by_state.pop(fitting[0])

    def _forget(self) -> None:
        oldest = time.monotonic() - PENDING_SECONDS
        for state in [state for state, one in self._by_state.items() if one.since < oldest]:
            del self._by_state[state]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))


def _forged() -> AuthenticationError:
    return AuthenticationError(
        "this login was not started here, is done, or took too long",
        remedy="start again with get_authorization_url, and use each code once",
    )
