"""Passwords: what one must be, and Argon2id."""

from __future__ import annotations

import secrets
import unicodedata
from threading import BoundedSemaphore
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from vid_diffusion_bench.exceptions import ServerOverloadedError, ValidationError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 1024
"""Characters. Everything up to the bound counts: Argon2id cuts nothing off."""
AT_ONCE: Final = 4
"""Passwords that one process checks at a time: each takes 64 MiB."""
PATIENCE_SECONDS: Final = 5


def check_password(password: str) -> None:
    """Whether people may choose it.

    Raises:
        ValidationError: It is too short or too long, or not text.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValidationError(
            f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters, this one {len(password)}",
            remedy="choose another one; several words are good",
        )
    if not password.isprintable():
        raise ValidationError("a password holds no control characters", remedy="choose another one")


class Passwords:
    """Argon2id at the parameters that argon2-cffi has from RFC 9106 (its second, 64 MiB and 3 passes).

    Passwords are compared as Unicode's NFKC, as NIST SP 800-63B asks, so that a keyboard that composes letters in
    another way is no other password.
    """

    def __init__(self) -> None:
        self._hashing = PasswordHash([Argon2Hasher()])
        self._room = BoundedSemaphore(AT_ONCE)
        self._nobodys = self.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Its hash with a salt of its own, about 100 characters."""
        with _Turn(self._room):
            return self._hashing.hash(_bytes(password))

    def matches(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether ``password`` is that of ``stored``; and a new hash to store if the old one has old parameters.

        ``None`` matches nothing, and takes as long as a hash that does not match.
        """
        with _Turn(self._room):
            right, newer = self._hashing.verify_and_update(_bytes(password), stored or self._nobodys)
        return (right, newer) if stored else (False, None)


class _Turn:
    """A place among those :data:`AT_ONCE`."""

    def __init__(self, room: BoundedSemaphore) -> None:
        self._room = room

    def __enter__(self) -> None:
        if not self._room.acquire(timeout=PATIENCE_SECONDS):
            raise ServerOverloadedError("too many passwords are being checked", retry_after=PATIENCE_SECONDS)

    def __exit__(self, *_: object) -> None:
        self._room.release()


def _bytes(password: str) -> bytes:
    # A lone surrogate is a character of JSON that UTF-8 has not.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
